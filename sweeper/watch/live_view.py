"""What runs where, drawn from a small state: one line a slot, the totals, and when the study will end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from rich.console import Group, RenderableType
from rich.text import Text

from sweeper.messages import Alive, Reported, Started
from sweeper.reports import Cell, Column, FittedTable, Prose, Row
from sweeper.results import RunResult
from sweeper.trial import Slot, TrialSpec
from sweeper.wording import duration, number

LINES_BESIDE_SLOTS = 6
"""Head, the slots that do not fit, totals; and room for the last lines of the log."""

BAR_WIDTH, WIDTH = 12, 100
MOST_S = 30 * 86400.0
"""An end further away than this is no date."""


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
    """How far a study is, in runs, those known before not counted; `trained` only what was trained here."""

    n_runs: int = 0
    n_done: int = 0
    trained: float = 0.0
    began: float = 0.0

    def seconds_left(self, running: Sequence[Running], now: float) -> float | None:
        """Time left at the pace so far, over all slots; None as long as there is no pace."""
        trained = self.trained + sum(run.fraction - run.fraction_resumed for run in running)
        open_runs = max(0.0, self.n_runs - self.n_done - sum(run.fraction for run in running))
        return (now - self.began) * open_runs / trained if trained > 0 else None


@dataclass(frozen=True)
class Moment:
    """What a view knows at one moment."""

    slots: tuple[Slot, ...]
    running: tuple[Running, ...]
    progress: Progress


class LiveView:
    """Told what happens by the study's thread, drawn by the thread of a terminal."""

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

    def begin(self, slots: tuple[Slot, ...], metric: str, n_runs: int) -> None:
        """A study begins, with `n_runs` to train."""
        with self._lock:
            self._slots, self._metric = slots, metric
            self._progress = Progress(n_runs, began=self._clock())

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
            return Moment(self._slots, tuple(self._running.values()), self._progress)

    def drawn(self, height: int, width: int = WIDTH) -> RenderableType:
        """The view for a terminal of `height` lines and `width` columns."""
        seen = self.seen()
        slots, running, progress = seen.slots, seen.running, seen.progress
        idle = "idle" if self._has_started else "starting"
        n_most = max(1, height - LINES_BESIDE_SLOTS)
        n_lines = 1 + slot_table(slots[:n_most], running, self._metric, idle).layout(width).is_stacked
        shown, hidden = slots[: max(1, n_most // n_lines)], slots[max(1, n_most // n_lines) :]
        parts: list[RenderableType] = [slot_table(shown, running, self._metric, idle)]
        if not slots:
            parts = [Prose("no slots now; waiting for some", "dim")]
        if hidden:
            parts.append(Prose(_hidden_in_words(hidden, running), "dim"))
        return Group(*parts, Prose(totals(progress, running, self._clock(), self._date()), "dim"))


def _after(progress: Progress, run: Running | None, result: RunResult) -> Progress:
    resumed = run.fraction_resumed if run else 0.0
    if result.state == "INTERRUPTED":
        done_here = run.fraction - resumed if run else 0.0
        return replace(progress, trained=progress.trained + done_here)
    # a run that ends early is done all the same: so are those that will, at the pace of this study
    done_here = 1.0 - resumed
    return replace(progress, n_done=progress.n_done + 1, trained=progress.trained + done_here)


def slot_table(
    slots: Sequence[Slot], running: Sequence[Running], metric: str, idle: str = "idle"
) -> FittedTable:
    """One line a slot, two where two runs share one; where space is short, pace and bar go first."""
    columns = (
        Column("slot", is_left=True),
        Column("#", leaves=5),
        Column("trial", is_left=True, is_name=True),
        Column("seed", leaves=4),
        Column("", leaves=2, is_left=True, least=BAR_WIDTH),  # or the table would jump at the first run
        Column("step"),
        Column(metric, leaves=3),
        Column("steps/s", leaves=1),
    )
    rows, on = [], dict[int, list[Running]]()
    for run in running:
        on.setdefault(run.slot, []).append(run)
    for slot in slots:
        runs = on.get(slot.index, [])
        rows += [Row([slot.label, *_cells(run)]) for run in runs]
        if not runs:
            rows.append(Row([slot.label, "", Text(idle, "dim"), "", "", "", "", ""]))
    return FittedTable(columns, rows, has_rule=False, folds_names=True)


def _cells(run: Running) -> tuple[Cell, ...]:
    pace = "-" if run.steps_per_s is None else f"{run.steps_per_s:.1f}"
    steps = f"{run.step}/{run.total_steps}"
    return str(run.trial), run.name, str(run.seed), _bar(run.fraction), steps, number(run.objective), pace


def _bar(fraction: float) -> Text:
    halves = int(2 * BAR_WIDTH * fraction)
    return Text("━" * (halves // 2) + "╸" * (halves % 2), "bar.complete")


def _hidden_in_words(slots: Sequence[Slot], running: Sequence[Running]) -> str:
    busy = {run.slot for run in running}
    n_busy = sum(slot.index in busy for slot in slots)
    return f"and {len(slots)} slots more: {n_busy} busy, {len(slots) - n_busy} idle"


def totals(progress: Progress, running: Sequence[Running], now: float, date: datetime) -> str:
    """How many runs are done, and when all will be."""
    left = progress.seconds_left(running, now)
    n_runs = max(progress.n_runs, progress.n_done)
    so_far = f"{progress.n_done} of {n_runs} runs done, {duration(now - progress.began)} so far"
    if progress.n_done == n_runs:
        return so_far
    if left is None:
        return f"{so_far}, time left unknown yet"
    return f"{so_far}, about {duration(left)} left{until(left, date)}"


def until(left_s: float, now: datetime) -> str:
    """The clock time of the end, with the day where that is another one; nothing far in the future."""
    if left_s > MOST_S:
        return ""
    end = now + timedelta(seconds=left_s)
    return f", until {end:%H:%M}" if end.date() == now.date() else f", until {end:%a %d %b %H:%M}"
