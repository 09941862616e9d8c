"""The verdict on a table of runs, for a terminal, as a report, and for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from sweeper.layout import StudyFolder, write_atomic
from sweeper.reports.fitting import Column, FittedTable, Prose, Row
from sweeper.reports.leaderboard import difference, p_in_words, p_value
from sweeper.reports.leaderboard_table import STYLES
from sweeper.reports.markdown_text import block, heading, inline, line
from sweeper.reports.report_html import to_html
from sweeper.reports.report_text import table
from sweeper.task import BEST_COLOR as BEST
from sweeper.verdict import TableVerdict, TrialRow
from sweeper.wording import NOTHING, number, plural, split_name

COLUMNS = (
    Column("trial", is_left=True, is_name=True),
    Column("seeds", leaves=1),
    Column("val"),
    Column("test", leaves=3),
    Column("difference", leaves=5),
    Column("interval", leaves=4),
    Column("p (Holm)", leaves=2),
)
SMALL = "below the smallest effect that matters"


def table_leaderboard(found: TableVerdict) -> RenderableType:
    """The trials, what was taken for what, the notes, and the sentence last."""
    shown = _shown(found)
    rows = [Row([cells[i] for i in shown], _style(row)) for row, cells in _cells(found)]
    return Group(
        *(Prose(text) for text in found.told),
        FittedTable([COLUMNS[i] for i in shown], rows),
        *(Prose(text) for text in _confirmation_line(found)),
        *(Prose(f"warning: {text}", "yellow") for text in found.notes),
        Prose(found.sentence, "bold"),
    )


def verdict_as_json(found: TableVerdict) -> dict[str, Any]:
    """The same for programs; what is unknown is null."""
    document = asdict(found)
    document["metric"], document["direction"] = found.objective.metric, found.objective.direction
    document["confirmation"] = found.confirmation and found.confirmation.model_dump(mode="json")
    document["rows"] = [
        {**asdict(row), "compared": row.compared and row.compared.model_dump(mode="json")}
        for row in found.rows
    ]
    del document["objective"]
    return document


def write_table_report(folder: Path, found: TableVerdict, source: str, command: str) -> Path:
    """Write `report.md`, `report.html` and the forest plot into `folder`; the path of the first."""
    from sweeper.reports.plots import OTHER, forest_of, forest_row, short, write_figure

    places = StudyFolder(folder)
    best = [(f"{short(found.best)}, confirmed", found.confirmation, BEST)] if found.best else []
    color = {True: BEST if found.confirmation is None else OTHER, False: OTHER}
    known = sorted(
        ((short(row.name, 45), row.compared, color[row.is_best]) for row in found.rows if row.compared),
        key=lambda one: -one[1].difference if one[1] else 0.0,
    )
    rows = [forest_row(*one) for one in (*best, *known)]
    shown = [row for row in rows if row is not None]
    figure = forest_of(shown, found.objective, found.judged_on, found.min_effect, SMALL)
    if figure is not None:
        write_figure(places.plots / "forest.png", figure)
    text = _markdown(found, source, command, has_plot=figure is not None)
    write_atomic(places.report_md, text)
    write_atomic(places.report_html, to_html(text, title=source))
    return places.report_md


def _markdown(found: TableVerdict, source: str, command: str, *, has_plot: bool) -> str:
    shown = _shown(found)
    head = [COLUMNS[i].name for i in shown]
    body = [[cells[i] for i in shown] for _, cells in _cells(found)]
    blocks = [
        [f"# {heading(source)}", "", f"> **{inline(found.sentence)}**"],
        ["## Leaderboard", "", *table(head, body, left=("trial",)), "", *_legend(found)],
        _confirmation(found),
        _listed("Notes", found.notes),
        _plot(found) if has_plot else [],
        _listed("What was read", found.told),
        ["## How to reproduce", "", *block([command])],
    ]
    return "\n\n".join("\n".join(one) for one in blocks if one) + "\n"


def _shown(found: TableVerdict) -> list[int]:
    """The columns that there are values for."""
    without = {"test": found.judged_on == "val", "val": found.chosen_on == "test"}
    return [i for i, column in enumerate(COLUMNS) if not without.get(column.name)]


def _cells(found: TableVerdict) -> list[tuple[TrialRow, list[str]]]:
    return [(row, _line(row)) for row in found.rows]


def _line(row: TrialRow) -> list[str]:
    marks = [word for word, holds in (("baseline", row.is_baseline), ("best", row.is_best)) if holds]
    name = row.name + "".join(f" ({mark})" for mark in marks if mark != row.name)
    spread = "" if row.val_sd is None else f" ± {number(row.val_sd)}"
    val = NOTHING if row.val is None else f"{number(row.val)}{spread}"
    p = p_value(row.compared.p_adjusted if row.compared else None)
    return [name, str(row.n_seeds), val, number(row.test), *difference(row.compared), p]


def _style(row: TrialRow) -> str:
    return STYLES["best"] if row.is_best else STYLES["baseline"] if row.is_baseline else ""


def _legend(found: TableVerdict) -> list[str]:
    goal = f"{inline(found.objective.metric)}: {found.objective.direction}"
    is_confirmed = found.basis == "confirmation"
    rests = "the verdict rests on the fresh seeds alone" if is_confirmed else "the best one's is the verdict"
    return [
        f"Mean ± standard deviation over the seeds that chose ({goal}). The best is chosen on "
        f"{split_name(found.chosen_on)};",
        f"differences are trial minus baseline on {split_name(found.judged_on)}, in pairs of one seed.",
        f"Intervals hold for all candidates at once, p is Holm's: {rests}.",
    ]


def _confirmation_line(found: TableVerdict) -> list[str]:
    one = found.confirmation
    if one is None:
        return []
    estimate, interval = difference(one)
    told = f" {interval}, {p_in_words(one.p_value)}" if one.p_value is not None else ", no interval"
    n_seeds = plural(len(one.best_per_seed), "fresh seed")
    where = f"{found.judged_on} {found.objective.metric}"
    return [f"on {n_seeds}, {where}: {found.best} minus {found.baseline} {estimate}{told}"]


def _confirmation(found: TableVerdict) -> list[str]:
    one = found.confirmation
    if one is None:
        return []
    seeds = sorted(one.baseline_per_seed.keys() | one.best_per_seed.keys())
    pairs = [(seed, one.baseline_per_seed.get(seed), one.best_per_seed.get(seed)) for seed in seeds]
    body = [
        [
            str(seed),
            number(base),
            number(best),
            NOTHING if None in (base, best) else f"{(best or 0) - (base or 0):+.2g}",
        ]
        for seed, base, best in pairs
    ]
    head = ["seed", str(found.baseline), str(found.best), "difference"]
    return [
        "## Fresh seeds",
        "",
        *table(head, body),
        "",
        *(f"- {line(text)}" for text in _confirmation_line(found)),
    ]


def _listed(title: str, entries: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {line(entry)}" for entry in entries)] if entries else []


def _plot(found: TableVerdict) -> list[str]:
    caption = (
        f"Differences to the baseline on {split_name(found.judged_on)} with their intervals; right of zero "
        "means a larger value."
    )
    return ["## Plot", "", f"![{caption}](plots/forest.png)", "", f"*{caption}*"]
