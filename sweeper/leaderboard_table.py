"""The leaderboard and the list of studies for a terminal, readable in 100 columns."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.leaderboard import (
    NOTHING,
    Row,
    as_list,
    difference,
    failed,
    is_multi_objective,
    objectives,
    p_value,
    rows,
)

STYLES = {"best": "bold green", "front": "bold green", "baseline": "cyan"}


def default_console() -> Console:
    """Standard output; 100 columns wide where it is no terminal that has a width of its own."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 100)


def leaderboard_of(summary: Mapping[str, Any]) -> RenderableType:
    """The trials of a summary, the reasons of those that failed, and the confirmation in one line."""
    parts: list[RenderableType] = [_table(summary), *(Text(text, "red") for text in _failures(summary))]
    confirmed = confirmation_line(summary)
    return Group(*parts, *([Text(confirmed)] if confirmed else []))


def confirmation_line(summary: Mapping[str, Any]) -> str:
    """The confirmation in one sentence; empty where there is none."""
    facts = summary["confirmation"]
    if facts is None:
        return ""
    estimate, interval = difference(facts)
    p = p_value(facts.get("p_value"))
    sign = "" if p.startswith("<") else "= "
    n_seeds = len(facts["best_per_seed"])
    return (
        f"confirmation on {n_seeds} fresh seed{'s' * (n_seeds != 1)}, test {summary['metric']}: "
        f"{summary['best']['name']} minus baseline {estimate}"
        + (f" {interval}, p {sign}{p}" if facts.get("p_value") is not None else ", no interval")
    )


def studies_table(summaries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a study, the last finished first."""
    table = _plain_table("study", "task", "verdict", "best", "difference", "runs", "finished")
    ordered = sorted(summaries, key=lambda s: str(s["provenance"].get("finished") or ""), reverse=True)
    for summary in ordered:
        best = ", ".join(entry["name"] for entry in as_list(summary["best"])) or NOTHING
        estimate, _ = difference(summary["confirmation"] or {})
        finished = str(summary["provenance"].get("finished") or NOTHING).replace("T", " ")[:16]
        n_runs = str(summary["totals"].get("runs", NOTHING))
        table.add_row(
            *(summary["study"], summary["task"], summary["verdict"], Text(best), estimate, n_runs, finished)
        )
    return table


def _table(summary: Mapping[str, Any]) -> Table:
    several = is_multi_objective(summary)
    metrics = [metric for metric, _ in objectives(summary)]
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
    table.title, table.title_justify, table.title_style = _title(summary), "left", ""
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


def _title(summary: Mapping[str, Any]) -> str:
    goals = ", ".join(f"{metric} ({direction})" for metric, direction in objectives(summary))
    n_seeds = len(summary["seeds"])
    return f"{summary['study']}: {goals}, mean ± standard deviation over {n_seeds} seed{'s' * (n_seeds != 1)}"


def _cells(row: Row, n_objectives: int, several: bool) -> list[str]:
    values = row.values or (row.state.lower(),) + (NOTHING,) * (n_objectives - 1)
    compared = [] if several else [row.difference, row.interval, row.p_adjusted]
    star = "*" if row.marks & {"best", "front"} else ""
    test = row.test or (NOTHING,) * n_objectives
    name = row.name.replace(",", ", ")  # a place to fold a long name
    return [f"{star}{row.trial}", name, *values, *test, *compared, f"{row.seconds:.0f}"]


def _failures(summary: Mapping[str, Any]) -> list[str]:
    return [f"trial {row.trial} {row.name} {row.state.lower()}: {row.reason}" for row in failed(summary)]


def _plain_table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in names:
        flexible = name in ("trial", "best", "study")
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=8 if flexible else None)
    return table
