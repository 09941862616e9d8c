"""What is said of the front of a study with several objectives, made from its `summary.json`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeper.report.leaderboard import difference, in_objective, is_multi_objective, objectives, p_value
from sweeper.wording import NOTHING, as_list, number

Table = Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], list[str]]


def front_lines(summary: Mapping[str, Any]) -> list[str]:
    """Each point of the front against the baseline, for a terminal; empty with one objective."""
    points = [entry for entry in _points(summary) if not _is_baseline(summary, entry)]
    return [f"{entry['name']} against the baseline on test: {_figures(summary, entry)}" for entry in points]


def front_section(summary: Mapping[str, Any], notes: Sequence[str], table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty with one objective."""
    points = _points(summary)
    if not points:
        return []
    head = ["trial", *(name for metric, _ in objectives(summary) for name in _columns(metric))]
    body = [_line(summary, entry) for entry in points]
    return [
        *(
            "## Front",
            "",
            *table([*head, "against the baseline"], body, ["trial", "against the baseline"]),
            "",
        ),
        "The front is chosen on validation. Differences are trial minus baseline on test, on the same",
        "seeds, with simultaneous intervals over all candidates and objectives, and p by Holm. They are",
        "exploratory: a front is not confirmed on fresh seeds. Each run keeps the model that is best in",
        f"{objectives(summary)[0][0]} on validation; all figures are that model's.",
        *(line for note in notes for line in ("", f"- note: {note}")),
    ]


def _points(summary: Mapping[str, Any]) -> list[Any]:
    return as_list(summary["best"]) if is_multi_objective(summary) else []


def _columns(metric: str) -> list[str]:
    return [f"val {metric}", f"test {metric}", "difference", "interval", "p (Holm)"]


def _line(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    compared = _compared(summary, entry)
    columns = zip(as_list(entry["value"]), as_list(entry["test"]), compared.values(), strict=True)
    cells = [
        (number(value), number(test), *difference(facts), p_value(facts["p_adjusted"]))
        for value, test, facts in columns
    ]
    words = ", ".join(f"{metric} {_relation(facts)}" for metric, facts in compared.items())
    last = NOTHING if _is_baseline(summary, entry) else words
    return [entry["name"], *(cell for of_one in cells for cell in of_one), last]


def _figures(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """`auprc better: +0.012 [+0.003, +0.021]; ece not distinguishable: ...`."""
    return "; ".join(
        f"{metric} {_relation(facts)}: {' '.join(difference(facts))}"
        for metric, facts in _compared(summary, entry).items()
    )


def _compared(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entry's comparison with the baseline, by metric."""
    return {metric: in_objective(entry, i) for i, (metric, _) in enumerate(objectives(summary))}


def _relation(facts: Mapping[str, Any]) -> str:
    low, high = facts["ci_low"], facts["ci_high"]
    if low is None or high is None:
        return "without an interval"
    return "better" if low > 0 else "worse" if high < 0 else "not distinguishable"


def _is_baseline(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return bool(entry["trial"] == summary["baseline"]["trial"])
