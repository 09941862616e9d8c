"""How far one gets without learning: the trivial predictor of the data, beside the baseline. Pure.

`facts` of prepared data name it (`trivial_predictor`) and what it reaches (`trivial`, by split, then metric).
A study that tunes a model which learned nothing compares noise, so this is said of every study.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.report.leaderboard import objectives
from sweeper.results import StudyResult
from sweeper.wording import as_list, number


def trivial_of(result: StudyResult) -> dict[str, Any]:
    """The entry `trivial` of a summary, or nothing where the data do not know an objective's figure.

    `predictor` in words; `test` and `margin`, with several objectives lists: its figure, and by how much the
    baseline is better (negative: worse), None without a baseline's figure.
    """
    known = (result.data.get("trivial") or {}).get("test", {})
    test = [known.get(objective.metric) for objective in result.objectives]
    if all(value is None for value in test):
        return {}
    margins = [_margin(result, i, value) for i, value in enumerate(test)]
    words = str(result.data.get("trivial_predictor", "without a look at the input"))
    single = len(test) == 1
    return {
        "trivial": {
            "predictor": words,
            "test": test[0] if single else test,
            "margin": margins[0] if single else margins,
        }
    }


def _margin(result: StudyResult, i: int, trivial: float | None) -> float | None:
    objective, baseline = result.objectives[i], result.baseline
    reached = baseline.mean(result.seeds, f"test/{objective.metric}")
    if trivial is None or reached is None or baseline.state != "COMPLETE":
        return None
    return objective.sign * (reached - trivial)


def sentence(summary: Mapping[str, Any]) -> str:
    """Baseline against trivial predictor on test, in one sentence; empty where one of them is unknown."""
    known = _known(summary)
    if not known:
        return ""
    words = f"the trivial predictor ({summary['trivial']['predictor']})"
    won, lost = ([one for one in known if (one[-1] > 0) == is_won] for is_won in (True, False))
    parts = [f"{verb} in {_figures(some)}" for verb, some in (("wins", won), ("loses", lost)) if some]
    if len(parts) == 2:
        return f"Against {words}, on test, the baseline {', and '.join(parts)}."
    return f"The baseline {'beats' if won else 'does not beat'} {words} on test: {_figures(known)}."


def _figures(known: Sequence[tuple[str, float, float, float]]) -> str:
    return "; ".join(
        f"{metric} {number(base)} against {number(trivial)}, a margin of {number(margin)}"
        for metric, base, trivial, margin in known
    )


def warnings(summary: Mapping[str, Any]) -> list[str]:
    """One for each objective in which the baseline is no better, unless it is in another.

    Who says the same of everyone is well calibrated: one end of a front, no sign that nothing was learned.
    """
    known = _known(summary)
    if any(margin > 0 for *_, margin in known):
        return []
    return [
        f"baseline: got test {metric} {number(base)}; expected better than {number(trivial)}, what the "
        f"trivial predictor reaches ({summary['trivial']['predictor']}). Differences between trials say "
        "little while this is so: train longer, or look at data and loss"
        for metric, base, trivial, margin in known
    ]


def _known(summary: Mapping[str, Any]) -> list[tuple[str, float, float, float]]:
    """Metric, baseline's figure, trivial predictor's and margin, of the objectives that have all of them."""
    entry = summary.get("trivial")
    if entry is None:
        return []
    metrics = [metric for metric, _ in objectives(summary)]
    columns = (as_list(value) for value in (summary["baseline"]["test"], entry["test"], entry["margin"]))
    rows = zip(metrics, *columns, strict=False)  # a baseline without any figure has no list of them
    return [row for row in rows if None not in row]
