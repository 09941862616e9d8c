"""`trainer.success` and `study.guards`: what a run is meant to reach, and a winner to keep, in text. Pure.

A criterion is `<metric> <op> <number>`, the metric one of validation (`full_match > 0.85`) or of a named
split (`test/recall >= 0.95`), or the ratio of two (`val/bce / train/bce < 1.5`; in short
`val / train bce < 1.5`). A guard is `<metric> >= <number>` or `<metric> <= <number>`: a bound on the
difference, winner minus baseline, of a metric on test, in the metric's unit.
"""

import operator
import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal

SPLITS = ("train", "val", "test")
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
EXPECTED = (
    "'<metric> <op> <number>' with an op of < <= > >=, as in 'full_match > 0.85', 'test/recall >= 0.95', "
    "'val/bce / train/bce < 1.5'"
)
EXPECTED_GUARD = (
    "'<metric> >= <number>' or '<metric> <= <number>', a bound on the difference winner minus baseline on "
    "test (without a split before the metric), as in 'ctr_auc >= -0.002'"
)
_NAME = r"(?!(?:train|val|test)(?:[\s/]|$))[^\s/<>=]+"
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
"""A number without a sign, as a regular expression."""
_SIDES = re.compile(rf"\s*([^<>=]+?)\s*(<=|>=|<|>)\s*([+-]?{NUMBER})\s*")
_KEY = re.compile(rf"(?:(train|val|test)\s*/\s*)?({_NAME})")
_RATIO = re.compile(rf"(train|val|test)/({_NAME})\s*/\s*(train|val|test)/({_NAME})")
_SHORT_RATIO = re.compile(rf"(train|val|test)\s*/\s*(train|val|test)\s+({_NAME})")
_GUARD = re.compile(rf"\s*([^\s/<>=]+)\s*(<=|>=)\s*([+-]?{NUMBER})\s*")


@dataclass(frozen=True)
class Criterion:
    """`figure` (`split/name`), over `divisor` where there is one, `op` `bound`; `text` as it was given."""

    text: str
    figure: str
    divisor: str | None
    op: str
    bound: float

    @property
    def figures(self) -> tuple[str, ...]:
        """All that it asks for."""
        return (self.figure,) if self.divisor is None else (self.figure, self.divisor)


def parse(text: str) -> Criterion:
    """The criterion that `text` states. Raises ValueError, with what was got and expected."""
    sides = _SIDES.fullmatch(text)
    figures = _figures(sides[1]) if sides else None
    if sides is None or figures is None or not isfinite(float(sides[3])):
        raise ValueError(f"got '{text}'; expected {EXPECTED}")
    return Criterion(" ".join(text.split()), *figures, sides[2], float(sides[3]))


def _figures(left: str) -> tuple[str, str | None] | None:
    if found := _KEY.fullmatch(left):
        return f"{found[1] or 'val'}/{found[2]}", None
    if found := _RATIO.fullmatch(left):
        return f"{found[1]}/{found[2]}", f"{found[3]}/{found[4]}"
    if found := _SHORT_RATIO.fullmatch(left):
        return f"{found[1]}/{found[3]}", f"{found[2]}/{found[3]}"
    return None


@dataclass(frozen=True)
class Guard:
    """The difference in `metric` is to be `op` `bound`; `text` as it was given."""

    text: str
    metric: str
    op: str
    bound: float


def parse_guard(text: str) -> Guard:
    """The guard that `text` states. Raises ValueError, with what was got and expected."""
    found = _GUARD.fullmatch(text)
    if found is None or not isfinite(float(found[3])):
        raise ValueError(f"got '{text}'; expected {EXPECTED_GUARD}")
    return Guard(" ".join(text.split()), found[1], found[2], float(found[3]))


def guard_state(
    guard: Guard, low: float | None, high: float | None
) -> Literal["held", "broken", "unproven", "unknown"]:
    """Whether an interval keeps the bound: as a whole, in no part, or on one side only."""
    if low is None or high is None:
        return "unknown"
    kept = [OPERATORS[guard.op](end, guard.bound) for end in (low, high)]
    return "held" if all(kept) else "unproven" if any(kept) else "broken"
