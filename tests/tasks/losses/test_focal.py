"""Focal loss: the paper's formula, stable, and free of any effect where its weight is zero."""

import math
from collections.abc import Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from sweeper_tasks.losses.focal import (
    bce_plus_factors,
    binary_focal_factors,
    focal_bce_with_logits,
    from_step,
)

untimed = settings(deadline=None)
examples = st.lists(st.tuples(st.floats(-30, 30), st.sampled_from([0.0, 1.0])), min_size=1, max_size=20)
gammas = st.floats(0, 5)
alphas = st.none() | st.floats(0, 1)


def f64(value: float | Sequence[float]) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def naive_focal(z: Tensor, y: Tensor, gamma: Tensor, alpha: Tensor | None) -> Tensor:
    """The usual formula of probabilities, as in torchvision's `sigmoid_focal_loss`."""
    p = torch.sigmoid(z)
    p_t = p * y + (1 - p) * (1 - y)
    loss = binary_cross_entropy_with_logits(z, y, reduction="none") * (1 - p_t) ** gamma
    return loss.mean() if alpha is None else (loss * (alpha * y + (1 - alpha) * (1 - y))).mean()


def drawn(n: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(n)
    logits = 2 * torch.randn(n, generator=draw, dtype=dtype)
    return logits, (torch.rand(n, generator=draw) < 0.3).to(dtype)


@pytest.mark.parametrize(("alpha", "expected"), [(None, 0.17329), (0.25, 0.08664)])
def test_an_undecided_model_loses_a_quarter_of_ln_2_at_gamma_2(alpha: float | None, expected: float) -> None:
    """At p = 0.5 for one positive and one negative: (1 - 0.5)^2 ln 2 = 0.17329 each.

    With alpha 0.25 the positive counts 0.25 and the negative 0.75: the mean is half of it.
    """
    weight = None if alpha is None else f64(alpha)
    got = focal_bce_with_logits(f64([0.0, 0.0]), f64([1.0, 0.0]), f64(2.0), weight)
    assert got.item() == pytest.approx(expected, abs=1e-5)


def test_an_easy_positive_is_silenced_and_a_hard_one_is_not() -> None:
    """At p = 0.9 and 0.1 for two positives at gamma 2: factors (1 - 0.9)^2 = 0.01 and (1 - 0.1)^2 = 0.81."""
    logits = f64([math.log(9), -math.log(9)])
    torch.testing.assert_close(
        binary_focal_factors(logits, torch.ones_like(logits), f64(2.0)), f64([0.01, 0.81])
    )


@untimed
@given(examples, gammas, alphas)
def test_it_equals_the_formula_of_probabilities(
    pairs: list[tuple[float, float]], gamma: float, alpha: float | None
) -> None:
    z, y = (f64(column) for column in zip(*pairs, strict=True))
    weight = None if alpha is None else f64(alpha)
    got = focal_bce_with_logits(z, y, f64(gamma), weight)
    torch.testing.assert_close(got, naive_focal(z, y, f64(gamma), weight), rtol=1e-5, atol=1e-9)


@untimed
@given(examples, gammas, st.randoms(use_true_random=False))
def test_the_order_of_examples_does_not_matter(
    pairs: list[tuple[float, float]], gamma: float, random: Random
) -> None:
    shuffled = random.sample(pairs, len(pairs))
    one, other = (
        focal_bce_with_logits(f64([z for z, _ in order]), f64([y for _, y in order]), f64(gamma))
        for order in (pairs, shuffled)
    )
    torch.testing.assert_close(one, other)


def test_gamma_0_is_cross_entropy() -> None:
    z, y = drawn(100)
    torch.testing.assert_close(
        focal_bce_with_logits(z, y, f64(0.0)), binary_cross_entropy_with_logits(z, y), rtol=1e-15, atol=0
    )


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_value_and_gradient_stay_finite_at_logits_of_100_in_float32(gamma: float, label: float) -> None:
    z = torch.tensor([-100.0, -20.0, 0.0, 20.0, 100.0], requires_grad=True)
    loss = focal_bce_with_logits(z, torch.full_like(z, label), torch.tensor(gamma))
    loss.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert loss.isfinite()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_the_gradient_through_the_factors_is_the_derivative(gamma: float) -> None:
    z, y = drawn(12)
    assert torch.autograd.gradcheck(
        lambda logits: focal_bce_with_logits(logits, y, f64(gamma), f64(0.25)), z.requires_grad_()
    )


def test_constant_factors_only_reweight_the_gradient_of_the_cross_entropy() -> None:
    """For constant f the gradient of mean[f BCE] is f (sigmoid(z) - y) / n, added to that of BCE."""
    z, y = drawn(50)
    z.requires_grad_()
    factors = binary_focal_factors(z.detach(), y, f64(2.0))
    bce_plus_factors(z, y, f64(1.0), f64(0.1), factors).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(z.grad, ((1 + 0.1 * factors) * (z.sigmoid() - y) / 50).detach())


def test_the_focal_part_has_no_pos_weight() -> None:
    z, y = drawn(200)
    factors = binary_focal_factors(z, y, f64(1.5))
    got = bce_plus_factors(z, y, f64(38.9), f64(0.2), factors)
    bce = binary_cross_entropy_with_logits(z, y, pos_weight=f64(38.9))
    torch.testing.assert_close(got, bce + 0.2 * naive_focal(z, y, f64(1.5), None))


def test_weight_0_leaves_value_and_gradient_of_the_cross_entropy_bit_by_bit() -> None:
    z, y = drawn(1021, torch.float32)
    pos_weight, zero = torch.tensor(38.913), torch.tensor(0.0)
    plain, with_focal = z.clone().requires_grad_(), z.clone().requires_grad_()
    expected = binary_cross_entropy_with_logits(plain, y, pos_weight=pos_weight)
    got = bce_plus_factors(with_focal, y, pos_weight, zero, binary_focal_factors(z, y, torch.tensor(1.0)))
    expected.backward()  # type: ignore[no-untyped-call]
    got.backward()  # type: ignore[no-untyped-call]
    assert torch.equal(got, expected)
    assert plain.grad is not None
    assert with_focal.grad is not None
    assert torch.equal(with_focal.grad, plain.grad)


def test_factors_of_lower_precision_are_accepted() -> None:
    z, y = drawn(64, torch.float32)
    low = binary_focal_factors(z.bfloat16(), y.bfloat16(), torch.tensor(2.0))
    full = binary_focal_factors(z, y, torch.tensor(2.0))
    weights = torch.tensor(4.0), torch.tensor(0.1)
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(
        bce_plus_factors(z, y, *weights, low), bce_plus_factors(z, y, *weights, full), rtol=1e-2, atol=0
    )


@pytest.mark.parametrize(("step", "expected"), [(0, 0.0), (9, 0.0), (10, 0.3), (11, 0.3)])
def test_a_weight_acts_from_its_first_step_after_the_warm_up_on(step: int, expected: float) -> None:
    got = from_step(torch.tensor(0.3), torch.tensor(step), torch.tensor(10.0))
    assert torch.equal(got, torch.tensor(expected))


def test_siblings_with_different_coefficients_are_computed_in_one_call() -> None:
    z, y = drawn(40)
    members = f64([0.0, 0.1, 0.2]), f64([0.5, 1.0, 2.0]), f64([0.0, 5.0, 10.0])

    def loss(weight: Tensor, gamma: Tensor, warmup_steps: Tensor) -> Tensor:
        now = from_step(weight, torch.tensor(5), warmup_steps)
        return bce_plus_factors(z, y, f64(3.0), now, binary_focal_factors(z, y, gamma, f64(0.25)))

    one_by_one = torch.stack([loss(*member) for member in zip(*members, strict=True)])
    torch.testing.assert_close(vmap(loss)(*members), one_by_one)
