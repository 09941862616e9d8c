"""The learning rate by hand, and against torch's own schedulers."""

from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st

from sweeper.schema import Schedule
from sweeper.worker.schedules import LearningRate, cosine_rate, warmup_rate


def schedule(**changes: Any) -> Schedule:
    defaults = {
        "name": "constant",
        "lr_warmup_steps": 0,
        "min_lr_rate": 0.0,
        "plateau_factor": 0.5,
        "plateau_patience": 1,
    }
    return Schedule.model_validate({**defaults, **changes})


def learning_rate(total_steps: int = 100, **changes: Any) -> LearningRate:
    return LearningRate(schedule(**changes), total_steps, sign=-1, min_delta=0.0)


def test_warm_up_rises_in_equal_steps_to_one() -> None:
    """Four steps of warm-up: 1/4, 2/4, 3/4, 4/4, then 1."""
    assert [warmup_rate(step, 4) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_cosine_is_half_way_in_the_middle() -> None:
    """From 1 to 0.2 over steps 10 to 30: at step 20 it is (1 + 0.2) / 2 = 0.6, and 0.2 from step 30 on."""
    assert [cosine_rate(step, 10, 30, 0.2) for step in (0, 10, 20, 30, 99)] == pytest.approx(
        [1, 1, 0.6, 0.2, 0.2]
    )


def test_cosine_agrees_with_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50, eta_min=0.1)
    ours = learning_rate(50, name="cosine", min_lr_rate=0.1)
    for step in range(50):
        assert ours.at(step) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


@given(losses=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), max_size=30), patience=st.integers(0, 3))
def test_plateau_agrees_with_torch(losses: list[float], patience: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=0.0, threshold_mode="abs", min_lr=0.01, eps=0.0
    )
    ours = learning_rate(name="plateau", plateau_patience=patience, min_lr_rate=0.01)
    for loss in losses:
        reference.step(loss)
        ours.observe(loss)
        assert ours.at(0) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_plateau_reduces_on_falling_values_where_more_is_better() -> None:
    """Patience 1: after 0.9, two worse evaluations are tolerated no longer."""
    rate = LearningRate(schedule(name="plateau"), 100, sign=1, min_delta=0.0)
    for value in (0.9, 0.8):
        rate.observe(value)
    assert rate.at(0) == 1.0
    rate.observe(0.7)
    assert rate.at(0) == 0.5


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_evaluations_change_nothing_but_a_plateau(name: str) -> None:
    rate = learning_rate(name=name)
    before = [rate.at(step) for step in range(100)]
    for value in range(10):
        rate.observe(value)
    assert [rate.at(step) for step in range(100)] == before


def test_a_restored_plateau_goes_on_counting() -> None:
    first = learning_rate(name="plateau")
    first.observe(0.5)
    first.observe(0.6)
    second = learning_rate(name="plateau")
    second.load_state_dict(first.state_dict())
    second.observe(0.6)
    assert second.at(0) == 0.5
