"""Losses of several questions: by hand, against torch question by question, and stacked."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy

from sweeper_tasks.losses.multilabel_focal import multilabel_cross_entropy, multilabel_focal
from sweeper_tasks.losses.softmax_focal import log_p_true, softmax_focal

some = settings(max_examples=20)
seeds = st.integers(0, 2**31)
gammas = st.floats(0, 5)


def f64(value: Any) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def drawn(seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [8, 4, 3], classes [8, 4] and which of them count; nobody answers question 2."""
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(8, 4, 3, generator=draw, dtype=dtype)
    counted = (torch.rand(8, 4, generator=draw) < 0.6).to(dtype)
    counted[0], counted[:, 2] = 1, 0
    return logits, torch.randint(0, 3, (8, 4), generator=draw), counted


def test_two_reviews_by_hand() -> None:
    """Two aspects; all p are (0.5, 0.25, 0.25). Review 1 names both (right: 0 and 1), review 2 the first (1).

    ce: aspect 1 (ln 2 + ln 4) / 2 = 1.03972, aspect 2 ln 4 = 1.38629; the mean is 1.21301.
    gamma 2: aspect 1 (0.25 ln 2 + 0.5625 ln 4) / 2 = 0.47654, aspect 2 0.5625 ln 4 = 0.77979; mean 0.62816.
    With alpha (2, 1, 1) for aspect 1 and (1, 3, 1) for aspect 2: 0.56318 and 2.33937; mean 1.45128.
    """
    logits, target = f64([0.5, 0.25, 0.25]).log().expand(2, 2, 3), torch.tensor([[0, 1], [1, 2]])
    counted, gamma = f64([[1, 1], [1, 0]]), f64(2.0)
    alpha = f64([[2, 1, 1], [1, 3, 1]])
    assert multilabel_cross_entropy(logits, target, counted).item() == pytest.approx(1.21301, abs=1e-5)
    assert multilabel_focal(logits, target, counted, gamma).item() == pytest.approx(0.62816, abs=1e-5)
    assert multilabel_focal(logits, target, counted, gamma, alpha).item() == pytest.approx(1.45128, abs=1e-5)


@some
@given(seeds)
def test_cross_entropy_is_torchs_mean_over_the_questions_that_are_answered(seed: int) -> None:
    logits, target, counted = drawn(seed)
    marked = torch.where(counted > 0, target, -100)
    each = [cross_entropy(logits[:, a], marked[:, a]) for a in (0, 1, 3)]
    torch.testing.assert_close(multilabel_cross_entropy(logits, target, counted), sum(each) / f64(3.0))


@some
@given(seeds, gammas)
def test_focal_is_softmax_focal_question_by_question(seed: int, gamma: float) -> None:
    logits, target, counted = drawn(seed)
    alpha = torch.rand(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    each = [
        softmax_focal(
            log_p_true(logits[:, a], target[:, a]), target[:, a], f64(gamma), alpha[a], counted[:, a]
        )
        for a in (0, 1, 3)
    ]
    got = multilabel_focal(logits, target, counted, f64(gamma), alpha)
    torch.testing.assert_close(got, sum(each) / f64(3.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@some
@given(seed=seeds)
def test_gamma_0_without_alpha_is_cross_entropy_bit_by_bit(dtype: torch.dtype, seed: int) -> None:
    logits, target, counted = drawn(seed, dtype)
    logits = (10 * logits).requires_grad_()  # some p_t round to 1
    expected = multilabel_cross_entropy(logits, target, counted)
    for alpha in (None, torch.ones(4, 3, dtype=dtype)):
        got = multilabel_focal(logits, target, counted, torch.tensor(0.0, dtype=dtype), alpha)
        assert torch.equal(got, expected)
        assert torch.equal(*(torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (got, expected)))


@some
@given(seeds, gammas)
def test_the_order_of_the_batch_and_what_does_not_count_mean_nothing(seed: int, gamma: float) -> None:
    logits, target, counted = drawn(seed)
    one = multilabel_focal(logits, target, counted, f64(gamma))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    again = multilabel_focal(logits[order], target[order], counted[order], f64(gamma))
    other = torch.where(counted > 0, target, (target + 1) % 3)
    torch.testing.assert_close(one, again)
    assert torch.equal(one, multilabel_focal(logits, other, counted, f64(gamma)))


def test_nothing_that_counts_is_no_loss_with_a_finite_gradient() -> None:
    logits, target, counted = drawn(0)
    logits.requires_grad_()
    for loss in (
        multilabel_cross_entropy(logits, target, 0 * counted),
        multilabel_focal(logits, target, 0 * counted, f64(2.0)),
    ):
        assert loss.item() == 0
        assert torch.autograd.grad(loss, logits)[0].eq(0).all()


def test_the_gradients_are_the_derivatives() -> None:
    logits, target, counted = drawn(1)
    alpha, gamma = torch.rand(4, 3, dtype=torch.float64).requires_grad_(), f64(1.5).requires_grad_()

    def whole(z: Tensor, g: Tensor, a: Tensor) -> Tensor:
        return multilabel_focal(z, target, counted, g, a)

    assert torch.autograd.gradcheck(whole, (logits.requires_grad_(), gamma, alpha))


def test_members_with_other_coefficients_are_stacked_as_they_are_alone() -> None:
    logits, target, counted = drawn(2)
    gammas, alphas = f64([0.0, 1.0, 2.5]), torch.rand(3, 4, 3, dtype=torch.float64) + 0.1
    members = torch.stack([logits, 2 * logits, -logits])

    def loss(z: Tensor, gamma: Tensor, alpha: Tensor) -> Tensor:
        return multilabel_focal(z, target, counted, gamma, alpha)

    stacked = vmap(grad(loss, argnums=(0, 1, 2)))(members, gammas, alphas)
    for k in range(3):
        alone = grad(loss, argnums=(0, 1, 2))(members[k], gammas[k], alphas[k])
        torch.testing.assert_close(tuple(part[k] for part in stacked), alone)


@some
@given(st.floats(-1000, 1000, width=32), gammas)
def test_value_and_gradient_stay_finite_in_float32(z: float, gamma: float) -> None:
    logits = torch.tensor([[[z, 0.0, -z]]], requires_grad=True)
    loss = multilabel_focal(logits, torch.tensor([[0]]), torch.ones(1, 1), torch.tensor(gamma))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.cat([loss.view(1), gradient.view(-1)]).isfinite().all()
