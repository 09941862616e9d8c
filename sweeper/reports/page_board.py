"""The leaderboard of a page, and what else of a summary is a table or a picture of its own."""

from collections.abc import Sequence

from sweeper.reports.leaderboard import Row, interval_of_difference, rows, shown_splits
from sweeper.reports.page_figures import Shown
from sweeper.reports.page_forest import Interval
from sweeper.reports.page_parts import BoardRow, Cell, table
from sweeper.reports.slots_text import devices_in_words
from sweeper.reports.summary_model import Summary, TrialEntry
from sweeper.results import Totals
from sweeper.verdict import n_met_in_words
from sweeper.wording import NOTHING, duration


def board(summary: Summary) -> str:
    """All trials, the best first; each column can be sorted."""
    by_number = {trial.trial: trial for trial in summary.trials}
    has_criteria = any(trial.success for trial in summary.contestants)
    ranked = rows(summary)
    has_flags = any(row.rules for row in ranked)
    body = [
        _row(row, by_number[row.trial], summary, has_criteria=has_criteria, has_flags=has_flags)
        for row in ranked
    ]
    several = summary.is_multi_objective
    compared = () if several else (f"{summary.judged_on} difference", "interval", "p (Holm)")
    values = (f"{split} {metric}" for split in shown_splits(summary) for metric in summary.metric)
    criteria = ("criteria met",) if has_criteria else ()
    flags = ("flags",) if has_flags else ()
    head = ("#", "trial", *values, *compared, *criteria, *flags, "state", "time")
    caption = "All trials, the best on validation first. A column's name sorts by it."
    return table(caption, head, body, left=("trial", "flags", "state"), ident="leaderboard")


def _row(row: Row, trial: TrialEntry, summary: Summary, *, has_criteria: bool, has_flags: bool) -> BoardRow:
    n = len(summary.metric)
    splits = {"val": (row.values, trial.value), "test": (row.test, trial.test)}
    values = [
        Cell(words[i] if i < len(words) else NOTHING, numbers[i] if i < len(numbers) else "")
        for split in shown_splits(summary)
        for words, numbers in [splits[split]]
        for i in range(n)
    ]
    met = n_met_in_words(trial.success) if trial.success else NOTHING
    return BoardRow(
        (
            Cell(str(row.trial), row.trial),
            Cell(_name(row), is_left=True, kind="name"),
            *values,
            *(() if summary.is_multi_objective else _compared(row, trial)),
            *((Cell(met),) if has_criteria else ()),
            *((Cell(", ".join(row.rules), is_left=True, kind="flag"),) if has_flags else ()),
            Cell(row.ending, is_left=True),
            Cell(duration(row.seconds), round(row.seconds, 3)),
        ),
        kind_of(row.marks),
    )


def _compared(row: Row, trial: TrialEntry) -> list[Cell]:
    one = trial.comparisons[0] if trial.comparisons else None
    p = "" if one is None or one.p_adjusted is None else one.p_adjusted
    low = "" if one is None else interval_of_difference(one)[1]
    return [
        Cell(row.difference, "" if one is None else one.difference),
        Cell(row.interval, "" if low is None else low),
        Cell(row.p_adjusted, p),
    ]


def kind_of(marks: frozenset[str]) -> str:
    """How a row is colored: as the baseline, as (one of) the best, or not at all."""
    return "baseline" if "baseline" in marks else "best" if marks & {"best", "front"} else ""


def _name(row: Row) -> str:
    marks = row.marks - ({"baseline"} if row.name == "baseline" else set())
    return row.name + (f" ({', '.join(sorted(marks))})" if marks else "")


def shown_of(summary: Summary, index: int = 0) -> list[Shown]:
    """The contestants for figures of the objective `index`, the best first."""
    by_number = {trial.trial: trial for trial in summary.contestants}
    return [
        Shown(
            row.trial,
            row.name,
            kind_of(row.marks),
            by_number[row.trial].params,
            _finite({seed: values[index] for seed, values in by_number[row.trial].per_seed.items()}),
        )
        for row in rows(summary)
    ]


def _finite(values: dict[int, float]) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if abs(value) < float("inf")}


def intervals_of(summary: Summary) -> list[Interval]:
    """The confirmation first, then the candidates from the best one down; none with several metrics."""
    if summary.is_multi_objective:
        return []
    found, sign = [], summary.objectives[0].sign
    chosen = {entry.trial for entry in summary.best}
    for trial in summary.contestants:
        for one in trial.comparisons:
            if one is not None:
                found.append(Interval(trial.name, *interval_of_difference(one), trial.trial in chosen))
    found.sort(key=lambda row: -sign * row.middle)
    if summary.confirmation is None:
        return found
    names = [f"{entry.name}, confirmed" for entry in summary.best]
    confirmed = interval_of_difference(summary.confirmation)
    return [*(Interval(name, *confirmed, is_best=True) for name in names), *found]


def cost(totals: Totals, trials: Sequence[TrialEntry]) -> str:
    """What the study took, and what it was spared."""
    seconds = sum(run.seconds for trial in trials for run in trial.runs) or totals.train_s
    facts = {
        "device time": f"{seconds / 3600:.2f} h",
        "wall time of the last session": duration(totals.wall_s),
        "runs by state": ", ".join(f"{n} {state.lower()}" for state, n in totals.states.items()),
        "steps trained": f"{totals.steps_trained:,}",
        "steps shared, not trained again": f"{totals.steps_inherited:,}",
        "steps spared by pruning": f"{totals.steps_saved:,}",
        "runs known before": str(totals.runs_reused),
        "devices": devices_in_words(totals).replace("\\", ""),
    }
    body = [BoardRow((Cell(name, is_left=True), Cell(value))) for name, value in facts.items() if value]
    return table("What the study cost", ("what", "how much"), body, left=("what",))
