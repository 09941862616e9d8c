"""What a study shows: a live view on a terminal, plain lines elsewhere; at the end the leaderboard."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.layout import StudyFolder
from sweeper.leaderboard import duration, number
from sweeper.leaderboard_table import default_console, leaderboard_of
from sweeper.messages import Reported, Started
from sweeper.observers import StudyStart
from sweeper.results import Judgement, Objective, RunResult, StudyResult
from sweeper.schema import Tracking
from sweeper.summary import read_sentence, summary
from sweeper.tracking import where
from sweeper.trial import TrialSpec


def leaderboard(result: StudyResult, judgement: Judgement) -> RenderableType:
    """All trials, the confirmation, and the verdict's sentence last; reads well in 100 columns."""
    return Group(leaderboard_of(summary(result, judgement)), Text(judgement.sentence, "bold"))


@dataclass(frozen=True)
class Running:
    """A run on a slot, as far as it is known."""

    trial: int
    name: str
    seed: int
    step: int
    total_steps: int
    objective: float | None = None
    steps_per_s: float | None = None

    @property
    def fraction(self) -> float:
        """The part of the run that is done."""
        return min(1.0, self.step / max(self.total_steps, 1))


@dataclass
class Progress:
    """How far a study is. `n_runs` are those to train now; runs known before do not count."""

    n_runs: int = 0
    n_done: int = 0
    started: float = 0.0

    def fraction(self, running: Sequence[Running]) -> float:
        """The part of the study that is done, running runs included."""
        done = self.n_done + sum(run.fraction for run in running)
        return min(1.0, done / max(self.n_runs, self.n_done + len(running), 1))

    def seconds_left(self, running: Sequence[Running], now: float) -> float | None:
        """Time left at the pace so far; None as long as there is no pace."""
        fraction = self.fraction(running)
        return (now - self.started) * (1 - fraction) / fraction if fraction > 0 else None


class Terminal:
    """Tells a person how a study is going. Everything is drawn from a small state, by rich's own thread."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or default_console()
        self._clock = clock
        self._lock = threading.Lock()
        self._progress = Progress()
        self._running: dict[tuple[int, int], Running] = {}
        self._objective: Objective | None = None
        self._start: StudyStart | None = None
        self._live: Live | None = None
        self._noted: set[tuple[int, str]] = set()

    def study_started(self, start: StudyStart) -> None:
        """What is planned; and on a terminal the live view begins."""
        self._start, self._objective = start, start.objectives[0]
        self._progress = Progress(start.n_runs_planned - start.n_runs_known, 0, self._clock())
        self._say(_opening(start))
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self.view, refresh_per_second=4, transient=True
            )
            self._live.start()

    def plan_grew(self, n_runs: int, why: str) -> None:
        """Says why."""
        with self._lock:
            self._progress.n_runs += n_runs
        self._say(f"{n_runs} more run{'s' * (n_runs != 1)}: {why}")

    def run_started(self, trial: TrialSpec, started: Started) -> None:
        """A line in the live view."""
        step, total = started.resumed_step, started.total_steps
        with self._lock:
            key = (trial.number, started.seed)
            self._running[key] = Running(trial.number, trial.name, started.seed, step, total)
        for note in started.notes:
            if (trial.number, note) not in self._noted:  # each seed of a trial says the same
                self._noted.add((trial.number, note))
                self._say(f"trial {trial.number} {trial.name}: {note}")

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """Moves its line on."""
        metric = f"val/{self._objective.metric}" if self._objective else ""
        with self._lock:
            run = self._running.get((trial.number, reported.seed))
            if run is not None:
                self._running[trial.number, reported.seed] = replace(
                    run,
                    step=reported.step,
                    objective=reported.metrics.get(metric, run.objective),
                    steps_per_s=reported.steps_per_s,
                )

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """One line, in the log as well as above the live view."""
        with self._lock:
            self._running.pop((trial.number, run.seed), None)
            self._progress.n_done += 1
            progress = f"[{self._progress.n_done}/{max(self._progress.n_runs, self._progress.n_done)}]"
        style = "" if run.state == "COMPLETE" else "red" if run.state == "FAILED" else "yellow"
        self._say(f"{progress} {_ended(trial, run, self._objective)}", style)

    def warned(self, text: str) -> None:
        """The text, marked."""
        self._say(f"warning: {text}", "yellow")

    def study_ended(self, result: StudyResult, summary: dict[str, Any]) -> None:
        """Leaderboard, verdict, and where to read on."""
        self._stop()
        if self._start is None:
            return
        folder = self._start.folder
        self._console.print(leaderboard_of(summary))
        self._say(read_sentence(folder) or f"verdict: {summary['verdict']}", "bold")
        self._say(_places(folder, self._start.config))

    def close(self) -> None:
        """Gives the terminal back."""
        self._stop()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style), soft_wrap=True)

    def view(self) -> RenderableType:
        """The runs under way and how far the study is."""
        with self._lock:
            running = sorted(self._running.values(), key=lambda run: (run.trial, run.seed))
            progress = replace(self._progress)
        metric = self._objective.metric if self._objective else "objective"
        return Group(_running_table(running, metric), _totals(progress, running, self._clock()))


def plan(
    study: str,
    trials: Sequence[TrialSpec],
    seeds: Sequence[int],
    confirm_seeds: Sequence[int],
    *,
    known: Mapping[int, int] | None = None,
    seconds_per_run: float | None = None,
    n_slots: int = 1,
    n_later: int = 0,
    n_confirmed: int = 0,
) -> RenderableType:
    """The table of `study.dry_run=true`: trials, runs, and the time they would take.

    `known`: by trial number, the runs that need not be trained. `n_later`: trials that an adaptive sampler
    will suggest as it goes. `seconds_per_run`: None where nothing comparable has run yet.
    """
    known = known or {}
    table = Table(title=f"plan of {study}", title_justify="left", box=None, pad_edge=False, padding=(0, 2))
    for name in ("#", "trial", "role", "runs", "known"):
        table.add_column(name, justify="left" if name in ("trial", "role") else "right", overflow="ellipsis")
    for trial in trials:
        n_known = known.get(trial.number, 0)
        cells = [str(trial.number), trial.name, trial.role, str(len(seeds)), str(n_known)]
        table.add_row(*(Text(cell) for cell in cells))
    n_screening = (len(trials) + n_later) * len(seeds) - sum(known.values())
    n_confirming = max(0, 2 * len(confirm_seeds) - n_confirmed)
    n_runs = n_screening + n_confirming
    later = f" and {n_later} more as the sampler suggests them" if n_later else ""
    lines = [
        f"{len(trials)} trials{later} on {len(seeds)} seeds; {n_screening} runs to train, "
        f"then {n_confirming} to confirm the best against the baseline",
        f"estimated time: {_estimate(n_runs, seconds_per_run, n_slots)}",
    ]
    return Group(table, *(Text(line) for line in lines))


def _estimate(n_runs: int, seconds_per_run: float | None, n_slots: int) -> str:
    if seconds_per_run is None:
        return "unknown, no run of this task, data and device has finished yet"
    waves = -(-n_runs // n_slots)
    total, each = duration(waves * seconds_per_run), duration(seconds_per_run)
    slots = f"{n_slots} slot{'s' * (n_slots != 1)}"
    return f"{total} for {n_runs} runs on {slots} ({each} a run, as earlier ones took)"


def _opening(start: StudyStart) -> str:
    known = f", {start.n_runs_known} known already and not repeated" if start.n_runs_known else ""
    slots = f"{start.n_slots} slot{'s' * (start.n_slots != 1)}"
    return f"study {start.study}: {start.n_runs_planned} runs planned{known}; {slots}; {start.folder.path}"


def _ended(trial: TrialSpec, run: RunResult, objective: Objective | None) -> str:
    who = f"trial {trial.number} {trial.name} seed {run.seed}"
    if run.state != "COMPLETE":
        return f"{who}: {run.state.lower()}" + (f", {run.reason}" if run.reason else "")
    key = f"val/{objective.metric}" if objective else ""
    return f"{who}: {key} {number(run.metrics.get(key))} in {duration(run.seconds)}"


def _places(folder: StudyFolder, config: Mapping[str, Any]) -> str:
    lines = [f"report: {folder.report_md}"]
    if "tracking" in config:
        place = where(Tracking.model_validate(config["tracking"]), folder.path.parent)
        lines += [f"MLflow: {place}"] if place else []
    return "\n".join(lines)


def _running_table(running: Sequence[Running], metric: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("#", "trial", "seed", "", "step", metric, "steps/s"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("trial", "") else "right")
    for run in running:
        bar = ProgressBar(total=1.0, completed=run.fraction, width=16)
        pace = "-" if run.steps_per_s is None else f"{run.steps_per_s:.1f}"
        table.add_row(
            *(str(run.trial), Text(run.name, overflow="ellipsis"), str(run.seed), bar),
            *(f"{run.step}/{run.total_steps}", number(run.objective), pace),
        )
    return table


def _totals(progress: Progress, running: Sequence[Running], now: float) -> Text:
    left = progress.seconds_left(running, now)
    ends = "time left unknown yet" if left is None else f"about {duration(left)} left"
    elapsed = duration(now - progress.started)
    return Text(f"{progress.n_done} of {progress.n_runs} runs done, {elapsed} so far, {ends}", "dim")
