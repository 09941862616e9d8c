"""Losses on the entire space: the product of two probabilities in log space, and the loss over clicks."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sweeper_tasks.losses.esmm import clicked_bce, ctcvr_logits

untimed = settings(deadline=None)
logits = st.floats(-100, 100, width=32)


def f64(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_two_even_chances_make_one_in_four() -> None:
    """Half of a half, p = 0.5 x 0.5 = 0.25, whose logit is ln(0.25 / 0.75) = -ln 3."""
    assert ctcvr_logits(f64([0.0]), f64([0.0])).item() == pytest.approx(-math.log(3))


@untimed
@given(st.lists(st.tuples(logits, logits), min_size=1, max_size=20))
def test_it_is_minus_the_logsumexp_and_never_above_either_head(pairs: list[tuple[float, float]]) -> None:
    a, b = (f64(list(column)) for column in zip(*pairs, strict=True))
    got = ctcvr_logits(a, b)
    torch.testing.assert_close(got, -torch.logsumexp(torch.stack([-a, -b, -a - b]), dim=0))
    assert (got <= torch.minimum(a, b)).all()


@untimed
@given(st.floats(-8, 8), st.floats(-8, 8))
def test_its_probability_is_the_product(a: float, b: float) -> None:
    p = ctcvr_logits(f64([a]), f64([b])).sigmoid()
    torch.testing.assert_close(p, f64([a]).sigmoid() * f64([b]).sigmoid())


def test_the_gradient_survives_where_the_product_of_sigmoids_has_lost_it() -> None:
    """At (20, 20) the logit is about 20 - ln 2; label 0 pulls on it with 1, by halves on each head."""
    a, b = (torch.tensor([20.0], requires_grad=True) for _ in range(2))
    binary_cross_entropy_with_logits(ctcvr_logits(a, b), torch.zeros(1)).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close((a.grad, b.grad), (torch.tensor([0.5]), torch.tensor([0.5])))
    product = a.sigmoid() * b.sigmoid()
    (lost,) = torch.autograd.grad(product.sum(), a)
    assert lost.item() == 0


@untimed
@given(logits, logits, st.sampled_from([0.0, 1.0]))
def test_value_and_gradient_stay_finite_up_to_logits_of_100_in_float32(a: float, b: float, y: float) -> None:
    ctr, cvr = (torch.tensor([x], requires_grad=True) for x in (a, b))
    loss = binary_cross_entropy_with_logits(ctcvr_logits(ctr, cvr), torch.tensor([y]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert ctr.grad is not None
    assert cvr.grad is not None
    assert torch.cat([loss.view(1), ctr.grad, cvr.grad]).isfinite().all()


def test_the_gradient_is_the_derivative() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = (3 * torch.randn(10, generator=draw, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(ctcvr_logits, (a.requires_grad_(), b.requires_grad_()))


def test_the_loss_over_clicks_leaves_the_others_out() -> None:
    """Clicks with p = 0.5, no conversion (ln 2 = 0.6931) and p = 0.75, conversion (-ln 0.75 = 0.2877).

    The third impression has no click. The mean over two clicks is 0.4904; its logit receives no gradient.
    """
    cvr = f64([0.0, math.log(3), 5.0]).requires_grad_()
    loss = clicked_bce(cvr, f64([0.0, 1.0, 0.0]), f64([1.0, 1.0, 0.0]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(0.4904, abs=5e-5)
    assert cvr.grad is not None
    assert cvr.grad[2].item() == 0
    torch.testing.assert_close(cvr.grad[:2], f64([0.25, -0.125]))


def test_the_loss_over_clicks_is_0_without_clicks() -> None:
    assert clicked_bce(f64([3.0, -2.0]), f64([0.0, 0.0]), f64([0.0, 0.0])).item() == 0


@untimed
@given(st.integers(0, 2**31))
def test_the_loss_over_clicks_is_cross_entropy_of_the_clicked_rows(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    cvr = torch.randn(30, generator=draw, dtype=torch.float64)
    click, conversion = (torch.rand(2, 30, generator=draw) < 0.5).double()
    click[0] = 1
    rows = click.bool()
    expected = binary_cross_entropy_with_logits(cvr[rows], conversion[rows])
    torch.testing.assert_close(clicked_bce(cvr, conversion, click), expected)
