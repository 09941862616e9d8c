"""Cross-entropy and focal loss over classes: by hand, against references, and free of NaN."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings, strategies as st
from kornia.losses import focal_loss as kornia_focal
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy

from sweeper_tasks.losses.softmax_focal import log_p_true, softmax_cross_entropy, softmax_focal

untimed = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 2**31)
gammas = st.floats(0, 5)


def f64(value: float | Sequence[float]) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def drawn(seed: int, n_classes: int = 5, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Logits [3, C, 4, 2] and classes [3, 4, 2]."""
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, n_classes, 4, 2, generator=draw, dtype=dtype)
    return logits, torch.randint(0, n_classes, (3, 4, 2), generator=draw)


def focal(logits: Tensor, target: Tensor, gamma: float, alpha: Tensor | None = None) -> Tensor:
    return softmax_focal(log_p_true(logits, target), target, torch.tensor(gamma).to(logits), alpha)


def test_two_pixels_by_hand() -> None:
    """Three classes, p = (0.5, 0.25, 0.25) at both pixels; the right ones are class 0 and class 1.

    CE: (ln 2 + ln 4) / 2 = 1.03972. With gamma 2: (0.25 ln 2 + 0.5625 ln 4) / 2 = 0.47654.
    With alpha (0.2, 1, 1) too: (0.05 ln 2 + 0.5625 ln 4) / 2 = 0.40723.
    With class weights (1, 3, 1): (ln 2 + 3 ln 4) / 4 = 1.21301.
    """
    logits, target = f64([0.5, 0.25, 0.25]).log().repeat(2, 1), torch.tensor([0, 1])
    log_p = log_p_true(logits, target)
    assert softmax_cross_entropy(log_p, target).item() == pytest.approx(1.03972, abs=1e-5)
    assert focal(logits, target, 2.0).item() == pytest.approx(0.47654, abs=1e-5)
    assert focal(logits, target, 2.0, f64([0.2, 1, 1])).item() == pytest.approx(0.40723, abs=1e-5)
    weighted = softmax_cross_entropy(log_p, target, f64([1, 3, 1]))
    assert weighted.item() == pytest.approx(1.21301, abs=1e-5)


@untimed
@given(seeds)
def test_cross_entropy_is_torchs(seed: int) -> None:
    logits, target = drawn(seed)
    weights = torch.rand(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    log_p = log_p_true(logits, target)
    torch.testing.assert_close(softmax_cross_entropy(log_p, target), cross_entropy(logits, target))
    torch.testing.assert_close(
        softmax_cross_entropy(log_p, target, weights), cross_entropy(logits, target, weights)
    )


@untimed
@given(seeds, st.integers(0, 4))
def test_what_does_not_count_is_torchs_ignore_index(seed: int, ignored: int) -> None:
    logits, target = drawn(seed)
    target.view(-1)[0] = (ignored + 1) % 5  # something always counts
    log_p, counted = log_p_true(logits, target), (target != ignored).double()
    expected = cross_entropy(logits, target, ignore_index=ignored)
    torch.testing.assert_close(softmax_cross_entropy(log_p, target, counted=counted), expected)
    torch.testing.assert_close(softmax_focal(log_p, target, f64(0.0), counted=counted), expected)


@untimed
@given(seeds, gammas)
def test_focal_is_kornias(seed: int, gamma: float) -> None:
    logits, target = drawn(seed)
    by_class = kornia_focal(logits, target, alpha=None, gamma=gamma)  # 0 for all classes but the right one
    expected = by_class.sum(dim=1).mean()
    torch.testing.assert_close(focal(logits, target, gamma), expected, rtol=1e-6, atol=1e-9)


@untimed
@given(seeds, gammas)
def test_focal_is_the_plain_formula_of_probabilities(seed: int, gamma: float) -> None:
    logits, target = drawn(seed)
    alpha = torch.rand(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    p = logits.softmax(1).gather(1, target[:, None]).squeeze(1)
    expected = (-alpha[target] * (1 - p) ** gamma * p.log()).mean()
    torch.testing.assert_close(focal(logits, target, gamma, alpha), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@untimed
@given(seed=seeds)
def test_gamma_0_without_alpha_is_cross_entropy_bit_by_bit(dtype: torch.dtype, seed: int) -> None:
    logits, target = drawn(seed, dtype=dtype)
    logits = (10 * logits).requires_grad_()  # some p_t round to 1
    for alpha in (None, torch.ones(5, dtype=dtype)):
        got = focal(logits, target, 0.0, alpha)
        expected = softmax_cross_entropy(log_p_true(logits, target), target)
        assert torch.equal(got, expected)
        assert torch.equal(*(torch.autograd.grad(loss, logits)[0] for loss in (got, expected)))


@untimed
@given(seeds, gammas)
def test_the_order_of_the_batch_means_nothing(seed: int, gamma: float) -> None:
    logits, target = drawn(seed)
    order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(focal(logits, target, gamma), focal(logits[order], target[order], gamma))


@untimed
@given(st.floats(-1000, 1000, width=32), gammas)
def test_value_and_gradient_stay_finite_in_float32(z: float, gamma: float) -> None:
    logits = torch.tensor([[z, 0.0, -z]], requires_grad=True)
    loss = focal(logits, torch.tensor([0]), gamma)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.cat([loss.view(1), gradient.view(-1)]).isfinite().all()


def test_nothing_that_counts_is_no_loss() -> None:
    logits, target = drawn(0)
    log_p, nothing = log_p_true(logits, target), torch.zeros(3, 4, 2, dtype=torch.float64)
    assert softmax_cross_entropy(log_p, target, counted=nothing).item() == 0
    assert softmax_focal(log_p, target, f64(2.0), counted=nothing).item() == 0


def test_the_gradients_are_the_derivatives() -> None:
    logits, target = drawn(1)
    alpha, gamma = f64([0.1, 0.5, 1, 2, 0.3]).requires_grad_(), f64(1.5).requires_grad_()
    weighted: Callable[[Tensor, Tensor], Tensor] = lambda z, w: softmax_cross_entropy(  # noqa: E731
        log_p_true(z, target), target, w
    )
    assert torch.autograd.gradcheck(weighted, (logits.requires_grad_(), alpha))
    whole: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda z, g, a: softmax_focal(  # noqa: E731
        log_p_true(z, target), target, g, a
    )
    assert torch.autograd.gradcheck(whole, (logits, gamma, alpha))


def test_members_with_other_coefficients_are_stacked_as_they_are_alone() -> None:
    logits, target = drawn(2)
    gammas, alphas = f64([0.0, 1.0, 2.5]), torch.rand(3, 5, dtype=torch.float64) + 0.1

    def loss(z: Tensor, gamma: Tensor, alpha: Tensor) -> Tensor:
        log_p = log_p_true(z, target)
        return softmax_focal(log_p, target, gamma, alpha) + softmax_cross_entropy(log_p, target, alpha)

    members = torch.stack([logits, 2 * logits, -logits])
    stacked = vmap(grad(loss, argnums=(0, 1, 2)))(members, gammas, alphas)
    for k in range(3):
        alone = grad(loss, argnums=(0, 1, 2))(members[k], gammas[k], alphas[k])
        torch.testing.assert_close(tuple(part[k] for part in stacked), alone)


def test_alpha_of_a_half_is_half_the_loss() -> None:
    logits, target = drawn(3)
    half = focal(logits, target, 2.0, torch.full((5,), 0.5, dtype=torch.float64))
    assert half.item() == pytest.approx(focal(logits, target, 2.0).item() / 2)
    assert not math.isclose(half.item(), 0)
