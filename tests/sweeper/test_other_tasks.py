"""Keys and options of another task: the message says which `task=` was forgotten."""

from functools import cache

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from sweeper.command_line import read_overrides
from sweeper.config_source import ConfigSource
from sweeper.errors import Fault, UserError
from sweeper.other_tasks import forgotten, with_forgotten_task
from tests.sweeper.toy_app import CONF


@cache
def source() -> ConfigSource:
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3", job_name="test"):
        return ConfigSource(GlobalHydra.instance().config_loader(), "config")


@cache
def tree(task: str) -> DictConfig:
    return source().base([f"task={task}"])


def told(*words: str, multirun: bool = False) -> list[str]:
    with pytest.raises(UserError, match=r"task=|no such") as caught:
        read_overrides(source(), words, multirun=multirun)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("task", "key", "choices"),
    [
        ("esmm", "calibration.temperature", "task=diagnosis"),  # the task's own file has it
        ("esmm", "loss.rare_below", "task=diagnosis loss=diagnosis/auto"),
        (
            "esmm",
            "loss.focal_smooth.aux_temperature",
            "task=diagnosis loss=diagnosis/auto",
        ),  # by its defaults
        ("diagnosis", "loss.smoothing", "loss=diagnosis/balanced"),
        ("diagnosis", "data.min_count", "data=diagnosis/csv"),
        ("captcha", "loss.w_ctcvr", "task=esmm"),
        ("captcha", "aux_focal.gamma", "task=esmm"),
    ],
)
def test_the_choices_that_bring_a_key_are_named(task: str, key: str, choices: str) -> None:
    assert forgotten(key, tree(task), source()) == f"; did you forget {choices}?"


def test_a_key_that_no_task_has_is_nobodys() -> None:
    assert forgotten("loss.w_ctx", tree("esmm"), source()) == ""
    assert "did you mean 'loss.w_ctr'?" in told("loss.w_ctx=1")[0]


def test_a_swept_key_of_other_tasks_names_them_all() -> None:
    (line,) = told("loss.gamma=1,2", multirun=True)
    assert line.startswith(
        "loss.gamma: no such parameter (from override 'loss.gamma=1,2'); did you forget task="
    )
    assert "task=diagnosis" in line


def test_an_option_of_another_task_is_one_fault_not_one_for_each_of_its_keys() -> None:
    expected = (
        "loss: got 'diagnosis/balanced' (from override 'loss=diagnosis/balanced'), an option of another "
        "task; expected one of task esmm; did you forget task=diagnosis?"
    )
    assert told("loss=diagnosis/balanced") == [expected]


def test_an_option_that_is_none_but_is_called_like_another_tasks() -> None:
    (line,) = told("loss=captcha/focal")
    assert line.endswith("did you mean 'captcha/focal_ce'? Did you also forget task=captcha?")
    (line,) = told("task=captcha", "loss=captcha/focal")
    assert line.endswith("did you mean 'captcha/focal_ce'?")


def test_faults_elsewhere_and_options_that_fit_are_left_alone() -> None:
    faults = [Fault("loss", "bad"), Fault("loss.gamma", "bad"), Fault("losses.gamma", "bad")]
    chosen = [("loss", "captcha/ce", "override"), ("model", "captcha/cnn", "override")]
    left = with_forgotten_task(faults, "esmm", chosen, source())
    assert [fault.where for fault in left] == ["losses.gamma", "loss"]
    assert with_forgotten_task(faults, "captcha", chosen, source()) == faults
