"""The leaderboard and the list of studies for a terminal, readable in 100 columns."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from sweeper.report.front_text import front_lines
from sweeper.report.leaderboard import (
    Row,
    age,
    difference,
    ensemble_line,
    incidents,
    p_value,
    pruning,
    reasons,
    rows,
)
from sweeper.report.standing import StudyStatus
from sweeper.report.summary_model import Summary
from sweeper.verdict import n_met_in_words
from sweeper.wording import NOTHING, plural

WIDTH = 100
"""Columns of a table where there is no terminal that has a width of its own."""
UNWRAPPED = 100_000
"""Columns of a file: its sentences are searched line by line."""
STYLES = {"best": "bold green", "front": "bold green", "baseline": "cyan"}


def default_console() -> Console:
    """Standard output; where it is no terminal, only tables have a limited width."""
    console = Console(highlight=False, markup=False)
    if not sys.stdout.isatty():
        console.width = WIDTH if console.is_terminal else UNWRAPPED  # a terminal that the user insists on
    return console


@dataclass(frozen=True)
class Framed:
    """A table as wide as the terminal, or as `WIDTH` where there is none."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What rich draws in its place."""
        yield self.table if console.is_terminal else Constrain(self.table, WIDTH)


def leaderboard_of(summary: Summary) -> RenderableType:
    """The trials of a summary, why some have no value, what went wrong, the confirmation in one line."""
    parts: list[RenderableType] = [Text(_title(summary)), Framed(_table(summary))]
    parts += [Text(text, "red") for text in reasons(summary)]
    lines = [pruning(summary), incidents(summary), in_one_line(summary), confirmation_line(summary)]
    lines += [*front_lines(summary), ensemble_line(summary)]
    return Group(*parts, *(Text(line) for line in lines if line))


def confirmation_line(summary: Summary) -> str:
    """The confirmation in one sentence; empty where there is none."""
    found = summary.confirmation
    if found is None:
        return ""
    estimate, interval = difference(found)
    p = p_value(found.p_value)
    sign = "" if p.startswith("<") else "= "
    n_seeds = len(found.best_per_seed)
    return (
        f"confirmation on {plural(n_seeds, 'fresh seed')}, test {summary.metric[0]}: "
        f"{summary.best[0].name} minus baseline {estimate}"
        + (f" {interval}, p {sign}{p}" if found.p_value is not None else ", no interval")
    )


def studies_table(studies: Sequence[StudyStatus], now: float) -> RenderableType:
    """One line a study: those that run, then the others, the latest first.

    As wide as the terminal; whole lines where there is none, for whoever reads the names out of them.
    """
    table = _plain_table("study", "task", "state", "verdict", "best", "diff.", "runs", "age")
    for study in sorted(studies, key=lambda study: (study.state != "running", -study.last_s)):
        task, *found = _findings(study.summary)
        cells = [study.folder.path.name, task, study.state, *found, study.runs, age(now - study.last_s)]
        table.add_row(*map(Text, cells))
    return table


def _findings(summary: Summary | None) -> list[str]:
    """Task, verdict, best and difference, as far as they are known."""
    if summary is None:
        return [NOTHING] * 4
    best = ", ".join(entry.name for entry in summary.best) or NOTHING
    return [summary.task, summary.verdict, best, difference(summary.confirmation)[0]]


def _table(summary: Summary) -> Table:
    several, metrics = summary.is_multi_objective, summary.metric
    ranked = rows(summary)
    cells = [_cells(row, len(metrics), several) for row in ranked]
    values = [f"{split} {metric}" for split in ("val", "test") for metric in metrics]
    head = [
        "#",
        "trial",
        *(values if several else ("val", "test", "difference", "interval", "p (Holm)")),
        "s",
    ]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True)
    for name in head:
        # Only names are folded when space is short: a figure that is cut off is worse than none.
        is_name = name == "trial"
        table.add_column(
            name,
            justify="left" if is_name else "right",
            no_wrap=not is_name,
            overflow="fold" if is_name else "ellipsis",
        )
    for row, line in zip(ranked, cells, strict=True):
        style = next((STYLES[mark] for mark in STYLES if mark in row.marks), None)
        table.add_row(*map(Text, line), style=style)
    return table


def _title(summary: Summary) -> str:
    goals = ", ".join(f"{objective.metric} ({objective.direction})" for objective in summary.objectives)
    n_seeds = len(summary.seeds)
    return f"{summary.study}: {goals}, mean ± standard deviation over {plural(n_seeds, 'seed')}"


def _cells(row: Row, n_objectives: int, several: bool) -> list[str]:
    values = row.values or (row.ending,) + (NOTHING,) * (n_objectives - 1)
    compared = [] if several else [row.difference, row.interval, row.p_adjusted]
    star = "*" if row.marks & {"best", "front"} else ""
    test = row.test or (NOTHING,) * n_objectives
    name = row.name.replace(",", ", ")  # a place to fold a long name
    return [f"{star}{row.trial}", name, *values, *test, *compared, f"{row.seconds:.0f}"]


def _plain_table(*names: str) -> Table:
    """Where space is short, studies' names are folded, since they are typed; the best may be cut short."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True)
    for name in names:
        is_cut, is_folded = name == "best", name == "study"
        table.add_column(
            name,
            no_wrap=not is_folded,
            overflow="fold" if is_folded else "ellipsis",
            min_width={"study": 14, "best": 6}.get(name),
            ratio=1 if is_cut else None,
            justify="right" if name in ("diff.", "runs", "age") else "left",
        )
    return table


def in_one_line(summary: Summary) -> str:
    """`success: best 4 of 5, baseline 2 of 5`; with a front each of its trials; empty without criteria."""
    results = {trial.trial: trial.success for trial in summary.trials}
    names = {entry.trial: entry.name if summary.is_multi_objective else "best" for entry in summary.best}
    names.setdefault(summary.baseline.trial, "baseline")
    counts = [
        f"{name} {n_met_in_words(results[trial])}" for trial, name in names.items() if results.get(trial)
    ]
    return f"success: {', '.join(counts)}" if counts else ""
