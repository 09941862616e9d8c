"""The configured losses: what is masked, the fourth class, and that plain ce means the same for all."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper_tasks.sentiment.loss import polarity_ce, sentiment_loss, stacked_alpha
from tests.tasks.sentiment.tiny import tiny_config

LABELS = torch.tensor([[0, -1], [2, -1]])
HALF = math.log(2)


def alphas(rows: list[list[float]]) -> dict[str, Tensor]:
    return {
        f"loss.focal_alpha.{a}.{c}": torch.tensor(v) for a, row in enumerate(rows) for c, v in enumerate(row)
    }


def of(loss: str, logits: Tensor, coefficients: dict[str, Tensor] | None = None, **changes: Any) -> float:
    config = tiny_config(loss, **changes).loss
    return sentiment_loss(config, logits, LABELS, coefficients or {}).item()


def test_an_aspect_that_nobody_names_counts_nothing_when_masked() -> None:
    """Aspect 1 is ln 3 for both reviews; aspect 2 is named by none, whatever its logits."""
    logits = torch.zeros(2, 2, 3)
    logits[:, 1] = torch.tensor([50.0, 0, 0])
    assert of("ce", logits) == pytest.approx(math.log(3))


def test_not_named_is_the_fourth_class_where_it_is_a_class() -> None:
    """All p are 1/4 for aspect 1, ln 4; aspect 2 is surely not named, ln 1: the mean is ln 2."""
    logits = torch.zeros(2, 2, 4)
    logits[:, 1, 3] = 60
    assert of("ce", logits, absent="class") == pytest.approx(HALF)


def test_the_fourth_class_has_an_alpha_of_its_own() -> None:
    """All p are 1/4 and gamma is 0: alpha 2 for polarities of aspect 1, 0.5 for "not named" of aspect 2.

    (2 ln 4 + 0.5 ln 4) / 2 = 1.25 ln 4.
    """
    coefficients = alphas([[2, 2, 2, 9], [9, 9, 9, 0.5]]) | {"loss.focal_gamma": torch.tensor(0.0)}
    got = of("multilabel_focal", torch.zeros(2, 2, 4), coefficients, absent="class")
    assert got == pytest.approx(1.25 * math.log(4))


def test_plain_ce_is_the_baselines_loss_and_knows_no_fourth_class() -> None:
    logits = torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(0))
    three, moved = logits[..., :3], logits + torch.tensor([0, 0, 0, 7.0])
    assert polarity_ce(three, LABELS).item() == pytest.approx(of("ce", three))
    assert torch.equal(polarity_ce(logits, LABELS), polarity_ce(moved, LABELS))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    loss = sentiment_loss(tiny_config().loss, logits, LABELS, {})
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(of("ce", logits.float()))


def test_alpha_is_stacked_by_aspect_then_class() -> None:
    got = stacked_alpha(alphas([[1, 2, 3], [4, 5, 6]]), 2, 3)
    assert got.tolist() == [[1, 2, 3], [4, 5, 6]]
