"""An observer that keeps a log of the study on a server, whichever: `sweeper.watch.tracking` has MLflow's."""

import time
from collections.abc import Callable
from typing import Protocol

from sweeper.errors import redact
from sweeper.layout import RunFolder, StudyFolder
from sweeper.messages import Alive, Reported, Started
from sweeper.reports import Summary
from sweeper.results import RunResult, StudyResult
from sweeper.trial import Slot, TrialSpec
from sweeper.watch.background import Background
from sweeper.watch.observers import StudyStart

FLUSH_S = 30.0
"""A running run's new metrics are sent at most this often."""
RETRY_S = 60.0
"""After a failure nothing is sent for so long."""
GOES_ON = "the study goes on, its metrics stay in the run folders"
AFTERWARDS = "a process of its own goes on with that, and nothing waits for it"
CLOSE_S = 60.0
"""`close` waits at most so long for what is still to be written; the rest is done afterwards."""


class StudyLog(Protocol):
    """The log of one study. Everything may be said again without doubling anything; all of it may raise."""

    def log_start(self, spec: TrialSpec, seed: int, attempt: int) -> None:
        """The run is under way, for the first time or again."""

    def log_progress(self, spec: TrialSpec, seed: int, folder: RunFolder, upto: int) -> None:
        """Metrics up to step `upto` that are not logged yet."""

    def log_end(self, spec: TrialSpec, run: RunResult) -> bool:
        """All that is known of a run that ended; False when all was logged before."""

    def log_result(self, summary: Summary, folder: StudyFolder) -> None:
        """Verdict, figures, report and plots."""

    def lacks_champion(self, summary: Summary, folder: StudyFolder) -> bool:
        """Whether there is a best model that is not registered; it takes seconds, and is done afterwards."""

    def leave_to_others(self) -> None:
        """Other sessions go on with the study: it is not interrupted by our end."""

    def interrupt_unless_finished(self) -> None:
        """The last word: a study that has no result by now was interrupted."""


class NoTracker:
    """Tracks nothing."""

    def study_started(self, start: StudyStart) -> None:
        """Nothing."""

    def plan_grew(self, n_runs: int, why: str) -> None:
        """Nothing."""

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """Nothing."""

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """Nothing."""

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """Nothing."""

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """Nothing."""

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """Nothing."""

    def noted(self, text: str) -> None:
        """Nothing."""

    def warned(self, text: str) -> None:
        """Nothing."""

    def report_begins(self) -> None:
        """Nothing to log yet."""

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """Nothing."""

    def study_left(self, why: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Tracker:
    """Keeps a log from a thread of its own: the study neither waits for the server nor fails with it.

    A failure is told once. Then nothing is sent for a while, and at the end of the study everything that is
    missing is tried once more. What takes long then, the server or the registering of the best model, is left
    to `send_afterwards`, which returns at once. A result that `is_logged` already is not logged again, where
    no run has been trained for it.
    """

    def __init__(
        self,
        open_log: Callable[[StudyStart], StudyLog],
        place: str,
        warn: Callable[[str], None],
        send_afterwards: Callable[[StudyFolder], None] = lambda folder: None,
        is_logged: Callable[[StudyStart, Summary], bool] = lambda start, summary: False,
        close_s: float = CLOSE_S,
    ) -> None:
        self._open_log, self._place, self._warn, self._close_s = open_log, place, warn, close_s
        self._send_afterwards, self._is_logged = send_afterwards, is_logged
        self._has_logged = self._has_ended = self._lacks_champion = False
        self._start: StudyStart | None = None
        self._background: Background[StudyLog] | None = None
        self._has_warned = False
        self._flushed: dict[tuple[int, int], float] = {}
        self._ended: set[tuple[int, int, int]] = set()

    def study_started(self, start: StudyStart) -> None:
        """Begins to open the log; where runs are known already, only once there is something to log."""
        self._start = start
        self._background = Background(
            open_session=lambda: self._open_log(start),
            finish=lambda log: log.interrupt_unless_finished(),
            on_failure=lambda error: self._warn_once(f"failed ({reason_of(error)})", GOES_ON),
            retry_s=RETRY_S,
        )
        if start.n_runs_known == 0:
            self._put(lambda log: None)

    def plan_grew(self, n_runs: int, why: str) -> None:
        """Nothing that a log of runs could show."""

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """The run appears, as running; where it has ended by the time it is logged, its end says it all."""

        def start(log: StudyLog) -> None:
            if (trial.number, started.seed, started.attempt) not in self._ended:
                log.log_start(trial, started.seed, started.attempt)

        self._put(start)

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """Nothing that a log of evaluations could show."""

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """New metrics, now and then: the rest follows at the end of the run."""
        now, key = time.monotonic(), (reported.trial, reported.seed)
        if self._start is not None and now >= self._flushed.setdefault(key, now) + FLUSH_S:
            self._flushed[key] = now
            folder = self._start.folder.run(trial, reported.seed)
            self._put(lambda log: log.log_progress(trial, reported.seed, folder, reported.step))

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """Metrics, state, configuration."""
        self._ended.add((trial.number, run.seed, run.attempt))
        self._put(lambda log: log.log_end(trial, run))

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """Nothing: each run says where it was."""

    def noted(self, text: str) -> None:
        """Nothing that a log of runs could show."""

    def warned(self, text: str) -> None:
        """Warnings stand in the report."""

    def report_begins(self) -> None:
        """Nothing to log yet."""

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """Runs that are not logged yet (known before, or lost to a failure), then the result."""
        if self._start is None:
            return
        if not self._has_logged and self._is_logged(self._start, summary):
            return
        folder, trials = self._start.folder, (*result.trials, *result.added)
        runs = [(trial.spec, run) for trial in trials for run in trial.runs.values()]

        def log_all(log: StudyLog) -> None:
            for spec, run in runs:
                log.log_end(spec, run)
            log.log_result(summary, folder)
            self._lacks_champion = log.lacks_champion(summary, folder)

        self._has_ended = True
        self._put(log_all, at_all_events=True)

    def study_left(self, why: str) -> None:
        """The log stays open: whoever goes on ends it."""
        self._put(lambda log: log.leave_to_others(), at_all_events=True)

    def close(self) -> None:
        """Send what is left; after a bounded time, leave it to another process."""
        background, self._background = self._background, None
        if background is None or self._start is None:
            return
        is_late = not background.close(self._close_s)
        if is_late:
            outcome = AFTERWARDS if self._has_ended else GOES_ON
            self._warn_once(f"has not taken everything within {self._close_s:g} s", outcome)
        if self._has_ended and (is_late or self._lacks_champion):
            self._send_afterwards(self._start.folder)

    def _put(self, action: Callable[[StudyLog], object], *, at_all_events: bool = False) -> None:
        if self._background is not None:
            self._has_logged = True
            self._background.put(action, at_all_events=at_all_events)

    def _warn_once(self, problem: str, outcome: str) -> None:
        if not self._has_warned and self._start is not None:
            self._has_warned = True
            results = f"--results-dir {self._start.folder.path.parent} "
            tracking = self._start.config.get("tracking") or {}
            uri = f" --tracking-uri {redact(str(tracking['uri']))}" if tracking.get("uri") else ""
            again = f"python -m sweeper.studies {results}replay {self._start.study}{uri}"
            self._warn(
                f"tracking: {self._place} {problem}; {outcome}. Log what is missing later with: {again}"
            )


def reason_of(error: Exception) -> str:
    """One short line without secrets; of a long story of retries, the system's word that it began with."""
    root: BaseException = error
    while cause := root.__cause__ or root.__context__:
        root = cause
    told = root if isinstance(root, OSError) else error
    lines = redact(str(told)).strip().splitlines()
    return f"{type(told).__name__}: {lines[0][:200]}" if lines else type(told).__name__
