"""What becomes of `study.guards`, and what the verdict says of them. Pure.

Each guard is a promise of its own: its interval is the verdict's, not adjusted for the number of guards.
"""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.criteria import Guard, guard_state
from sweeper.findings import COSTS, Confirmation, GuardResult
from sweeper.results import JudgedOn
from sweeper.verdict.digits import decimals, percent
from sweeper.wording import split_name

NO_CHAMPION = "so that there is no champion"


def guard_results(
    guards: Iterable[Guard], found: Mapping[str, Confirmation | None]
) -> tuple[GuardResult, ...]:
    """What becomes of each guard where `found`, by metric, is winner against baseline, more being better.

    Unknown where a metric is not found.
    """
    return tuple(_result(guard, found.get(guard.metric)) for guard in guards)


def _result(guard: Guard, found: Confirmation | None) -> GuardResult:
    if found is None:
        return GuardResult(guard=guard.text, metric=guard.metric)
    return GuardResult(
        guard=guard.text,
        metric=guard.metric,
        difference=found.difference,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        state=guard_state(guard, found.ci_low, found.ci_high),
    )


def guard_notes(found: Mapping[str, Confirmation | None], judged_on: JudgedOn = "test") -> tuple[str, ...]:
    """What a reader of the guards should know about how their intervals came about."""
    names = [metric for metric, one in found.items() if one is not None and one.se_examples is None]
    text = (
        f"What the guards say of {' and '.join(names)} rests on seed noise only: the error of the finite "
        f"{split_name(judged_on)} split is unknown, because there are no influence values."
    )
    return (text,) if names else ()


def costs_of(guards: Iterable[GuardResult]) -> str:
    """The metrics whose guards are broken, `ctr_auc and bce`; empty where none is."""
    return " and ".join(dict.fromkeys(one.metric for one in guards if one.state == "broken"))


def with_costs(word: str, guards: Iterable[GuardResult]) -> str:
    """The verdict's word; that of a winner says which guards it breaks. Others are not decided by them."""
    costs = costs_of(guards)
    return f"{COSTS} {costs}" if word == "better" and costs else word


def in_sentence(guards: Sequence[GuardResult], confidence: float) -> str:
    """What the sentence on a winner says of guards that are not held; empty where all are."""
    broken = [f"; {_figures(one, confidence)}, breaks {one.guard}" for one in guards if one.state == "broken"]
    open_ = [
        f"; {one.guard} is unproven: {_figures(one, confidence)}"
        for one in guards
        if one.state in ("unproven", "unknown")
    ]
    return "".join([*broken, *([f", {NO_CHAMPION}"] if broken else []), *open_])


def _figures(result: GuardResult, confidence: float) -> str:
    """`ctr_auc difference -0.0040, 95 % interval -0.0050 to -0.0030`."""
    value, low, high = result.difference, result.ci_low, result.ci_high
    if value is None:
        return f"no figures of {result.metric} to compare"
    if low is None or high is None:
        return f"{result.metric} difference {value:+.3g}, no interval"
    digits = decimals((high - low) / 2, value, low, high)
    interval = f"{percent(confidence)} interval {low:+.{digits}f} to {high:+.{digits}f}"
    return f"{result.metric} difference {value:+.{digits}f}, {interval}"
