"""Expressions over a history: the value, or the truth, at each evaluation.

Each looks back only, so that what is found of a longer history begins with what was found of a shorter one.
A value that a run lacks is None, and what rests on it does not hold.
"""

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sweeper.criteria import OPERATORS
from sweeper.monitor.expressions import (
    OBJECTIVE,
    TREND,
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Diverged,
    Joined,
    Metric,
    NoGain,
    Quantity,
    SoFar,
    Span,
    Trend,
    Window,
)
from sweeper.monitor.history import Clock, History
from sweeper.results import Objective
from sweeper.wording import number, plural

LOSSES = frozenset({"loss", "ce", "bce", "nll", "logloss", "mse", "mae", "ece", "brier", "error"})
"""Of a metric with one of these words in its name less is better; the objective has a direction."""
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
Values = list[float | None]


@dataclass(frozen=True)
class Seen:
    """A history with all that its evaluations are read by."""

    history: History
    clock: Clock
    objective: Objective
    of_epochs: float | None = None
    has_failed_last: bool = False

    def __len__(self) -> int:
        return len(self.history.evaluations)

    def named(self, key: str) -> str:
        """`split/name` with the objective's own name."""
        split, _, name = key.partition("/")
        return f"{split}/{self.objective.metric}" if name == OBJECTIVE else key

    def beginning(self, span: Span) -> list[int | None]:
        """For each evaluation the earliest one within the span that ends there; None while it is not full.

        A span of steps is full once there is an evaluation at or before its beginning.
        """
        steps = self.history.steps
        if span.unit == "evaluations":
            n = round(span.amount)
            return [at + 1 - n if at + 1 >= n else None for at in range(len(steps))]
        length = self.clock.steps(span.amount, span.unit, self.of_epochs)
        found: list[int | None] = []
        first = 0
        for step in steps:
            while steps[first] < step - length - 1e-6:
                first += 1
            found.append(first if steps[0] <= step - length + 1e-6 else None)
        return found


def values(of: Quantity, seen: Seen) -> Values:
    """The quantity at each evaluation."""
    match of:
        case Constant(value):
            return [value] * len(seen)
        case Metric(key):
            name = seen.named(key)
            return [_finite(metrics.get(name)) for _, metrics in seen.history.evaluations]
        case SoFar(word, metric):
            found = values(metric, seen)
            ats = _firsts(found) if word == "first" else _bests(metric, seen)
            return [None if at is None else found[at] for at in ats]
        case Window(word, inner, span):
            found = values(inner, seen)
            begins = enumerate(seen.beginning(span))
            return [None if begin is None else _over(word, found[begin : at + 1]) for at, begin in begins]
        case Arithmetic(left, op, right):
            pairs = zip(values(left, seen), values(right, seen), strict=True)
            return [_computed(one, op, other) for one, other in pairs]


def truths(condition: Condition, seen: Seen) -> list[bool]:
    """Whether the condition holds at each evaluation."""
    match condition:
        case Comparison(left, op, right):
            pairs = zip(values(left, seen), values(right, seen), strict=True)
            return [a is not None and b is not None and bool(OPERATORS[op](a, b)) for a, b in pairs]
        case Trend(of, word):
            return [_goes(found, word) for found in _last(values(of, seen), TREND)]
        case NoGain(metric, span):
            return _without_gain(metric, span, seen)
        case Diverged():
            return [seen.has_failed_last and at == len(seen) - 1 for at in range(len(seen))]
        case Joined(word, parts):
            together = zip(*(truths(part, seen) for part in parts), strict=True)
            return [all(held) if word == "and" else any(held) for held in together]


def reasons(condition: Condition, seen: Seen, at: int) -> list[str]:
    """What of the condition holds at an evaluation, each part with its values."""
    if not truths(condition, seen)[at]:
        return []
    match condition:
        case Joined(_, parts):
            return [reason for part in parts for reason in reasons(part, seen, at)]
        case Comparison():
            return [_compared(condition, seen, at)]
        case Trend(of, word):
            shown = ", ".join(number(value) for value in values(of, seen)[at + 1 - TREND : at + 1])
            return [f"{of} {word} ({shown})"]
        case NoGain(metric, span):
            return [_not_gained(metric, span, seen, at)]
        case Diverged():
            return ["the loss became NaN or infinite"]


def falls_when_better(metric: str, objective: Objective) -> bool:
    """Whether less is better of `split/name`: for the objective as it is asked for, for others by name."""
    name = metric.partition("/")[2]
    if name in (OBJECTIVE, objective.metric):
        return objective.direction == "minimize"
    return not LOSSES.isdisjoint(name.lower().split("_"))


def _bests(metric: Metric, seen: Seen) -> list[int | None]:
    """For each evaluation that of the best value so far, the earliest of equals."""
    sign = -1 if falls_when_better(metric.key, seen.objective) else 1
    best, at_best, found = -math.inf, None, []
    for at, value in enumerate(values(metric, seen)):
        if value is not None and sign * value > best:
            best, at_best = sign * value, at
        found.append(at_best)
    return found


def _without_gain(metric: Metric, span: Span, seen: Seen) -> list[bool]:
    steps, bests = seen.history.steps, _bests(metric, seen)
    if span.unit == "evaluations":
        return [best is not None and at - best >= span.amount for at, best in enumerate(bests)]
    length = seen.clock.steps(span.amount, span.unit, seen.of_epochs) - 1e-6
    return [best is not None and steps[at] - steps[best] >= length for at, best in enumerate(bests)]


def _not_gained(metric: Metric, span: Span, seen: Seen, at: int) -> str:
    best = _bests(metric, seen)[at]
    assert best is not None
    value, step = number(values(metric, seen)[best]), seen.history.steps[best]
    what = f"{seen.named(metric.key)} is no better than {value} at step {step:,}"
    return f"{what}, {_in_words(span, seen)} ago or longer"


def _in_words(span: Span, seen: Seen) -> str:
    if span.unit == "epochs" and seen.clock.is_scaled(seen.of_epochs):
        here = seen.clock.steps(span.amount, span.unit, seen.of_epochs)
        return f"{span} of {seen.of_epochs:g} (here {here:,.0f} steps)"
    return plural(int(span.amount), "evaluation") if span.unit == "evaluations" else str(span)


def _compared(condition: Comparison, seen: Seen, at: int) -> str:
    left, right = values(condition.left, seen)[at], values(condition.right, seen)[at]
    if isinstance(condition.right, Constant):
        return f"{condition.left} is {number(left)} {condition.op} {condition.right}"
    if isinstance(condition.left, Constant):
        return f"{condition}, which is {number(right)}"
    return f"{condition.left} is {number(left)} {condition.op} {condition.right}, which is {number(right)}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _computed(left: float | None, op: str, right: float | None) -> float | None:
    if left is None or right is None or (op == "/" and right == 0):
        return None
    return _finite(ARITHMETIC[op](left, right))


def _firsts(found: Sequence[float | None]) -> list[int | None]:
    """For each evaluation after the first one with a value, that one."""
    first = next((at for at, value in enumerate(found) if value is not None), len(found))
    return [first if at > first else None for at in range(len(found))]


def _over(word: str, window: Iterable[float | None]) -> float | None:
    known = [value for value in window if value is not None]
    if len(known) < (2 if word == "spread" else 1):
        return None
    highest, lowest = max(known), min(known)
    return {"highest": highest, "lowest": lowest, "spread": (highest - lowest) / 2}[word]


def _last(found: Values, n: int) -> Iterable[Values]:
    """For each value the `n` that end there, fewer at the beginning."""
    return (found[max(0, at + 1 - n) : at + 1] for at in range(len(found)))


def _goes(window: Values, word: str) -> bool:
    known = [value for value in window if value is not None]
    if len(known) < TREND:
        return False
    return all(a < b if word == "rises" else a > b for a, b in pairwise(known))
