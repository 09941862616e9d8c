"""Keys and options of another task: the message says which `task=` was forgotten."""

from functools import cache

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from sweeper.config.command_line import read_overrides
from sweeper.config.config_source import ConfigSource
from sweeper.config.found_faults import Findings
from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.config.other_tasks import forgotten, with_forgotten_task
from sweeper.errors import Fault, UserError
from tests.sweeper.toy_app import CONF


@cache
def source() -> ConfigSource:
    with initialize_config_dir(config_dir=str(CONF), job_name="test", **VERSION_BASE):
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


def test_a_misspelt_key_of_another_option_is_told_with_that_option() -> None:
    """The baseline's loss, and the usual one, have no gamma; `focal_gamma` is in one option only."""
    (line,) = told("task=sentiment", "loss.focal_gama=1,2", multirun=True)
    hint = "; did you mean 'loss.focal_gamma', a key of loss=sentiment/multilabel_focal?"
    assert line == f"loss.focal_gama: no such parameter (from override 'loss.focal_gama=1,2'){hint}"
    (line,) = told("task=sentiment", "zzz.zzz=1")
    assert line.endswith("Add a new one with +key=value.")


def test_what_the_baseline_alone_lacks_is_no_option_that_was_forgotten() -> None:
    focal = ("task=sentiment", "loss=sentiment/multilabel_focal", "loss.focal_gamma=2")
    (line,) = told(*focal, "loss.focal_alpha=choice([1,2,3])", multirun=True)
    assert line == (
        "baseline: loss.focal_gamma: no such parameter (from override 'loss.focal_gamma=2'). Where "
        "candidates alone should have it, sweep one value: loss.focal_gamma=choice(...)."
    )


@pytest.mark.parametrize("multirun", [True, False])
def test_what_follows_from_a_forgotten_task_is_not_told(multirun: bool) -> None:
    """The sections of the usual task ask data of another one for numbers that they do not have."""
    (line,) = told("data=sentiment/absa_csv", "data.path=x.csv", "data.text=comment", multirun=multirun)
    assert line == (
        "data: got 'sentiment/absa_csv' (from override 'data=sentiment/absa_csv'), an option of another "
        "task; expected one of task esmm; did you forget task=sentiment?"
    )


def test_what_follows_from_nothing_told_is_told() -> None:
    found = Findings([Fault("aux.steps", "got ${data.steps}", follows_from="data")])
    assert [fault.where for fault in found.faults] == ["aux.steps"]
    found.add([Fault("data", "bad")])
    assert [fault.where for fault in found.faults] == ["data"]


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
