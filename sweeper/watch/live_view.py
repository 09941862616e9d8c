"""What runs where, and how far a study is: a small state that is told by one thread and read by others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from sweeper.messages import Alive, Reported, Started
from sweeper.results import RunResult
from sweeper.trial import Slot, TrialSpec


@dataclass(frozen=True)
class Running:
    """A run on a slot, as far as it is known."""

    slot: int
    trial: int
    name: str
    seed: int
    resumed_step: int
    step: int
    total_steps: int
    objective: float | None = None
    steps_per_s: float | None = None

    @property
    def fraction(self) -> float:
        """The part of the run that is done."""
        return self._share_of(self.step)

    @property
    def fraction_resumed(self) -> float:
        """The part of the run that was done before it started here."""
        return self._share_of(self.resumed_step)

    def _share_of(self, step: int) -> float:
        return min(1.0, step / max(self.total_steps, 1))


@dataclass(frozen=True)
class Progress:
    """How far a study is, in runs, those known before not counted; `trained` only what was trained here.

    `is_most`: fewer than `n_runs` may do.
    """

    n_runs: int = 0
    n_done: int = 0
    trained: float = 0.0
    began: float = 0.0
    n_failed: int = 0
    n_pruned: int = 0
    is_most: bool = False

    def seconds_left(self, running: Sequence[Running], now: float) -> float | None:
        """Time left at the pace so far, over all slots; None as long as there is no pace."""
        trained = self.trained + sum(run.fraction - run.fraction_resumed for run in running)
        open_runs = max(0.0, self.n_runs - self.n_done - sum(run.fraction for run in running))
        return (now - self.began) * open_runs / trained if trained > 0 else None


@dataclass(frozen=True)
class Moment:
    """What a view knows at one moment; `now` as its clock tells it."""

    slots: tuple[Slot, ...]
    running: tuple[Running, ...]
    progress: Progress
    metric: str
    has_started: bool
    now: float
    date: datetime


class LiveView:
    """Told what happens by the study's thread, read by the one that draws."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._clock, self._date = clock, date
        self._lock = Lock()
        self._slots: tuple[Slot, ...] = ()
        self._metric = "objective"
        self._progress = Progress()
        self._running: dict[tuple[int, int], Running] = {}
        self._has_started = False

    def begin(self, slots: tuple[Slot, ...], metric: str, n_runs: int, *, is_most: bool = False) -> None:
        """A study begins, with `n_runs` to train, or fewer where that `is_most`."""
        with self._lock:
            self._slots, self._metric = slots, metric
            self._progress = Progress(n_runs, began=self._clock(), is_most=is_most)

    def use(self, slots: tuple[Slot, ...]) -> None:
        """These slots are there now; a run whose slot has left is shown until it has ended."""
        with self._lock:
            self._slots = slots

    def grow(self, n_runs: int) -> None:
        """So many runs more, or fewer."""
        with self._lock:
            self._progress = replace(self._progress, n_runs=self._progress.n_runs + n_runs)

    def start(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """A run takes a slot, or takes it again after its worker was lost."""
        step = started.resumed_step
        run = Running(slot.index, trial.number, trial.name, started.seed, step, step, started.total_steps)
        with self._lock:
            self._has_started = True
            self._running[trial.number, started.seed] = run

    def move(self, trial: TrialSpec, message: Alive | Reported) -> None:
        """A run is that far; what is not running is left alone."""
        with self._lock:
            run = self._running.get((trial.number, message.seed))
            if run is not None:
                self._running[trial.number, message.seed] = self._moved(run, message)

    def _moved(self, run: Running, message: Alive | Reported) -> Running:
        if isinstance(message, Alive):
            return replace(run, step=message.step)
        objective = message.metrics.get(f"val/{self._metric}", run.objective)
        if message.is_inherited:  # the run is further than that already
            return replace(run, objective=objective)
        return replace(run, step=message.step, objective=objective, steps_per_s=message.steps_per_s)

    def end(self, trial: TrialSpec, result: RunResult) -> str:
        """A run leaves its slot; `3/12`, the runs done and those planned. An interrupted one comes again."""
        with self._lock:
            run = self._running.pop((trial.number, result.seed), None)
            self._progress = _after(self._progress, run, result)
            n_done = self._progress.n_done
            return f"{n_done}/{max(self._progress.n_runs, n_done)}"

    def seen(self) -> Moment:
        """What there is to draw."""
        with self._lock:
            return Moment(
                slots=self._slots,
                running=tuple(self._running.values()),
                progress=self._progress,
                metric=self._metric,
                has_started=self._has_started,
                now=self._clock(),
                date=self._date(),
            )


def _after(progress: Progress, run: Running | None, result: RunResult) -> Progress:
    resumed = run.fraction_resumed if run else 0.0
    if result.state == "INTERRUPTED":
        done_here = run.fraction - resumed if run else 0.0
        return replace(progress, trained=progress.trained + done_here)
    # a run that ends early is done all the same: so are those that will, at the pace of this study
    done_here = 1.0 - resumed
    return replace(
        progress,
        n_done=progress.n_done + 1,
        n_failed=progress.n_failed + (result.state == "FAILED"),
        n_pruned=progress.n_pruned + (result.state == "PRUNED"),
        trained=progress.trained + done_here,
    )
