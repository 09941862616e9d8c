"""The leaderboard and the list of studies for a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from sweeper.reports.attribution_text import attribution_line
from sweeper.reports.fitting import Column, FittedTable, Prose, Row
from sweeper.reports.front_text import front_lines
from sweeper.reports.guards_text import guards_line
from sweeper.reports.health_text import FLAG, health_line
from sweeper.reports.leaderboard import (
    Row as Ranked,
    age,
    difference,
    ensemble_line,
    incidents,
    p_in_words,
    pruning,
    reasons,
    rows as ranked,
    sharing,
    shown_splits,
)
from sweeper.reports.plan_text import plan_line
from sweeper.reports.standing import StudyStatus
from sweeper.reports.summary_model import Summary
from sweeper.verdict import n_met_in_words
from sweeper.wording import NOTHING, plural

STYLES = {"best": "bold green", "front": "bold green", "baseline": "cyan"}
NUMBER, NAME = Column("#"), Column("trial", is_left=True, is_name=True)
SECONDS = Column("s", leaves=1)
COMPARED = (
    Column("val"),
    Column("test", leaves=3),
    Column("difference", leaves=5),
    Column("interval", leaves=4),
    Column("p (Holm)", leaves=2),
)
STUDIES = (
    Column("study", is_left=True, is_name=True),
    Column("task", leaves=1, is_left=True),
    Column("state", is_left=True),
    Column("verdict", is_left=True),
    Column("best", leaves=3, is_left=True),
    Column("diff.", leaves=5),
    Column("runs", leaves=4),
    Column("age", leaves=2),
)


def leaderboard_of(summary: Summary, most: int | None = None) -> RenderableType:
    """The trials of a summary, why some have no value, what went wrong, the confirmation in one line.

    With `most` the first so many trials, the baseline among them.
    """
    parts: list[RenderableType] = [Prose(_title(summary)), _table(summary, most)]
    if most is not None and (n_more := len(summary.contestants) - most) > 0:
        parts.append(Prose(f"and {plural(n_more, 'trial')} more, see `sweeper studies show`", "dim"))
    parts += [Prose(text, "red") for text in reasons(summary)]
    lines = [
        pruning(summary),
        sharing(summary),
        incidents(summary),
        in_one_line(summary),
        confirmation_line(summary),
    ]
    lines += [guards_line(summary), *front_lines(summary), plan_line(summary)]
    lines += [ensemble_line(summary), attribution_line(summary), health_line(summary)]
    return Group(*parts, *(Prose(line) for line in lines if line))


def confirmation_line(summary: Summary) -> str:
    """The confirmation in one sentence; empty where there is none."""
    found = summary.confirmation
    if found is None:
        return ""
    estimate, interval = difference(found)
    n_seeds = len(found.best_per_seed)
    return (
        f"confirmation on {plural(n_seeds, 'fresh seed')}, {summary.judged_on} {summary.metric[0]}: "
        f"{summary.best[0].name} minus baseline {estimate}"
        + (f" {interval}, {p_in_words(found.p_value)}" if found.p_value is not None else ", no interval")
    )


def studies_table(studies: Sequence[StudyStatus], now: float) -> RenderableType:
    """One line a study: those that run, then the others, the latest first.

    As wide as the terminal; whole lines where there is none, for whoever reads the names out of them.
    """
    rows = []
    for study in sorted(studies, key=lambda study: (study.state != "running", -study.last_s)):
        task, *found = _findings(study.summary)
        rows.append(
            Row([study.folder.path.name, task, study.state, *found, study.runs, age(now - study.last_s)])
        )
    return FittedTable(STUDIES, rows)


def _findings(summary: Summary | None) -> list[str]:
    """Task, verdict, best and difference, as far as they are known."""
    if summary is None:
        return [NOTHING] * 4
    best = ", ".join(entry.name for entry in summary.best) or NOTHING
    where = " (val)" if summary.judged_on == "val" and summary.confirmation else ""
    is_open = summary.confirmation is not None and summary.confirmation.ci_low is None
    verdict = "cannot be judged" if is_open and summary.verdict == "not distinguishable" else summary.verdict
    return [summary.task, f"{verdict}{where}", best, difference(summary.confirmation)[0]]


def _table(summary: Summary, most: int | None) -> FittedTable:
    columns = _front_columns(summary) if summary.is_multi_objective else _compared_columns(summary)
    rows = [
        Row(_cells(row, summary), next((STYLES[mark] for mark in STYLES if mark in row.marks), ""))
        for row in _first(ranked(summary), most)
    ]
    return FittedTable([NUMBER, NAME, *columns, SECONDS], rows)


def _first(rows: Sequence[Ranked], most: int | None) -> Sequence[Ranked]:
    """Of more rows than `most` the best, and then the baseline."""
    if most is None or len(rows) <= most:
        return rows
    below = [row for row in rows[most:] if "baseline" in row.marks]
    return [*rows[: most - len(below)], *below]


def _compared_columns(summary: Summary) -> list[Column]:
    return [one for one in COMPARED if one.name != "test" or "test" in shown_splits(summary)]


def _front_columns(summary: Summary) -> list[Column]:
    """Values on validation stay; those on test go, the last first."""
    n, tested = len(summary.metric), summary.metric if "test" in shown_splits(summary) else ()
    return [
        *(Column(f"val {metric}") for metric in summary.metric),
        *(Column(f"test {metric}", leaves=1 + n - i) for i, metric in enumerate(tested)),
    ]


def _title(summary: Summary) -> str:
    goals = ", ".join(f"{objective.metric} ({objective.direction})" for objective in summary.objectives)
    n_seeds = len(summary.seeds)
    return f"{summary.study}: {goals}, mean ± standard deviation over {plural(n_seeds, 'seed')}"


def _cells(row: Ranked, summary: Summary) -> list[str]:
    n_objectives, several = len(summary.metric), summary.is_multi_objective
    values = row.values or (row.ending,) + (NOTHING,) * (n_objectives - 1)
    compared = [] if several else [row.difference, row.interval, row.p_adjusted]
    star = "*" if row.marks & {"best", "front"} else ""
    test = (row.test or (NOTHING,) * n_objectives) if "test" in shown_splits(summary) else ()
    flag = FLAG if row.rules else ""
    return [f"{star}{row.trial}{flag}", row.name, *values, *test, *compared, f"{row.seconds:.0f}"]


def in_one_line(summary: Summary) -> str:
    """`success: best 4 of 5, baseline 2 of 5`; with a front each of its trials; empty without criteria."""
    results = {trial.trial: trial.success for trial in summary.trials}
    names = {entry.trial: entry.name if summary.is_multi_objective else "best" for entry in summary.best}
    names.setdefault(summary.baseline.trial, "baseline")
    counts = [
        f"{name} {n_met_in_words(results[trial])}" for trial, name in names.items() if results.get(trial)
    ]
    return f"success: {', '.join(counts)}" if counts else ""
