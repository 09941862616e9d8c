"""`hydra.sweeper.*` as users of apps, and of the other plugin, write it."""

from typing import Any

import pytest

from sweeper.app.options import as_in_app, metrics_of
from sweeper.errors import Fault
from tests.sweeper.app.apps import App

TWO = "lr=1,2"


def settings_of(app: App, *words: str) -> Any:
    return app.read(TWO, *(f"hydra.sweeper.{word}" for word in words)).settings


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("task.baseline", "hydra.sweeper.study.baseline"),
        ("study.n_trials: missing", "hydra.sweeper.n_trials: missing"),
        ("study.n_seeds", "hydra.sweeper.study.n_seeds"),
        ("executor.max_jobs=2", "hydra.sweeper.n_jobs=2"),
        ("task.direction", "hydra.sweeper.direction"),
        ("hydra.sweeper.study.seeds", "hydra.sweeper.study.seeds"),
        ("my.study.n_trials", "my.study.n_trials"),
        ("a study. It ends", "a study. It ends"),
        ("mystudy.name", "mystudy.name"),
    ],
)
def test_keys_of_ours_are_told_as_users_of_an_app_write_them(ours: str, theirs: str) -> None:
    (fault,) = as_in_app([Fault(ours, f"see {ours}", f"Use {ours}")]).faults
    assert (fault.where, fault.problem, fault.advice) == (theirs, f"see {theirs}", f"Use {theirs}")


def test_what_the_other_plugin_calls_otherwise_arrives_where_it_belongs(app: App) -> None:
    words = ("n_trials=1", "study_name=mine", "n_jobs=1", "max_failure_rate=0.25", "storage=sqlite:///x.db")
    found = settings_of(app, *words)
    study = found.study
    assert (study.n_trials, study.name, study.max_failure_rate) == (1, "mine", 0.25)
    assert (study.storage, found.executor.max_jobs) == ("sqlite:///x.db", 1)


def test_as_many_jobs_as_there_are_slots_is_minus_one_or_nothing(app: App) -> None:
    assert settings_of(app, "n_jobs=-1").executor.max_jobs is None
    assert settings_of(app).executor.max_jobs is None


def test_results_lie_beside_their_database_unless_it_is_named(app: App) -> None:
    assert settings_of(app, "study.results_dir=out").study.storage == "sqlite:///out/studies.db"


@pytest.mark.parametrize(
    ("words", "task", "objectives"),
    [
        ([], ("objective", "minimize"), None),
        (["direction=max"], ("objective", "maximize"), None),
        (["app.metric=val/acc", "direction=maximize"], ("acc", "maximize"), None),
        (["app.metric=[acc,loss]"], ("acc", "minimize"), ("acc:minimize", "loss:minimize")),
        (
            ["app.metric=[valid/acc,val_loss]", "direction=[maximize,minimize]"],
            ("acc", "maximize"),
            ("acc:maximize", "loss:minimize"),
        ),
    ],
)
def test_what_an_app_is_judged_by(
    words: list[str], task: tuple[str, str], objectives: tuple[str, ...] | None, app: App
) -> None:
    found = settings_of(app, *words)
    assert (found.task.metric, found.task.direction) == task
    assert found.study.metrics == objectives


def test_the_app_may_say_itself_what_its_number_is_and_the_option_wins(app: App) -> None:
    options = app.read(TWO).app
    assert metrics_of(options, {"optimized_metric": "val/acc_best"}) == ("acc_best",)
    named = options.model_copy(update={"metric": "f1"})
    assert metrics_of(named, {"optimized_metric": "val/acc_best"}) == ("f1",)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("+foo=1", "hydra.sweeper.foo: unknown to this sweeper. Leave it out"),
        (
            "+app.foo=1",
            "hydra.sweeper.app.foo: no such parameter. Remove it, or correct its name.",
        ),
        (
            "+study.n_seed=1",
            "hydra.sweeper.study.n_seed: no such parameter; did you mean 'n_seeds'? "
            "Remove it, or correct its name.",
        ),
        (
            "app.resume={key: ckpt}",
            "hydra.sweeper.app.resume.file: missing. Give it a value: hydra.sweeper.app.resume.file=...",
        ),
        ("app.total_steps=0", "hydra.sweeper.app.total_steps: got 0; expected a number > 0"),
        ("n_jobs=0", "hydra.sweeper.n_jobs: got 0; expected a number > 0"),
        ("n_trials=abc", "hydra.sweeper.n_trials: got 'abc'; expected a whole number"),
        ("max_failure_rate=2", "hydra.sweeper.max_failure_rate: got 2; expected a number <= 1"),
        ("direction=up", "hydra.sweeper.direction: got 'up'; expected minimize or maximize"),
        (
            "direction=[maximize,minimize]",
            "hydra.sweeper.direction: got 2 directions for 1 metric (objective); expected one for each. "
            "Name as many in hydra.sweeper.app.metric=[...]",
        ),
        (
            "study.baseline=lr",
            "hydra.sweeper.study.baseline: got 'lr'; expected a list",
        ),
    ],
)
def test_an_option_that_is_wrong_is_a_line(word: str, expected: str, app: App) -> None:
    plus = "+" if word.startswith("+") else ""
    assert app.faults(TWO, f"{plus}hydra.sweeper.{word.lstrip('+')}") == [expected]
