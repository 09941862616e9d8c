"""The five strategies: formulas against plain ones, bounds of the diversity, what is a constant in what."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.func import grad
from torch.nn.functional import cross_entropy

from sweeper_tasks.diagnosis.loss import diagnosis_loss
from sweeper_tasks.diagnosis.loss_config import Auto, Strategy
from tests.tasks.diagnosis.tiny import LOSSES, tiny_config

seeds = st.integers(0, 10_000)
few = settings(max_examples=12)
ALPHA = (0.8, 0.2)
LN_2 = math.log(2)


def strategy(name: str, **changes: Any) -> Strategy:
    loss = tiny_config(name, **changes).loss
    assert not isinstance(loss, Auto)
    return loss


def values_of(name: str, alpha: tuple[float, ...] = ALPHA, **changes: float) -> dict[str, Tensor]:
    numbers = {k: v for k, v in (LOSSES[name] | changes).items() if isinstance(v, float) and k != "alpha"}
    numbers |= {f"alpha.{c}": weight for c, weight in enumerate(alpha)}
    return {key: torch.tensor(value, dtype=torch.float64) for key, value in numbers.items()}


def loss_of(name: str, m: Tensor, a: Tensor, labels: Tensor, **changes: Any) -> Tensor:
    numbers = {key: value for key, value in changes.items() if isinstance(value, float)}
    return diagnosis_loss(strategy(name, **changes), m, a, labels, values_of(name, ALPHA, **numbers))[0]


def drawn(seed: int = 0, scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    m, a = scale * torch.randn(2, 12, 2, generator=draw, dtype=torch.float64)
    return m, a, torch.randint(0, 2, (12,), generator=draw)


def plain_focal(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    p = z.softmax(1).gather(1, y[:, None]).squeeze(1)
    return (-torch.tensor(ALPHA, dtype=torch.float64)[y] * (1 - p) ** gamma * p.log()).mean()


def plain_js(m: Tensor, a: Tensor) -> Tensor:
    p, q = m.softmax(1), a.softmax(1)
    r = (p + q) / 2
    return ((p * (p / r).log()).sum(1) + (q * (q / r).log()).sum(1)) / 2


def dual_focal(m: Tensor, a: Tensor, y: Tensor) -> Tensor:
    return 0.7 * plain_focal(m, y, 2.5) + 0.3 * plain_focal(a, y, 2.5)


def balanced(m: Tensor, a: Tensor, y: Tensor) -> Tensor:
    p, q = m.softmax(1), a.softmax(1)
    kl = (p * (p / q).log()).sum(1).mean()
    return 0.7 * plain_focal(m, y, 2.5) + 0.25 * cross_entropy(a, y, label_smoothing=0.15) + 0.05 * kl


def focal_smooth(m: Tensor, a: Tensor, y: Tensor) -> Tensor:
    smooth = cross_entropy(a / 2, y, label_smoothing=0.2)
    return 0.6 * plain_focal(m, y, 3.0) + 0.3 * smooth - 0.1 * plain_js(m, a).mean()


def confidence_aware(m: Tensor, a: Tensor, y: Tensor) -> Tensor:
    conf = m.softmax(1).max(1).values
    c, correct = conf.mean(), (m.argmax(1) == y).double()
    hard = ((1 - conf) * cross_entropy(a, y, reduction="none")).mean()
    mse = ((conf - correct) ** 2).mean()
    return (0.5 + 0.3 * c) * plain_focal(m, y, 2.0) + (0.5 - 0.2 * c) * hard + 0.1 * mse


def adversarial(m: Tensor, a: Tensor, y: Tensor) -> Tensor:
    both = [i for i in range(len(y)) if m[i].argmax() == y[i] and a[i].argmax() == y[i]]
    diversity = plain_js(m[both], a[both]).mean() if both else torch.tensor(0.0)
    return 0.6 * plain_focal(m, y, 2.5) + 0.3 * cross_entropy(a, y) - 0.1 * diversity


FORMULAS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    f.__name__: f for f in (dual_focal, balanced, focal_smooth, confidence_aware, adversarial)
}


@pytest.mark.parametrize("name", sorted(FORMULAS))
@few
@given(seed=seeds)
def test_each_strategy_is_its_documented_formula(name: str, seed: int) -> None:
    m, a, y = drawn(seed)
    assert loss_of(name, m, a, y).item() == pytest.approx(FORMULAS[name](m, a, y).item(), rel=1e-9)


def test_an_undecided_model_by_hand() -> None:
    """All logits 0, one healthy and one ill patient: p = 1/2, the heads agree, CE = ln 2 however smoothed.

    F = (0.8 + 0.2) / 2 x 2^-gamma ln 2, which is 0.088388 ln 2 at gamma 2.5. dual_focal: F. balanced:
    0.7 F + 0.25 ln 2. confidence_aware at gamma 2: F = ln 2 / 8, c = conf = 1/2 and correct = (1, 0):
    0.65 F + 0.4 x ln 2 / 2 + 0.1 / 4.
    """
    m, y = torch.zeros(2, 2, dtype=torch.float64), torch.tensor([0, 1])
    focal = 0.5 * 2**-2.5 * LN_2
    assert loss_of("dual_focal", m, m, y).item() == pytest.approx(focal)
    assert loss_of("balanced", m, m, y).item() == pytest.approx(0.7 * focal + 0.25 * LN_2)
    expected = 0.65 * LN_2 / 8 + 0.2 * LN_2 + 0.025
    assert loss_of("confidence_aware", m, m, y).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["focal_smooth", "adversarial"])
@few
@given(seed=seeds, scale=st.floats(0, 200))
def test_the_reward_for_diversity_is_bounded_by_ln_2_or_by_the_cap(
    name: str, seed: int, scale: float
) -> None:
    """All other terms are >= 0: the loss is never below -0.1 ln 2, or -0.1 x 2 nats with a capped KL."""
    m, a, y = drawn(seed, scale)
    assert loss_of(name, m, a, y).item() >= -0.1 * LN_2 - 1e-12
    assert loss_of(name, m, a, y, divergence="kl").item() >= -0.1 * 2.0 - 1e-12


@pytest.mark.parametrize(
    ("divergence", "cap", "at_20", "at_2000"),
    [("js", 2.0, -LN_2, -LN_2), ("kl", 2.0, -2.0, -2.0), ("kl", 1e9, -20.0, -2000.0)],
)
def test_both_bounds_are_reached_and_without_a_cap_the_loss_runs_to_minus_infinity(
    divergence: str, cap: float, at_20: float, at_2000: float
) -> None:
    """M = (0, z), a = (z, 0) and all weights but D's nearly or exactly 0: D is KL = z, or at its bound."""
    only = {"main_weight": 1e-300, "aux_weight": 0.0, "diversity_weight": 1.0}
    y = torch.zeros(1, dtype=torch.int64)
    for z, expected in ((20.0, at_20), (2000.0, at_2000)):
        m = torch.tensor([[0.0, z]], dtype=torch.float64)
        value = loss_of("focal_smooth", m, m.flip(1), y, divergence=divergence, kl_cap=cap, **only)
        assert value.item() == pytest.approx(expected, rel=1e-6)


def test_a_patient_beyond_the_cap_no_longer_pushes_the_heads_apart() -> None:
    m, y = torch.tensor([[6.0, 0.0]], dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    only = {"aux_weight": 0.0, "divergence": "kl", "diversity_weight": 1.0}
    for aux, pushes in (([5.0, 0.0], True), ([0.0, 6.0], False)):
        a = torch.tensor([aux], dtype=torch.float64)
        slope = grad(lambda z: loss_of("focal_smooth", m, z, y, **only))(a)
        assert bool(slope.abs().max() > 0) == pushes


def test_adversarial_rewards_nothing_where_no_patient_is_right_with_both_heads() -> None:
    m, y = torch.tensor([[3.0, 0.0], [0.0, 3.0]], dtype=torch.float64), torch.tensor([0, 1])
    _, terms = diagnosis_loss(strategy("adversarial"), m, -m, y, values_of("adversarial"))
    assert terms["loss_diversity"].item() == 0
    _, terms = diagnosis_loss(strategy("adversarial"), m, 0.1 * m, y, values_of("adversarial"))
    assert terms["loss_diversity"].item() > 0.01


@pytest.mark.parametrize("name", ["balanced", "focal_smooth", "adversarial"])
def test_the_main_head_learns_from_its_focal_loss_alone(name: str) -> None:
    m, a, y = drawn(4)
    slope = grad(lambda z: loss_of(name, z, a, y))(m)
    weight, gamma = LOSSES[name]["main_weight"], LOSSES[name]["gamma"]
    torch.testing.assert_close(slope, weight * grad(lambda z: plain_focal(z, y, gamma))(m))


def test_confidence_teaches_the_main_head_by_its_squared_error_only() -> None:
    """C and 1 - conf are constants: the slope is (0.5 + 0.3 c) of F plus 0.1 of the squared error."""
    m, a, y = drawn(5)
    c, correct = m.softmax(1).amax(1).mean(), (m.argmax(1) == y).double()

    def expected(z: Tensor) -> Tensor:
        error = ((z.softmax(1).amax(1) - correct) ** 2).mean()
        return (0.5 + 0.3 * c) * plain_focal(z, y, 2.0) + 0.1 * error

    torch.testing.assert_close(grad(lambda z: loss_of("confidence_aware", z, a, y))(m), grad(expected)(m))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_order_of_the_batch_means_nothing(name: str) -> None:
    m, a, y = drawn(6)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss_of(name, m, a, y), loss_of(name, m[order], a[order], y[order]))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gamma_0_and_alpha_1_make_the_main_term_a_cross_entropy(name: str) -> None:
    m, a, y = drawn(7)
    values = values_of(name, alpha=(1.0, 1.0), gamma=0.0)
    _, terms = diagnosis_loss(strategy(name), m, a, y, values)
    torch.testing.assert_close(terms["loss_main"], cross_entropy(m, y))


@pytest.mark.parametrize("name", sorted(LOSSES))
@few
@given(z=st.floats(-300, 300, width=32))
def test_value_and_gradient_stay_finite_in_float32(name: str, z: float) -> None:
    m = torch.tensor([[z, 0.0], [0.0, z]], requires_grad=True)
    a = torch.tensor([[-z, z], [z, 1.0]], requires_grad=True)
    values = {key: value.float() for key, value in values_of(name).items()}
    loss, _ = diagnosis_loss(strategy(name), m, a, torch.tensor([0, 1]), values)
    slopes = torch.autograd.grad(loss, (m, a))
    assert all(value.isfinite().all() for value in (loss, *slopes))


def test_half_precision_is_computed_in_float32() -> None:
    m, a, y = drawn(8)
    values = {key: value.float() for key, value in values_of("balanced").items()}
    loss, _ = diagnosis_loss(strategy("balanced"), m.bfloat16(), a.bfloat16(), y, values)
    assert loss.dtype == torch.float32
