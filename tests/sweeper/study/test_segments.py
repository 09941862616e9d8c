"""Until which step two configurations train the same, and that they do so until there and no further."""

from typing import Annotated, Any

import pytest

from sweeper.models import ActiveFrom, Stackable, StrictModel
from sweeper.schema import RunSettings
from sweeper.study.prefix_tree import equal_until
from sweeper.study.segments import path_of
from sweeper.task import TaskConfig, config_of
from sweeper.worker.schedules import LearningRate
from tests.sweeper.worker.toy_jobs import toy_config

N_TRAIN = 100


class Late(StrictModel):
    """A term that acts from a step on, and a switch for it."""

    on: Annotated[bool, ActiveFrom("warmup")]
    warmup: Annotated[int, Stackable("warmup")]
    weight: Annotated[float, Stackable("warmup")]
    early: Annotated[float, Stackable()]


class LateConfig(TaskConfig):
    """Somebody's task, which says nothing but what its fields are marked with."""

    late: Late


LATE = {"on": True, "warmup": 15, "weight": 0.5, "early": 1.0}
COSINE = {"trainer.schedule.name": "cosine", "trainer.schedule.lr_warmup_steps": 8}
PLATEAU = {"trainer.schedule.name": "plateau", "trainer.schedule.plateau_patience": 1}


def settings_of(changes: dict[str, Any]) -> RunSettings:
    config = toy_config(changes)
    return RunSettings.model_validate({key: config[key] for key in RunSettings.model_fields})


def path(late: dict[str, Any], trainer: dict[str, Any]) -> Any:
    return path_of(
        settings_of(trainer), config_of(LateConfig, {"late": {**LATE, **late}}), N_TRAIN, "data"
    ).path


@pytest.mark.parametrize(
    ("one", "other", "step"),
    [
        ({}, {}, 40),
        ({}, {"weight": 0.7}, 15),
        ({}, {"on": False}, 15),
        ({}, {"warmup": 30}, 15),
        ({"warmup": 30}, {"warmup": 20, "weight": 0.1}, 20),
        ({"warmup": 50}, {"warmup": 40, "weight": 0.1}, 40),
        ({"warmup": 0}, {"warmup": 0, "weight": 0.1}, 0),
        ({}, {"early": 2.0}, 0),
    ],
)
def test_fields_of_a_task_part_where_their_marks_say(
    one: dict[str, Any], other: dict[str, Any], step: int
) -> None:
    assert equal_until(path(one, {}), path(other, {})) == step
    assert equal_until(path(other, {}), path(one, {})) == step


@pytest.mark.parametrize(
    ("one", "other", "step"),
    [
        ({}, {"trainer.max_steps": 25}, 25),
        ({}, {"trainer.max_steps": None, "trainer.epochs": 5}, 30),
        (COSINE, COSINE | {"trainer.max_steps": 50}, 8),
        (COSINE, COSINE | {"trainer.schedule.min_lr_rate": 0.25}, 8),
        (COSINE, {"trainer.schedule.lr_warmup_steps": 8}, 8),
        (COSINE, {"trainer.schedule.lr_warmup_steps": 9}, 0),
        (PLATEAU, PLATEAU | {"trainer.max_steps": 50}, 40),
        (PLATEAU, PLATEAU | {"trainer.schedule.plateau_factor": 0.1}, 14),
        (PLATEAU, PLATEAU | {"trainer.schedule.plateau_patience": 3}, 14),
        (PLATEAU, {}, 0),
        ({}, {"trainer.patience": 3}, 0),
        ({}, {"trainer.eval_every": 4}, 0),
        ({}, {"trainer.batch_size": 8}, 0),
        ({}, {"optimizer.lr": 0.01}, 0),
        ({"trainer.max_seconds": 9.0}, {"trainer.max_seconds": 9.0}, 0),
    ],
)
def test_lengths_and_schedules_part_where_they_first_matter(
    one: dict[str, Any], other: dict[str, Any], step: int
) -> None:
    assert equal_until(path({}, one), path({}, other)) == step


@pytest.mark.parametrize("floor", [0.0, 0.05, 0.1, 0.3, 0.7])
def test_a_cosine_is_constant_to_the_last_bit_while_it_warms_up_or_is_not_shared(floor: float) -> None:
    cosine, constant = (
        COSINE | {"trainer.schedule.min_lr_rate": floor},
        {"trainer.schedule.lr_warmup_steps": 8},
    )
    rates = [[rate_of(given).at(step) for step in range(8)] for given in (cosine, constant)]
    assert (equal_until(path({}, cosine), path({}, constant)) == 8) == (rates[0] == rates[1])


def rate_of(changes: dict[str, Any]) -> LearningRate:
    return LearningRate(settings_of(changes).trainer.schedule, 40, 1, 0.0)


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_no_plateau_reduces_the_rate_before_its_segment_ends(patience: int) -> None:
    """Evaluations that never improve, every five steps: the first one sets the mark."""
    plateau = PLATEAU | {"trainer.schedule.plateau_patience": patience}
    rate = rate_of(plateau)
    reduced = 0
    while rate.at(reduced) == 1.0:
        reduced += 5
        rate.observe(0.5)
    other = plateau | {"trainer.schedule.plateau_factor": 0.1}
    assert equal_until(path({}, plateau), path({}, other)) == reduced - 1
