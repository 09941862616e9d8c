"""What is said of the front of a study with several objectives, made from its summary."""

from collections.abc import Sequence

from sweeper.findings import Comparison
from sweeper.reports.leaderboard import difference, p_value, shown_splits
from sweeper.reports.markdown_text import Table, inline
from sweeper.reports.summary_model import BestEntry, Summary
from sweeper.wording import NOTHING, number, split_name


def front_lines(summary: Summary) -> list[str]:
    """Each point of the front against the baseline, for a terminal; empty with one objective."""
    points = [entry for entry in _points(summary) if not _is_baseline(summary, entry)]
    where = split_name(summary.judged_on)
    return [f"{entry.name} against the baseline on {where}: {_figures(summary, entry)}" for entry in points]


def front_section(summary: Summary, notes: Sequence[str], table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty with one objective."""
    points = _points(summary)
    if not points:
        return []
    head = ["trial", *(name for metric in summary.metric for name in _columns(summary, metric))]
    body = [_line(summary, entry) for entry in points]
    return [
        *(
            "## Front",
            "",
            *table([*head, "against the baseline"], body, ["trial", "against the baseline"]),
            "",
        ),
        "The front is chosen on validation. Differences are trial minus baseline on "
        f"{split_name(summary.judged_on)}, on the same",
        "seeds, with simultaneous intervals over all candidates and objectives, and p by Holm. They are",
        "exploratory: a front is not confirmed on fresh seeds. Each run keeps the model that is best in",
        f"{inline(summary.metric[0])} on validation; all figures are that model's.",
        *(line for note in notes for line in ("", f"- note: {inline(note)}")),
    ]


def _points(summary: Summary) -> Sequence[BestEntry]:
    return summary.best if summary.is_multi_objective else ()


def _columns(summary: Summary, metric: str) -> list[str]:
    values = [f"{split} {metric}" for split in shown_splits(summary)]
    return [*values, "difference", "interval", "p (Holm)"]


def _line(summary: Summary, entry: BestEntry) -> list[str]:
    compared = _compared(summary, entry)
    known = [entry.value, entry.test] if "test" in shown_splits(summary) else [entry.value]
    cells = [
        (*map(number, values), *difference(found), p_value(found.p_adjusted if found else None))
        for values, found in zip(zip(*known, strict=True), compared.values(), strict=True)
    ]
    words = ", ".join(f"{metric} {_relation(found)}" for metric, found in compared.items())
    last = NOTHING if _is_baseline(summary, entry) else words
    return [entry.name, *(cell for of_one in cells for cell in of_one), last]


def _figures(summary: Summary, entry: BestEntry) -> str:
    """`auprc better: +0.012 [+0.003, +0.021]; ece not distinguishable: ...`."""
    return "; ".join(
        f"{metric} {_relation(found)}: {' '.join(difference(found))}"
        for metric, found in _compared(summary, entry).items()
    )


def _compared(summary: Summary, entry: BestEntry) -> dict[str, Comparison | None]:
    """The entry's comparison with the baseline, by metric."""
    found = entry.comparisons or (None,) * len(summary.metric)
    return dict(zip(summary.metric, found, strict=True))


def _relation(compared: Comparison | None) -> str:
    if compared is None or compared.ci_low is None or compared.ci_high is None:
        return "without an interval"
    return "better" if compared.ci_low > 0 else "worse" if compared.ci_high < 0 else "not distinguishable"


def _is_baseline(summary: Summary, entry: BestEntry) -> bool:
    return entry.trial == summary.baseline.trial
