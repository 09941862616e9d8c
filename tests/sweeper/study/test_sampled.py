"""Points that a sampler or a user's function proposes and that cannot be: failed trials, not the end."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage

from sweeper.errors import AskingError, StudyError, UserError
from sweeper.locks import TurnLock
from sweeper.search.trial_book import TrialBook
from sweeper.storage.remembering import RememberingStorage
from sweeper.study.proposals import asker_of
from sweeper.study.study import run_sweep
from sweeper.trial import TrialSpec
from tests.commands import INLINE
from tests.sweeper.small_esmm import small_plan, small_sweep

HERE = "tests.sweeper.study.test_sampled"
INTERVAL = ("optimizer.lr=interval(1e-4,1e-2)", "study.n_trials=4", "sampler=random")


def in_memory() -> TrialBook:
    """The trials of a study without a database."""
    return TrialBook(optuna.create_study(storage=RememberingStorage(InMemoryStorage())))


def raises_at_two(config: Any, trial: optuna.Trial) -> None:
    trial.suggest_float("aux_focal.gamma", 0.0, 2.0)
    if trial.number == 1:
        raise ZeroDivisionError("no such point")


def beyond_at_two(config: Any, trial: optuna.Trial) -> None:
    """Of the second trial's values none is a learning rate."""
    trial.suggest_float("optimizer.weight_decay", *((-2.0, -1.0) if trial.number == 1 else (0.0, 1.0)))


def unknown_at_two(config: Any, trial: optuna.Trial) -> None:
    trial.suggest_int("aux_focal.gama" if trial.number == 1 else "model.n_experts", 1, 9)


def other_data_at_two(config: Any, trial: optuna.Trial) -> None:
    trial.suggest_int("data.generator_seed", *((2, 2) if trial.number == 1 else (1, 1)))


def always_raises(config: Any, trial: optuna.Trial) -> None:
    raise KeyError("lr")


def always_fixed(config: Any, trial: optuna.Trial) -> None:
    trial.suggest_int("trainer.max_steps", 1, 9)


def suggests_nothing(config: Any, trial: optuna.Trial) -> None:
    pass


def asked(results: Path, *words: str, n: int = 4, of: tuple[str, ...] = INTERVAL) -> list[TrialSpec]:
    """The baseline and the next `n` trials of such a study, none of which is trained."""
    planned = small_plan(results, *of, *words)
    book, turns = in_memory(), TurnLock(results / ".asking.lock", 0.0)
    asker = asker_of(planned.sweep, planned.factory, planned.drafts, book, turns)
    found = [asker.ask() for _ in range(n + 1)]
    assert [spec.number for spec in book.specs()] == list(range(n + 1))
    return [spec for spec in found if spec is not None]


def test_a_point_without_parameters_has_a_name(tmp_path: Path) -> None:
    custom = f"study.custom_search_space={HERE}.suggests_nothing"
    trials = asked(tmp_path, custom, "sampler=random", n=2, of=("study.n_trials=2",))
    assert [trial.name for trial in trials] == ["baseline", "point 1", "point 2"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (
            "raises_at_two",
            "study.custom_search_space: the function has raised ZeroDivisionError: no such point (",
        ),
        ("beyond_at_two", "optimizer.weight_decay: got -1."),
        ("unknown_at_two", "aux_focal.gama: no such parameter"),
        ("other_data_at_two", "data: trial '"),
    ],
)
def test_one_point_that_cannot_be_is_a_trial_with_its_reason_and_others_follow(
    tmp_path: Path, function: str, reason: str
) -> None:
    trials = asked(tmp_path, f"study.custom_search_space={HERE}.{function}")
    assert [bool(trial.refused) for trial in trials] == [False, False, True, False, False]
    assert reason in trials[2].refused
    assert trials[2].name.startswith("lr=")  # what was suggested before it failed
    assert len({trial.fingerprint for trial in trials}) == 5


@pytest.mark.parametrize("function", ["always_raises", "always_fixed"])
def test_where_no_point_can_be_the_command_is_refused_before_anything_trains(
    tmp_path: Path, function: str
) -> None:
    with pytest.raises(UserError, match=r"study\.custom_search_space"):
        small_plan(tmp_path, *INTERVAL, f"study.custom_search_space={HERE}.{function}")
    assert not (tmp_path / "studies.db").exists()


def refuse(number: int, params: Mapping[str, Any], error: Exception) -> TrialSpec:
    raise AssertionError("a failing database is no fault of the point's")


def test_a_database_that_fails_meanwhile_is_no_fault_of_the_points() -> None:
    def define(trial: optuna.Trial) -> Mapping[str, Any]:
        raise StudyError("study.storage: gone")

    book = in_memory()
    with pytest.raises(StudyError, match="gone"):
        book.suggest(lambda number: optuna.samplers.RandomSampler(), define, lambda *_: refuse, refuse)  # type: ignore[arg-type]


class Broken(optuna.samplers.RandomSampler):
    """A sampler whose joint part fails."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
        raise RuntimeError("matrix is singular")


def test_a_sampler_that_fails_says_so_and_is_told_from_a_point_that_does() -> None:
    book = in_memory()
    with pytest.raises(AskingError, match=r"Broken failed to propose a trial \(RuntimeError: matrix is sing"):
        book.suggest(lambda number: Broken(), lambda trial: {}, lambda *_: refuse, refuse)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_study_with_such_a_point_ends_with_a_report_and_goes_on_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = (INLINE, "trainer.max_steps=5", "study.n_seeds=1", "study.confirm_seeds=0")
    words = (*INTERVAL, *few, f"study.custom_search_space={HERE}.raises_at_two")
    for retry in ("none", "failed"):
        assert run_sweep(small_sweep(tmp_path, *words, f"study.retry={retry}")) == 0
        printed = capsys.readouterr().out
        assert "ZeroDivisionError: no such point (" in printed
    with closing(sqlite3.connect(tmp_path / "studies.db")) as database:
        states = [row[0] for row in database.execute("select state from sweeper_runs order by trial")]
    assert states == ["COMPLETE", "COMPLETE", "FAILED", "COMPLETE", "COMPLETE"]
