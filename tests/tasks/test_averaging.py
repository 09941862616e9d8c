"""Outputs as probabilities and back: the same statement, at any size of logits."""

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from sweeper.task.base import Averageable
from sweeper.task.entry import built_in, built_in_tasks, task_entry
from sweeper_tasks.captcha import averaging as captcha
from sweeper_tasks.esmm import averaging as esmm
from sweeper_tasks.esmm.model import EsmmOutput
from sweeper_tasks.losses.esmm import ctcvr_logits
from sweeper_tasks.segmentation import averaging as segmentation


def logits(size: float, *shape: int) -> st.SearchStrategy[Tensor]:
    n = torch.Size(shape).numel()
    values = st.lists(st.floats(-size, size, width=32), min_size=n, max_size=n)
    return values.map(lambda drawn: torch.tensor(drawn).view(shape))


@given(logits(80, 2, 5, 3))
def test_a_pixels_classes_keep_their_probabilities(z: Tensor) -> None:
    there = segmentation.probabilities_of(z)
    torch.testing.assert_close(there.sum(dim=1), torch.ones(2, 3).double())
    back = segmentation.logits_of(there)
    torch.testing.assert_close(back, z.log_softmax(dim=1), rtol=1e-5, atol=1e-4)


@given(logits(600, 2, 7))
def test_sigmoids_come_back_as_the_logits_that_they_were_even_where_p_rounds_to_1(z: Tensor) -> None:
    p, q = captcha.probabilities_of(z, one_choice=False)
    torch.testing.assert_close(captcha.logits_of(p, q, one_choice=False), z.double(), rtol=1e-9, atol=1e-9)


@given(logits(300, 2, 7))
def test_a_softmax_comes_back_and_states_each_outputs_odds_against_all_others(z: Tensor) -> None:
    """`log p - log q` is `z_k - logsumexp` over the others."""
    p, q = captcha.probabilities_of(z, one_choice=True)
    exact = z.double()
    torch.testing.assert_close(captcha.logits_of(p, q, one_choice=True), exact.log_softmax(-1))
    others = [torch.cat([exact[:, :k], exact[:, k + 1 :]], dim=1).logsumexp(-1) for k in range(7)]
    odds = captcha.logits_of(p, q, one_choice=False)
    torch.testing.assert_close(odds, exact - torch.stack(others, dim=1), rtol=1e-8, atol=1e-8)


@given(logits(150, 4), logits(150, 4))
def test_both_heads_of_esmm_come_back(a: Tensor, b: Tensor) -> None:
    back = esmm.outputs_of(*esmm.probabilities_of(EsmmOutput(a, b)))
    torch.testing.assert_close(tuple(back), (a.double(), b.double()), rtol=1e-9, atol=1e-9)


def test_no_logit_is_infinite_where_probabilities_underflow() -> None:
    huge = torch.tensor([[2000.0, -2000.0, 0.0]])
    for one_choice in (True, False):
        p, q = captcha.probabilities_of(huge, one_choice=one_choice)
        assert captcha.logits_of(p, q, one_choice=True).isfinite().all()
        assert captcha.logits_of(p, q, one_choice=False).isfinite().all()
    assert segmentation.logits_of(segmentation.probabilities_of(huge)).isfinite().all()
    both = EsmmOutput(torch.tensor([2000.0, -2000.0]), torch.tensor([-2000.0, 2000.0]))
    assert all(z.isfinite().all() for z in esmm.outputs_of(*esmm.probabilities_of(both)))


def test_p_ctr_and_p_ctcvr_are_averaged_and_p_cvr_is_their_ratio() -> None:
    """(p_ctr, p_cvr) of 0.5, 0.5 and 0.1, 0.9: p_ctr 0.3, p_ctcvr (0.25 + 0.09) / 2 = 0.17, p_cvr 17 / 30."""
    models = [EsmmOutput(*torch.tensor(pair).logit().view(2, 1)) for pair in ((0.5, 0.5), (0.1, 0.9))]
    stated = [esmm.probabilities_of(outputs) for outputs in models]
    outputs = esmm.outputs_of(*(sum(column) / 2 for column in zip(*stated, strict=True)))
    assert outputs.ctr_logits.sigmoid().item() == pytest.approx(0.3, rel=1e-6)
    assert outputs.cvr_logits.sigmoid().item() == pytest.approx(17 / 30, rel=1e-6)
    assert ctcvr_logits(*outputs).sigmoid().item() == pytest.approx(0.17, rel=1e-6)


@pytest.mark.parametrize("name", built_in_tasks())
def test_a_configuration_says_whether_its_task_can_be_averaged(name: str) -> None:
    entry = task_entry(built_in(name))
    is_averageable = issubclass(entry.task_class(), Averageable)  # type: ignore[arg-type]
    assert entry.config_class().is_averageable is is_averageable
