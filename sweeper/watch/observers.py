"""Who watches a study: the terminal, MLflow. The study loop tells, and never waits for an observer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sweeper.layout import StudyFolder
from sweeper.messages import Alive, Reported, Started
from sweeper.reports import Summary
from sweeper.results import Objective, RunResult, StudyResult
from sweeper.trial import Slot, TrialSpec


@dataclass(frozen=True)
class StudyStart:
    """What is known when a study begins; `n_runs_known` of the planned runs need not be trained again.

    `announced`: what the task says of the data, in lines. `is_most`: fewer runs than planned may do, since
    pairs of the confirmation are added only until the verdict is decided.
    """

    study: str
    task: str
    objectives: tuple[Objective, ...]
    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    folder: StudyFolder
    n_runs_planned: int
    n_runs_known: int
    slots: tuple[Slot, ...]
    config: dict[str, Any]
    data: dict[str, Any]
    provenance: dict[str, Any]
    announced: tuple[str, ...] = ()
    is_most: bool = False


class Observer(Protocol):
    """Told of everything, in order, from the study's thread; must return at once and never raise."""

    def study_started(self, start: StudyStart) -> None:
        """The first word."""

    def plan_grew(self, n_runs: int, why: str) -> None:
        """The plan has so many runs more, or fewer where `n_runs` is negative; `why` says what begins."""

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """A run trains on `slot` now."""

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """A run is that far."""

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """An evaluation came in."""

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """A run is complete, failed, pruned or interrupted, and its files are written."""

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """These slots are there now; told at first, and whenever some have come or left."""

    def noted(self, text: str) -> None:
        """Something that is good to know while the study runs, and of no concern to its report."""

    def warned(self, text: str) -> None:
        """Something that the user should read."""

    def report_begins(self) -> None:
        """All runs are over; the report is made now, and nobody but the study writes its files."""

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """The last word: summary, report and plots are on disk. Not told when nothing finished."""

    def study_left(self, why: str) -> None:
        """The last word of a session that leaves the study to others, who go on."""

    def close(self) -> None:
        """Finish what is under way, within a bounded time."""


class Observers:
    """Tells each of several observers in turn. One that raises costs what it would have shown, no more."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self._failed: set[int] = set()

    def study_started(self, start: StudyStart) -> None:
        """To all."""
        self._tell(lambda observer: observer.study_started(start))

    def plan_grew(self, n_runs: int, why: str) -> None:
        """To all."""
        self._tell(lambda observer: observer.plan_grew(n_runs, why))

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """To all."""
        self._tell(lambda observer: observer.run_started(trial, started, slot))

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """To all."""
        self._tell(lambda observer: observer.run_stepped(trial, alive))

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """To all."""
        self._tell(lambda observer: observer.run_reported(trial, reported))

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """To all."""
        self._tell(lambda observer: observer.run_ended(trial, run))

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """To all."""
        self._tell(lambda observer: observer.slots_changed(slots))

    def noted(self, text: str) -> None:
        """To all."""
        self._tell(lambda observer: observer.noted(text))

    def warned(self, text: str) -> None:
        """To all."""
        self._tell(lambda observer: observer.warned(text))

    def report_begins(self) -> None:
        """To all."""
        self._tell(lambda observer: observer.report_begins())

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """To all."""
        self._tell(lambda observer: observer.study_ended(result, summary))

    def study_left(self, why: str) -> None:
        """To all."""
        self._tell(lambda observer: observer.study_left(why))

    def close(self) -> None:
        """All of them."""
        self._tell(lambda observer: observer.close())

    def _tell(self, word: Callable[[Observer], None]) -> None:
        for i, observer in enumerate(self._observers):
            try:
                word(observer)
            except (Exception, SystemExit) as error:  # a library's way out must not be the study's
                if i not in self._failed:
                    self._failed.add(i)
                    self.warned(_failure(observer, error))


def _failure(observer: Observer, error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"{type(observer).__name__} failed ({what}); the study goes on, what it shows may lack something"
