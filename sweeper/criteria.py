"""`trainer.success`: the figures that a run is meant to reach, as the user writes them. Pure.

A criterion is `<metric> <op> <number>`, the metric one of validation (`full_match > 0.85`) or of a named
split (`test/recall >= 0.95`), or the ratio of two (`val/bce / train/bce < 1.5`; in short
`val / train bce < 1.5`).
"""

import operator
import re
from dataclasses import dataclass

SPLITS = ("train", "val", "test")
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
EXPECTED = (
    "'<metric> <op> <number>' with an op of < <= > >=, as in 'full_match > 0.85', 'test/recall >= 0.95', "
    "'val/bce / train/bce < 1.5'"
)
_NAME = r"(?!(?:train|val|test)(?:[\s/]|$))[^\s/<>=]+"
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
"""A number without a sign, as a regular expression."""
_SIDES = re.compile(rf"\s*([^<>=]+?)\s*(<=|>=|<|>)\s*([+-]?{NUMBER})\s*")
_KEY = re.compile(rf"(?:(train|val|test)\s*/\s*)?({_NAME})")
_RATIO = re.compile(rf"(train|val|test)/({_NAME})\s*/\s*(train|val|test)/({_NAME})")
_SHORT_RATIO = re.compile(rf"(train|val|test)\s*/\s*(train|val|test)\s+({_NAME})")


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
    if sides is None or figures is None:
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
