"""Losses of one right output in 63: by hand, against torch, and what alpha does to the rare positives."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from sweeper_tasks.captcha.alphabet import N_CLASSES
from sweeper_tasks.captcha.loss import captcha_loss
from sweeper_tasks.captcha.loss_config import LossConfig
from tests.tasks.captcha.tiny import LOSSES, tiny_config

NAMES = sorted(LOSSES)


def loss_config(name: str, **changes: Any) -> LossConfig:
    return tiny_config(name, **changes).loss


def given_values(**values: float) -> dict[str, Tensor]:
    return {f"loss.{key}": torch.tensor(value, dtype=torch.float64) for key, value in values.items()}


COEFFICIENTS = given_values(gamma=2.0, alpha=0.25, pos_weight=3.0)


def drawn(n: int = 6, positions: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, positions, N_CLASSES, generator=draw, dtype=torch.float64)
    return logits, torch.randint(0, N_CLASSES, (n, positions), generator=draw)


def value(name: str, logits: Tensor, codes: Tensor, **coefficients: float) -> Tensor:
    return captcha_loss(loss_config(name), logits, codes, COEFFICIENTS | given_values(**coefficients))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bce", math.log(2)),
        ("weighted_bce", (3 + 62) / 63 * math.log(2)),
        ("binary_focal", (0.25 + 62 * 0.75) / 63 * 0.25 * math.log(2)),
        ("ce", math.log(63)),
        ("focal_ce", (62 / 63) ** 2 * math.log(63)),
    ],
)
def test_an_undecided_model_by_hand(name: str, expected: float) -> None:
    """All z = 0: each sigmoid is 1/2 and costs ln 2; each softmax is 1/63 and costs ln 63.

    weighted: 1 output of 63 counts 3. focal: (1/2)^2 = 0.25, times 0.25 for one and 0.75 for 62 outputs.
    """
    logits, codes = torch.zeros(2, 3, N_CLASSES, dtype=torch.float64), torch.tensor([[0, 5, 62], [1, 1, 1]])
    assert value(name, logits, codes).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("alpha", "share"), [(0.25, 0.25 / 46.75), (0.5, 1 / 63), (0.75, 0.75 / 16.25), (62 / 63, 0.5)]
)
def test_alpha_below_one_half_weighs_the_rare_positives_down(alpha: float, share: float) -> None:
    """At z = 0 all outputs have one gradient but for their weight: alpha for 1, 1 - alpha for 62 of them.

    The share of the positive in their sum is 0.25 / (0.25 + 62 x 0.75) = 0.5 % at 0.25, 1.6 % at 0.5, 4.6 %
    at 0.75, and a half at 62 / 63.
    """
    logits, codes = torch.zeros(1, 1, N_CLASSES, dtype=torch.float64), torch.tensor([[9]])
    slope = grad(lambda z: value("binary_focal", z, codes, alpha=alpha))(logits).abs().flatten()
    assert (slope[9] / slope.sum()).item() == pytest.approx(share)


def test_bce_ce_and_weighted_bce_are_those_of_torch() -> None:
    logits, codes = drawn()
    labels = one_hot(codes, N_CLASSES).double()
    weight = torch.tensor(3.0, dtype=torch.float64)
    assert torch.equal(value("bce", logits, codes), binary_cross_entropy_with_logits(logits, labels))
    expected = binary_cross_entropy_with_logits(logits, labels, pos_weight=weight)
    assert torch.equal(value("weighted_bce", logits, codes), expected)
    torch.testing.assert_close(
        value("ce", logits, codes), cross_entropy(logits.flatten(0, 1), codes.flatten())
    )


def test_binary_focal_is_the_formula_of_probabilities() -> None:
    """`-alpha_t (1 - p_t)^gamma log p_t`, output by output."""
    logits, codes = drawn()
    y = one_hot(codes, N_CLASSES).double()
    p = torch.sigmoid(logits)
    p_t, alpha_t = torch.where(y == 1, p, 1 - p), torch.where(y == 1, 0.25, 0.75)
    expected = (-alpha_t * (1 - p_t) ** 1.5 * torch.log(p_t)).mean()
    torch.testing.assert_close(value("binary_focal", logits, codes, gamma=1.5), expected)


def test_focal_ce_is_the_formula_of_probabilities() -> None:
    logits, codes = drawn()
    p_t = logits.softmax(dim=-1).gather(-1, codes.unsqueeze(-1))
    expected = (-((1 - p_t) ** 1.5) * torch.log(p_t)).mean()
    torch.testing.assert_close(value("focal_ce", logits, codes, gamma=1.5), expected)


@pytest.mark.parametrize(("focal", "plain"), [("binary_focal", "bce"), ("focal_ce", "ce")])
def test_gamma_0_is_the_plain_loss(focal: str, plain: str) -> None:
    logits, codes = drawn()
    config = loss_config(focal, **({"use_alpha": False} if focal == "binary_focal" else {}))
    got = captcha_loss(config, logits, codes, given_values(gamma=0.0))
    torch.testing.assert_close(got, value(plain, logits, codes), rtol=1e-15, atol=0)


def test_pos_weight_1_and_alpha_one_half_only_scale_bce() -> None:
    logits, codes = drawn()
    bce = value("bce", logits, codes)
    torch.testing.assert_close(value("weighted_bce", logits, codes, pos_weight=1.0), bce)
    torch.testing.assert_close(value("binary_focal", logits, codes, gamma=0.0, alpha=0.5), bce / 2)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_order_of_images_and_of_positions_does_not_matter(name: str, seed: int) -> None:
    logits, codes = drawn(seed=seed)
    draw = torch.Generator().manual_seed(seed)
    rows, columns = torch.randperm(6, generator=draw), torch.randperm(4, generator=draw)
    shuffled = value(name, logits[rows][:, columns], codes[rows][:, columns])
    torch.testing.assert_close(shuffled, value(name, logits, codes))


@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_stay_finite_at_logits_of_100_in_float32(name: str) -> None:
    codes = torch.tensor([[0, 1]])
    logits = torch.full((1, 2, N_CLASSES), -100.0)
    logits[0, :, 0] = 100.0  # right at the first position, wrong at the second
    logits.requires_grad_()
    loss = captcha_loss(
        loss_config(name), logits, codes, {path: v.float() for path, v in COEFFICIENTS.items()}
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 1, 1] < 0


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_derivative(name: str) -> None:
    logits, codes = drawn(n=1, positions=1)
    assert torch.autograd.gradcheck(lambda z: value(name, z, codes), logits.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_low_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    logits, codes = drawn()
    coefficients = {path: v.float() for path, v in COEFFICIENTS.items()}
    low = captcha_loss(loss_config(name), logits.to(dtype), codes, coefficients)
    assert low.dtype == torch.float32
    torch.testing.assert_close(
        low, captcha_loss(loss_config(name), logits.to(dtype).float(), codes, coefficients)
    )


@pytest.mark.parametrize("name", NAMES)
def test_siblings_are_computed_and_differentiated_in_one_call(name: str) -> None:
    logits, codes = drawn()
    members = {path: torch.stack([v, 0.5 * v, 0.1 * v]) for path, v in COEFFICIENTS.items()}

    def slope(coefficients: dict[str, Tensor]) -> Tensor:
        got: Tensor = grad(lambda z: captcha_loss(loss_config(name), z, codes, coefficients))(logits)
        return got

    together = vmap(slope)(members)
    alone = [slope({path: v[k] for path, v in members.items()}) for k in range(3)]
    torch.testing.assert_close(together, torch.stack(alone))
