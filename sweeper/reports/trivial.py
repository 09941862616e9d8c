"""How far one gets without learning: the trivial predictor of the data, beside the baseline. Pure.

`facts` of prepared data name it (`trivial_predictor`) and what it reaches (`trivial`, by split, then metric).
A study that tunes a model which learned nothing compares noise, so this is said of every study.
"""

from collections.abc import Sequence

from sweeper.reports.summary_model import Summary, Trivial
from sweeper.results import StudyResult
from sweeper.wording import number


def trivial_of(result: StudyResult) -> Trivial | None:
    """What the trivial predictor reaches, or None where the data know no objective's figure."""
    known = (result.data.get("trivial") or {}).get("test", {})
    test = tuple(known.get(objective.metric) for objective in result.objectives)
    if all(value is None for value in test):
        return None
    words = str(result.data.get("trivial_predictor", "without a look at the input"))
    margin = tuple(_margin(result, i, value) for i, value in enumerate(test))
    return Trivial(predictor=words, test=test, margin=margin)


def _margin(result: StudyResult, i: int, trivial: float | None) -> float | None:
    objective, baseline = result.objectives[i], result.baseline
    reached = baseline.mean(result.seeds, f"test/{objective.metric}")
    if trivial is None or reached is None or baseline.state != "COMPLETE":
        return None
    return objective.sign * (reached - trivial)


def sentence(summary: Summary) -> str:
    """Baseline against trivial predictor on test, in one sentence; empty where one of them is unknown."""
    trivial, known = summary.trivial, _known(summary)
    if trivial is None or not known:
        return ""
    words = f"the trivial predictor ({trivial.predictor})"
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


def warnings(summary: Summary) -> list[str]:
    """One for each objective in which the baseline is no better, unless it is in another.

    Who says the same of everyone is well calibrated: one end of a front, no sign that nothing was learned.
    """
    known, words = _known(summary), summary.trivial.predictor if summary.trivial else ""
    if any(margin > 0 for *_, margin in known):
        return []
    return [
        f"baseline: got test {metric} {number(base)}; expected better than {number(trivial)}, what the "
        f"trivial predictor reaches ({words}). Differences between trials say "
        "little while this is so: train longer, or look at data and loss"
        for metric, base, trivial, margin in known
    ]


def _known(summary: Summary) -> list[tuple[str, float, float, float]]:
    """Metric, baseline's figure, trivial predictor's and margin, of the objectives that have all of them."""
    if summary.trivial is None:
        return []
    trivial = summary.trivial
    rows = zip(summary.metric, summary.baseline.test, trivial.test, trivial.margin, strict=False)
    return [
        (metric, base, reached, margin)
        for metric, base, reached, margin in rows  # none where the baseline has no figure
        if reached is not None and margin is not None
    ]
