"""Optimizers do what their settings say: one step by hand, several beside torch's own."""

from typing import Any

import pytest
import torch
from torch import nn

from sweeper.schema import AdamW, Sgd
from sweeper.worker.optimizers import build_optimizer

CPU = torch.device("cpu")
SGD: dict[str, Any] = {"name": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False}
ADAMW: dict[str, Any] = {"name": "adamw", "lr": 0.1, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.0}


def after(settings: AdamW | Sgd, gradients: list[float], start: float = 1.0) -> float:
    """Where a single weight is after these gradients."""
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = build_optimizer(settings, [weight], CPU)
    for gradient in gradients:
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
    return weight.item()


def test_sgd_takes_the_rate_times_the_gradient() -> None:
    """1 - 0.1 * 2 = 0.8."""
    assert after(Sgd(**SGD), [2.0]) == pytest.approx(0.8)


def test_momentum_adds_what_is_left_of_the_last_step() -> None:
    """Velocities 2 and 0.5 * 2 + 2 = 3: 1 - 0.1 * (2 + 3) = 0.5."""
    assert after(Sgd(**{**SGD, "momentum": 0.5}), [2.0, 2.0]) == pytest.approx(0.5)


def test_nesterov_looks_one_step_ahead() -> None:
    """Steps of 2 + 0.5 * 2 = 3 and 2 + 0.5 * 3 = 3.5: 1 - 0.1 * 6.5 = 0.35."""
    settings = Sgd(**{**SGD, "momentum": 0.5, "nesterov": True})
    assert after(settings, [2.0, 2.0]) == pytest.approx(0.35)


def test_sgd_s_weight_decay_is_added_to_the_gradient() -> None:
    """1 - 0.1 * (2 + 0.5 * 1) = 0.75."""
    assert after(Sgd(**{**SGD, "weight_decay": 0.5}), [2.0]) == pytest.approx(0.75)


def test_adamw_s_first_step_is_the_sign_of_the_gradient() -> None:
    """Corrected for their start, both moments are the gradient's own: 1 - 0.1 * 2 / (2 + 0.01)."""
    assert after(AdamW(**ADAMW), [2.0]) == pytest.approx(1 - 0.1 * 2 / 2.01)


def test_adamw_s_second_step_is_that_of_its_betas() -> None:
    """Moments: m = 0.2 * (0.8 * 2 - 1) / (1 - 0.64), v = 0.1 * (0.9 * 4 + 1) / (1 - 0.81)."""
    m, v = 0.2 * (0.8 * 2 - 1) / 0.36, 0.1 * (0.9 * 4 + 1) / 0.19
    first = 1 - 0.1 * 2 / 2.01
    assert after(AdamW(**ADAMW), [2.0, -1.0]) == pytest.approx(first - 0.1 * m / (v**0.5 + 0.01))


def test_adamw_s_weight_decay_shrinks_the_weight_apart_from_the_gradient() -> None:
    """1 * (1 - 0.1 * 0.5) - 0.1 * 2 / 2.01."""
    settings = AdamW(**{**ADAMW, "weight_decay": 0.5})
    assert after(settings, [2.0]) == pytest.approx(0.95 - 0.1 * 2 / 2.01)


def test_all_parameters_are_in_one_group() -> None:
    """A schedule sets one rate for all of them."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    (group,) = build_optimizer(AdamW(**ADAMW), model.parameters(), CPU).param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]
    assert group["fused"] is True


def test_a_device_without_fused_kernels_gets_the_plain_ones() -> None:
    weight = nn.Parameter(torch.zeros(1))
    for settings in (AdamW(**ADAMW), Sgd(**SGD)):
        assert build_optimizer(settings, [weight], torch.device("xla")).param_groups[0]["fused"] is False
