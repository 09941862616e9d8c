"""The page of a study while it runs: written in the background, every few seconds and at events.

The study's thread only notes what happens, in constant time; another thread makes the page of what was noted,
and never takes more than a small part of the time for it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Condition, Lock, Thread

from sweeper.layout import write_atomic
from sweeper.messages import Alive, Reported, Started
from sweeper.reports import (
    KnownRuns,
    LiveSlot,
    LiveStudy,
    LiveTrial,
    Span,
    Summary,
    live_page,
    prepare_figures,
    with_own,
)
from sweeper.results import RunResult, StudyResult
from sweeper.trial import Slot, TrialSpec
from sweeper.watch.heard import HeardTrials
from sweeper.watch.live_view import LiveView, Running
from sweeper.watch.observers import StudyStart
from sweeper.watch.screen import until

SHARE = 0.01
"""The largest part of the time that making pages may take."""
CLOSE_S = 5.0
BEAT_S = 30.0
"""A page is written so often even where nothing is heard but that runs go on."""
MOST_KEPT = 200
"""Of warnings and failures the last so many are shown."""
MOST_SPANS = 2000


class PageWriter:
    """Keeps `report.html` up to date, at most every `every_s`; the last one is written with the report.

    `warn` is called from a thread, once, where a page cannot be written.
    """

    def __init__(
        self,
        every_s: float,
        warn: Callable[[str], None] | None = None,
        share: float = SHARE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._warn = warn or logging.getLogger(__name__).warning
        self._every_s, self._share, self._clock = every_s, share, clock
        self._view = LiveView(clock)
        self._lock, self._writing, self._wake = Lock(), Lock(), Condition()
        self._heard = HeardTrials()
        self._slots: dict[tuple[int, int], tuple[str, float]] = {}
        self._spans: deque[Span] = deque(maxlen=MOST_SPANS)
        self._said, self._warned, self._failed = (deque[str](maxlen=MOST_KEPT) for _ in range(3))
        self._start: StudyStart | None = None
        self._thread: Thread | None = None
        self._has_news = self._has_begun = self._is_over = False

    def study_started(self, start: StudyStart) -> None:
        """The first page, and those that follow, come from a thread."""
        self._start = start
        self._heard.begin(start)
        n_runs = start.n_runs_planned - start.n_runs_known
        self._view.begin(start.slots, start.objectives[0].metric, n_runs, is_most=start.is_most)
        self._thread = Thread(target=self._write_on, args=(start,), name="page", daemon=True)
        self._thread.start()
        self._tell()

    def plan_grew(self, n_runs: int, why: str) -> None:
        """More, or fewer, runs to wait for."""
        self._view.grow(n_runs)
        self._said.append(why)
        self._tell()

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """A slot is taken."""
        self._view.start(trial, started, slot)
        self._heard.start(trial, started.seed)
        with self._lock:
            self._slots[trial.number, started.seed] = (slot.label, self._clock())
        self._begin()
        self._tell()

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """A run has moved on; that alone is not worth a page."""
        self._view.move(trial, alive)

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """A point more of a curve."""
        self._view.move(trial, reported)
        if self._heard.report(trial, reported):
            self._tell()

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """A slot is free, a value is known."""
        self._view.end(trial, run)
        self._heard.end(trial, run)
        with self._lock:
            self._end(trial, run)
        self._tell()

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """Those that are there now."""
        self._view.use(slots)
        self._tell()

    def noted(self, text: str) -> None:
        """Said on the page."""
        self._said.append(text)

    def warned(self, text: str) -> None:
        """Listed on the page."""
        self._warned.append(text)

    def report_begins(self) -> None:
        """No page of a running study is written after this: the report's own comes now."""
        self._stop()

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """The page that stays is there already."""

    def study_left(self, why: str) -> None:
        """Those who go on write the page from now on."""
        self._stop()

    def close(self) -> None:
        """Ends the thread."""
        self._stop()

    def _end(self, spec: TrialSpec, run: RunResult) -> None:
        if run.state == "FAILED":
            self._failed.append(f"trial {spec.number} {spec.name} seed {run.seed}: {run.reason}")
        label, began = self._slots.pop((spec.number, run.seed), ("", None))
        if began is not None:
            self._spans.append(Span(spec.number, run.seed, label, began, self._clock(), run.state))

    def _tell(self) -> None:
        if self._has_news:
            return  # the thread knows
        with self._wake:
            self._has_news = True
            self._wake.notify()

    def _begin(self) -> None:
        if not self._has_begun:
            with self._wake:
                self._has_begun = True
                self._wake.notify()

    def _stop(self) -> None:
        with self._writing:
            self._is_over = True
        with self._wake:
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _write_on(self, start: StudyStart) -> None:
        try:
            self._wait_for_training()
            prepare_figures()
            known = KnownRuns(start.folder, start.objectives[0].metric, start.seeds)
            pause_s = self._every_s
            while self._wait_for_news():
                began = time.thread_time()
                self._write(start, known, pause_s)
                pause_s = max(self._every_s, (time.thread_time() - began) / self._share)
                self._pause(pause_s)
        except Exception as error:  # a full disk must not end the study
            self._warn(f"report.html is not kept up to date ({error}); the report at the end is")

    def _wait_for_training(self) -> None:
        """Until a run trains, or for a while: packing what draws takes a second that its imports want."""
        with self._wake:
            self._wake.wait_for(lambda: self._has_begun or self._is_over, self._every_s)

    def _wait_for_news(self) -> bool:
        """Whether to write once more; waits until something has happened, or for a while."""
        with self._wake:
            self._wake.wait_for(lambda: self._has_news or self._is_over, BEAT_S)
            self._has_news = False
            return not self._is_over

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._is_over, seconds)

    def _write(self, start: StudyStart, known: KnownRuns, refresh_s: float) -> None:
        page = live_page(
            self._seen(start, known.trials(self._heard.runs())), datetime.now().astimezone(), refresh_s
        )
        with self._writing:
            if not self._is_over:
                write_atomic(start.folder.report_html, page, flush=False)

    def _seen(self, start: StudyStart, known: dict[int, LiveTrial]) -> LiveStudy:
        view, own, now = self._view.seen(), self._heard.seen(), self._clock()
        with self._lock:
            open_runs = dict(self._slots)
            spans, failed = list(self._spans), list(self._failed)
        trials = with_own(known, own)
        spans += [
            Span(trial, seed, label, began, now, "RUNNING")
            for (trial, seed), (label, began) in open_runs.items()
        ]
        left_s = view.progress.seconds_left(view.running, now)
        return LiveStudy(
            study=start.study,
            objective=start.objectives[0],
            seeds=start.seeds,
            command=str(start.provenance.get("command", "")),
            trials=[one for _, one in sorted(trials.items())],
            slots=_slots(view.slots, view.running),
            n_runs=view.progress.n_runs,
            n_done=view.progress.n_done,
            n_known=start.n_runs_known,
            since_s=now - view.progress.began,
            left_s=left_s,
            until="" if left_s is None else until(left_s, datetime.now()),
            spans=spans,
            said=list(self._said),
            warnings=list(dict.fromkeys(self._warned)),
            failures=failed,
            announced=start.announced,
            is_most=view.progress.is_most,
        )


def _slots(slots: Sequence[Slot], running: Sequence[Running]) -> list[LiveSlot]:
    """A line a slot, more where runs share one."""
    on: dict[int, list[Running]] = {}
    for run in running:
        on.setdefault(run.slot, []).append(run)
    return [one for slot in slots for one in _lines(slot, on.get(slot.index, []))]


def _lines(slot: Slot, runs: Sequence[Running]) -> list[LiveSlot]:
    return [
        LiveSlot(
            label=slot.label,
            trial=run.trial,
            name=run.name,
            seed=run.seed,
            fraction=run.fraction,
            steps=f"{run.step}/{run.total_steps}",
            objective=run.objective,
            steps_per_s=run.steps_per_s,
        )
        for run in runs
    ] or [LiveSlot(slot.label)]
