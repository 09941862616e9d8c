"""What every observer owes the study loop; an implementation joins `OBSERVERS` and inherits all of it."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.layout import StudyFolder
from sweeper.messages import Alive, Reported, Started
from sweeper.reports.report import write_report
from sweeper.reports.summary_model import Summary
from sweeper.results import RunResult, StudyResult
from sweeper.schema import Tracking
from sweeper.trial import Slot, TrialSpec
from sweeper.watch.observers import Observer, Observers
from sweeper.watch.page import PageWriter
from sweeper.watch.terminal import Terminal
from sweeper.watch.tracking import make_tracker
from tests.sweeper.factories import judgement, run_result, study_result, study_start, trial_spec

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

NOBODY_LISTENS = "http://user:secret@127.0.0.1:9"
"""Its tracker goes the whole way but for the server's answers: see `tests/sweeper/watch/test_tracking.py`."""


def plain_terminal(_: Path) -> Observer:
    return Terminal(Console(file=io.StringIO(), width=100))


def live_terminal(_: Path) -> Observer:
    return Terminal(Console(file=io.StringIO(), width=100, force_terminal=True))


def no_tracker(results: Path) -> Observer:
    return make_tracker(Tracking(name="none", uri=None, experiment=None), results)


def tracker_without_server(results: Path) -> Observer:
    def swallow(_: str) -> None:
        return None

    return make_tracker(Tracking(name="mlflow", uri=NOBODY_LISTENS, experiment=None), results, swallow)


def page_writer(_: Path) -> Observer:
    return PageWriter(0.01)


def everyone(results: Path) -> Observer:
    return Observers(plain_terminal(results), no_tracker(results))


OBSERVERS = (plain_terminal, live_terminal, no_tracker, tracker_without_server, page_writer, everyone)


@pytest.fixture(params=OBSERVERS, ids=lambda make: make.__name__)
def observer(request: pytest.FixtureRequest, tmp_path: Path) -> Observer:
    make: Callable[[Path], Observer] = request.param
    return make(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


SLOT = Slot(0, "cpu", 1)


def alive(spec: TrialSpec, seed: int, step: int) -> Alive:
    return Alive(job_id="j", trial=spec.number, seed=seed, attempt=1, step=step)


def started(trial: TrialSpec, seed: int) -> Started:
    return Started(
        job_id="j", trial=trial.number, seed=seed, attempt=1, resumed_step=0, total_steps=600, device="cpu"
    )


def reported(trial: TrialSpec, seed: int, step: int, metrics: dict[str, float]) -> Reported:
    return Reported(
        job_id="j", trial=trial.number, seed=seed, attempt=1, step=step, metrics=metrics, steps_per_s=9.0
    )


@pytest.fixture(scope="module")
def reported_study(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[StudyFolder, StudyResult, Summary]:
    """A study whose files are all written."""
    folder = StudyFolder.of(tmp_path_factory.mktemp("reported"), "esmm-3f2a91c0")
    result = study_result(folder, with_failure=True)
    return folder, result, write_report(folder, result, judgement())


def test_a_whole_study_can_be_told(
    observer: Observer, reported_study: tuple[StudyFolder, StudyResult, Summary]
) -> None:
    folder, result, summary = reported_study
    observer.study_started(study_start(folder))
    for trial in result.trials:
        for run in trial.runs.values():
            observer.run_started(trial.spec, started(trial.spec, run.seed), SLOT)
            observer.run_stepped(trial.spec, alive(trial.spec, run.seed, 50))
            observer.run_reported(trial.spec, reported(trial.spec, run.seed, 100, {"val/ctcvr_auc": 0.7}))
            observer.run_ended(trial.spec, run)
    observer.plan_grew(6, "confirmation")
    observer.warned("text with [brackets], {braces} and a % sign")
    observer.study_ended(result, summary)
    observer.close()


@pytest.mark.parametrize("state", ["FAILED", "PRUNED", "INTERRUPTED"])
def test_a_run_may_end_in_any_state_without_metrics_files_or_start(
    observer: Observer, folder: StudyFolder, state: str
) -> None:
    spec = trial_spec(1, 0.05)
    observer.study_started(study_start(folder))
    observer.run_reported(spec, reported(spec, 0, 100, {}))
    observer.run_ended(spec, run_result(None, spec, 0, state, "why"))
    observer.run_ended(spec, RunResult(1, 1, "FAILED", None, folder=folder.path / "gone"))
    observer.close()


def test_a_study_that_ends_before_it_started_is_closed_all_the_same(observer: Observer) -> None:
    observer.warned("before the start")
    observer.close()
    observer.close()


def test_a_name_that_looks_like_markup_is_only_a_name(observer: Observer, folder: StudyFolder) -> None:
    spec = trial_spec(1, 0.05, name="[/red] {x} <b> λ=0.1")
    observer.study_started(study_start(folder))
    observer.run_started(spec, started(spec, 0), SLOT)
    observer.run_ended(spec, run_result(None, spec, 0, "FAILED", "[/] {reason}"))
    observer.close()


def test_the_study_is_not_kept_waiting(observer: Observer, folder: StudyFolder) -> None:
    """600 words within 2 s; MLflow alone takes 2 s to import, and a line on a live terminal some 2 ms."""
    spec = trial_spec(1, 0.05)
    begin = time.monotonic()
    observer.study_started(study_start(folder))
    for seed in range(200):
        observer.run_started(spec, started(spec, seed), SLOT)
        observer.run_reported(spec, reported(spec, seed, 100, {"val/ctcvr_auc": 0.7}))
        observer.run_ended(spec, run_result(None, spec, seed))
    told = time.monotonic() - begin
    observer.close()
    assert told < 2.0


class Broken:
    """Raises at every word."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., None]:
        def raises(*_: object) -> None:
            raise self._error

        return raises


@pytest.mark.parametrize("error", [ValueError("no such font\nmore"), SystemExit(1), OSError(5, "I/O error")])
def test_an_observer_that_raises_costs_no_more_than_what_it_would_have_shown(
    error: BaseException, folder: StudyFolder
) -> None:
    printed = io.StringIO()
    console = Console(file=printed, width=100)
    all_of_them = Observers(Broken(error), Terminal(console), Broken(error))
    all_of_them.study_started(study_start(folder))
    all_of_them.warned("heard")
    all_of_them.close()
    said = printed.getvalue()
    assert "warning: heard" in said
    assert said.count("warning: Broken failed") == 2


def test_ctrl_c_is_not_an_observers_fault() -> None:
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        Observers(Broken(KeyboardInterrupt())).warned("while it prints")
