"""Terms of a loss with two heads: by hand, against torch and scipy, and what bounds them."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy

from sweeper_tasks.losses.dual_head import (
    confidence,
    is_right,
    jensen_shannon,
    kullback_leibler,
    mean_where,
    smoothed_cross_entropies,
)

seeds = st.integers(0, 10_000)
few = settings(max_examples=30)
LN_2 = math.log(2)


def drawn(seed: int, scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    m, a = scale * torch.randn(2, 6, 3, generator=draw, dtype=torch.float64)
    return m, a, torch.randint(0, 3, (6,), generator=draw)


def logits_of(*p: float) -> Tensor:
    return torch.tensor([p], dtype=torch.float64).log()


def test_divergences_by_hand() -> None:
    """P = (1/2, 1/2), q = (3/4, 1/4), r = (5/8, 3/8).

    KL(p || q) = ln(2/3) / 2 + ln(2) / 2 = ln(4/3) / 2 = 0.14384.
    JS = [ln(4/5) / 2 + ln(4/3) / 2 + 3/4 ln(6/5) + 1/4 ln(2/3)] / 2 = 0.033822.
    """
    m, a = logits_of(0.5, 0.5), logits_of(0.75, 0.25)
    assert kullback_leibler(m, a).item() == pytest.approx(math.log(4 / 3) / 2)
    by_hand = math.log(4 / 5) / 2 + math.log(4 / 3) / 2 + 0.75 * math.log(6 / 5) + 0.25 * math.log(2 / 3)
    assert jensen_shannon(m, a).item() == pytest.approx(by_hand / 2)
    assert by_hand / 2 == pytest.approx(0.033822, abs=1e-6)


@few
@given(seeds)
def test_divergences_are_scipys(seed: int) -> None:
    m, a, _ = drawn(seed)
    p, q = m.softmax(1).numpy(), a.softmax(1).numpy()
    assert kullback_leibler(m, a).numpy() == pytest.approx(entropy(p, q, axis=1))
    assert jensen_shannon(m, a).numpy() == pytest.approx(jensenshannon(p, q, axis=1) ** 2)


@few
@given(seeds, st.floats(0, 500))
def test_jensen_shannon_stays_between_0_and_ln_2(seed: int, scale: float) -> None:
    m, a, _ = drawn(seed, scale)
    value = jensen_shannon(m, a)
    assert ((value >= -1e-15) & (value <= LN_2 + 1e-15)).all()
    assert jensen_shannon(m, m).abs().max() < 1e-15


@pytest.mark.parametrize("z", [10.0, 100.0, 1000.0])
def test_two_sure_heads_that_disagree_reach_ln_2_while_kl_grows_without_end(z: float) -> None:
    """M = (z, -z), a = (-z, z): p is nearly (1, 0), and KL = 2z."""
    m = torch.tensor([[z, -z]], dtype=torch.float64)
    assert jensen_shannon(m, -m).item() == pytest.approx(LN_2, abs=1e-6)
    assert kullback_leibler(m, -m).item() == pytest.approx(2 * z, rel=1e-6)


def test_no_divergence_moves_the_main_head() -> None:
    for divergence in (jensen_shannon, kullback_leibler):
        m, a, _ = drawn(3)
        divergence(m.requires_grad_(), a.requires_grad_()).sum().backward()  # type: ignore[no-untyped-call]
        assert m.grad is None
        assert a.grad is not None
        assert a.grad.abs().max() > 0


@few
@given(st.floats(-1000, 1000, width=32))
def test_divergences_have_finite_values_and_gradients_in_float32(z: float) -> None:
    for divergence in (jensen_shannon, kullback_leibler):
        m, a = torch.tensor([[z, 0.0, 1.0]]), torch.tensor([[-z, 0.0, z]], requires_grad=True)
        value = divergence(m, a).sum()
        (slope,) = torch.autograd.grad(value, a)
        assert value.isfinite()
        assert slope.isfinite().all()


@few
@given(seeds, st.floats(0, 1))
def test_smoothed_cross_entropy_is_torchs(seed: int, smoothing: float) -> None:
    m, _, labels = drawn(seed)
    got = smoothed_cross_entropies(m, labels, torch.tensor(smoothing, dtype=torch.float64))
    expected = cross_entropy(m, labels, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(got, expected)


def test_confidence_by_hand() -> None:
    """Largest probabilities 0.9 (right) and 0.6 (wrong): errors 0.01 and 0.36, mean 0.185."""
    m = torch.cat([logits_of(0.9, 0.1), logits_of(0.6, 0.4)])
    conf, error = confidence(m, torch.tensor([0, 1]))
    assert conf.tolist() == pytest.approx([0.9, 0.6])
    assert error.item() == pytest.approx(0.185)
    assert is_right(m, torch.tensor([0, 1])).tolist() == [True, False]


def test_a_mean_over_some_counts_only_these_and_is_0_over_none() -> None:
    values = torch.tensor([1.0, 5.0, 9.0])
    assert mean_where(values, torch.tensor([True, False, True])).item() == 5.0
    assert mean_where(values, torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_the_gradients_are_the_derivatives() -> None:
    m, a, labels = drawn(5)
    smoothing = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    a.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: jensen_shannon(m, z), (a,))
    assert torch.autograd.gradcheck(lambda z: kullback_leibler(m, z), (a,))
    assert torch.autograd.gradcheck(lambda z, s: smoothed_cross_entropies(z, labels, s), (a, smoothing))
    assert torch.autograd.gradcheck(lambda z: confidence(z, labels).error, (a,))


def test_members_are_stacked_as_they_are_alone() -> None:
    m, a, labels = drawn(7)
    smoothings = torch.tensor([0.0, 0.15, 1.0], dtype=torch.float64)

    def loss(z: Tensor, s: Tensor) -> Tensor:
        counted = is_right(m, labels) & is_right(z, labels)
        terms = mean_where(jensen_shannon(m, z), counted) + kullback_leibler(m, z).mean()
        return terms + smoothed_cross_entropies(z, labels, s).mean() + confidence(z, labels).error

    members = torch.stack([a, 2 * a, -a])
    stacked = vmap(grad(loss, argnums=(0, 1)))(members, smoothings)
    for k in range(3):
        alone = grad(loss, argnums=(0, 1))(members[k], smoothings[k])
        torch.testing.assert_close(tuple(part[k] for part in stacked), alone)
