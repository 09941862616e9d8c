"""What is said of `study.guards`, made from a study's summary."""

from sweeper.findings import Comparison, GuardResult
from sweeper.reports.leaderboard import difference
from sweeper.reports.markdown_text import Table
from sweeper.reports.summary_model import Summary
from sweeper.verdict import percent
from sweeper.wording import split_name


def guards_line(summary: Summary) -> str:
    """`guards: ctr_auc >= -0.002 held, -0.0003 [-0.0010, +0.0004]`; empty where there are none."""
    told = [
        f"{one.guard} {one.state}" + (f", {' '.join(_figures(one))}" if one.difference is not None else "")
        for one in summary.guards
    ]
    return f"guards: {'; '.join(told)}" if told else ""


def guards_section(summary: Summary, confidence: float, table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty where there are none."""
    if not summary.guards:
        return []
    level = confidence if summary.pairs is None else summary.pairs.confidence
    head = [
        "guard",
        f"{summary.judged_on} difference",
        f"{percent(level).replace(' %', '%')} interval",
        "state",
    ]
    body = [[one.guard, *_figures(one), one.state] for one in summary.guards]
    return [
        *("## Guards", "", *table(head, body, ["guard", "state"]), ""),
        f"Best minus baseline on {split_name(summary.judged_on)} and the confirmation seeds. Held: the whole "
        "interval keeps the bound;",
        "broken: none of it does, and a winner that breaks a guard is no champion; unproven: it lies on both",
        "sides. Each guard is a promise of its own: intervals are not adjusted for the number of guards.",
    ]


def _figures(result: GuardResult) -> tuple[str, str]:
    if result.difference is None:
        return difference(None)
    return difference(
        Comparison(
            difference=result.difference,
            improvement=result.difference,
            ci_low=result.ci_low,
            ci_high=result.ci_high,
        )
    )
