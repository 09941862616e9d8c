"""What a study shows: a live view on a terminal, plain lines elsewhere; at the end leaderboard and verdict.

Where the view lives, runs that end well have no line of their own: the view counts and ranks them. So
hundreds of them leave what was said of failures, warnings and the plan on the screen.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live

from sweeper.executors import slots_in_words
from sweeper.layout import StudyFolder
from sweeper.messages import Alive, Reported, Started
from sweeper.reports import (
    Prose,
    Summary,
    default_console,
    kind,
    leaderboard_of,
    models_in,
    read_sentence,
    say,
    summary_of,
)
from sweeper.results import NEEDLESS, Judgement, Objective, RunResult, StudyResult
from sweeper.schema import Tracking
from sweeper.trial import Slot, TrialSpec
from sweeper.verdict import criteria_of, unknown_figures
from sweeper.watch.live_view import LiveView
from sweeper.watch.observers import StudyStart
from sweeper.watch.screen import screen
from sweeper.watch.standings import Standings
from sweeper.watch.tracking_store import pages, place_of_runs
from sweeper.wording import duration, number, plural

STYLES = {"COMPLETE": "", "FAILED": "red"}
REFRESHES_PER_S = 4
TRIALS_NOTED = 2
"""Of so many trials, the baseline first, a live view says what is to be known; each run's log has its own."""
ALIKE = 3
"""So many runs that fail for the same reason have a line above a live view."""
LINES_BESIDE, LEAST_RANKED = 14, 8
"""Lines of a terminal that stand beside the final leaderboard; and trials that it has on the smallest one."""
DEFAULT_RESULTS = "results"


def leaderboard(result: StudyResult, judgement: Judgement) -> RenderableType:
    """All trials, the confirmation, and the verdict's sentence last."""
    return Group(leaderboard_of(summary_of(result, judgement)), Prose(judgement.sentence, "bold"))


class Terminal:
    """Tells a person how a study is going.

    Lines may come from any thread: whatever is printed while the view lives, warnings of other libraries on
    stderr included, stands above it, whole.
    """

    def __init__(self, console: Console | None = None, view: LiveView | None = None) -> None:
        self._console = console or default_console()
        self._view, self._standings = view or LiveView(), Standings()
        self._start: StudyStart | None = None
        self._live: Live | None = None
        self._said: set[str] = set()
        self._reasons: Counter[str | None] = Counter()
        self._alike: Counter[str] = Counter()
        self._figures: set[str] = set()
        self._ending: list[tuple[str, str]] = []

    def study_started(self, start: StudyStart) -> None:
        """What is planned; and on a terminal the live view begins."""
        self._start = start
        n_runs = start.n_runs_planned - start.n_runs_known
        self._view.begin(start.slots, start.objectives[0].metric, n_runs, is_most=start.is_most)
        self._say("\n".join([_opening(start), *start.announced]))
        if self._console.is_terminal:
            self._standings.begin(start)
            self._live = self._new_live()
            self._live.start()
            # visible all the while: a process that is killed could not give it back
            self._console.show_cursor(True)

    def _new_live(self) -> Live:
        return Live(
            console=self._console,
            get_renderable=self._screen,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),  # a file that the user sent it to gets what is meant for it
        )

    def _screen(self) -> RenderableType:
        height, width = self._console.height, self._console.width
        return screen(self._view.seen(), height, width, self._standings.board())

    def plan_grew(self, n_runs: int, why: str) -> None:
        """Says why."""
        self._view.grow(n_runs)
        fewer = f"; {plural(-n_runs, 'run')} fewer than planned" if n_runs < 0 else ""
        self._say(f"{plural(n_runs, 'more run')}: {why}" if n_runs > 0 else f"{why}{fewer}")

    def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
        """The slot's line in the live view; and what is to be known of the trial's configuration."""
        self._view.start(trial, started, slot)
        if self._live is None or trial.number < TRIALS_NOTED:
            for note in started.notes:  # each seed of a trial says the same
                self._say_once(f"trial {trial.number} {trial.name}: {note}")

    def run_stepped(self, trial: TrialSpec, alive: Alive) -> None:
        """Moves its line on."""
        self._view.move(trial, alive)

    def run_reported(self, trial: TrialSpec, reported: Reported) -> None:
        """Moves its line on, objective and pace too."""
        self._view.move(trial, reported)

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """One line, above the live view only where it ended badly, and one for each incident on the way."""
        progress = self._view.end(trial, run)
        self._standings.end(trial, run)
        objective = self._start.objectives[0] if self._start else None
        if self._live is None or self._is_news(run):
            style = "" if run.reason == NEEDLESS else STYLES.get(run.state, "yellow")
            self._say(f"[{progress}] {_ended(trial, run, objective)}", style)
        if run.state == "COMPLETE" and self._start:
            self._figures |= run.metrics.keys()
            self._say_missing(unknown_figures(criteria_of(self._start.config), self._figures))
        for incident in run.incidents:
            self._say_incident(f"{_name(trial, run)}: incident: {incident}", kind(incident))

    def _say_incident(self, line: str, its_kind: str) -> None:
        """Once, since an interrupted run ends more than once; of many that are alike the first ones."""
        if line not in self._said:
            self._alike[its_kind] += 1
            more = "; more like it are in the report alone" if self._alike[its_kind] == ALIKE else ""
            if self._alike[its_kind] <= ALIKE:
                self._say(f"{line}{more}", "yellow")
            self._said.add(line)

    def _is_news(self, run: RunResult) -> bool:
        """Whether a line of it is worth its place on a screen; of many that fail alike the first ones are."""
        self._reasons[run.reason] += run.state == "FAILED"
        is_stopped = run.state == "INTERRUPTED" and run.reason != NEEDLESS
        return is_stopped or (run.state == "FAILED" and self._reasons[run.reason] <= ALIKE)

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        """The live view has a line for each of them."""
        self._view.use(slots)

    def noted(self, text: str) -> None:
        """The text."""
        self._say(text)

    def warned(self, text: str) -> None:
        """The text, marked; what comes after the end does not keep the last word."""
        self._said.add(f"warning: {text}")
        self._say(f"warning: {text}", "yellow")
        self._last_words()

    def report_begins(self) -> None:
        """Nothing to show yet."""

    def study_ended(self, result: StudyResult, summary: Summary) -> None:
        """Leaderboard, what there is of the study, the verdict, and at last how to look further or go on."""
        self._stop()
        if self._start is None:
            return
        folder, config = self._start.folder, self._start.config
        self._say_missing(summary.warnings)
        most = max(LEAST_RANKED, self._console.height - LINES_BESIDE) if self._console.is_terminal else None
        self._console.print(leaderboard_of(summary, most), crop=False)
        self._say("\n".join(_places(folder, config)), "dim")
        verdict = read_sentence(folder) or f"verdict: {summary.verdict}"
        self._ending = [(verdict, "bold"), ("\n".join(_commands(folder, config)), "")]
        if summary.totals.to_go_on is not None:
            self._ending.append((summary.totals.to_go_on, "yellow"))
        self._last_words()

    def study_left(self, why: str) -> None:
        """Who goes on."""
        self._stop()
        self._say(why)

    def close(self) -> None:
        """Gives the terminal back."""
        self._stop()

    def _last_words(self) -> None:
        for text, style in self._ending:
            self._say(text, style)

    def _stop(self) -> None:
        self._standings.close()
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _say(self, text: str, style: str = "") -> None:
        say(self._console, text, style)

    def _say_missing(self, warnings: Sequence[str]) -> None:
        for text in warnings:  # known with the first run that is complete; again where all were known before
            self._say_once(f"warning: {text}", "yellow")

    def _say_once(self, text: str, style: str = "") -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text, style)


def _opening(start: StudyStart) -> str:
    known = f", {start.n_runs_known} known already and not repeated" if start.n_runs_known else ""
    most = "at most " if start.is_most else ""
    runs = f"{most}{plural(start.n_runs_planned, 'run')} planned{known}"
    return f"study {start.study}: {runs}; {slots_in_words(start.slots)}; {start.folder.path}"


def _name(trial: TrialSpec, run: RunResult) -> str:
    return f"trial {trial.number} {trial.name} seed {run.seed}"


def _ended(trial: TrialSpec, run: RunResult, objective: Objective | None) -> str:
    who = _name(trial, run)
    if run.reason == NEEDLESS:
        return f"{who}: {NEEDLESS}"
    if run.state != "COMPLETE":
        return f"{who}: {run.state.lower()}" + (f", {run.reason}" if run.reason else "")
    key = f"val/{objective.metric}" if objective else ""
    return f"{who}: {key} {number(run.metrics.get(key))} in {duration(run.seconds)}"


def _places(folder: StudyFolder, config: Mapping[str, Any]) -> list[str]:
    """What there is of the study: its report, its models, its page in MLflow."""
    lines = [f"report: {folder.report_md}"]
    keep = config.get("study", {}).get("keep_models")
    n_models, n_bytes = models_in(folder)
    if keep and n_models:
        lines.append(f"models: {n_models} kept, {n_bytes / 2**20:.1f} MiB (study.keep_models={keep})")
    tracking = _tracking(config)
    if tracking is not None and tracking.uri is None:
        page = pages(folder.path.parent).get(folder.path.name)
        lines += [f"in MLflow's UI, where that runs: {page}"] if page else []
    return lines


def _commands(folder: StudyFolder, config: Mapping[str, Any]) -> list[str]:
    """The two that open the study: its page, and its runs in MLflow."""
    results = folder.path.parent
    elsewhere = "" if results == Path(DEFAULT_RESULTS) else f" --results-dir {quote(str(results))}"
    lines = [f"its page: python -m sweeper.studies open {quote(folder.path.name)}{elsewhere}"]
    tracking = _tracking(config)
    place = None if tracking is None else place_of_runs(tracking, results)
    return [*lines, f"MLflow: {place}"] if place else lines


def _tracking(config: Mapping[str, Any]) -> Tracking | None:
    return Tracking.model_validate(config["tracking"]) if "tracking" in config else None
