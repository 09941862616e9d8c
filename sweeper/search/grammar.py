"""An override of Hydra's grammar -> the values that it sweeps over; a value -> the text that means it.

Hydra's meaning throughout: `range` leaves its stop out, `interval(a, b)` is a <= x < b, a cast acts on each
value. Values are plain Python (None, bool, int, float, str, list, dict), and exact: `range(0.0, 1.0, 0.1)`
holds 0.7, not 0.7000000000000001.
"""

import fnmatch
import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
    Transformer,
)

from sweeper.errors import Fault, UserError, did_you_mean

GroupOptions = Callable[[str], Sequence[str]]
"""All options of a config group, those of its subfolders as `folder/name`; empty where there is none."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS_OF_YAML = {"null", "true", "false", "nan", "inf"}


@dataclass(frozen=True)
class Choices:
    """Any values, in the user's order, each once."""

    values: tuple[Any, ...]
    is_shuffled: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Any:
        """The value at `index`."""
        return self.values[index]


@dataclass(frozen=True)
class Range:
    """`n` numbers, `step` apart; `is_log` matters only to adaptive samplers."""

    start: Decimal
    step: Decimal
    n: int
    is_integer: bool
    is_log: bool = False
    is_shuffled: bool = False

    def __len__(self) -> int:
        return self.n

    def at(self, index: int) -> int | float:
        """The number at `index`, computed in decimal."""
        exact = self.start + self.step * index
        return int(exact) if self.is_integer else float(exact)


@dataclass(frozen=True)
class Interval:
    """low <= x < high for real numbers, low <= x <= high for integers (the stop is already left out)."""

    low: float
    high: float
    is_integer: bool
    is_log: bool = False


Domain = Choices | Range | Interval


def key_of(override: Override) -> str:
    """The key or group, with its package, without `+`, `++` or `~`."""
    return override.get_key_element().lstrip("+~")


def domain_of(override: Override, options: GroupOptions) -> Domain:
    """The values that a sweep override stands for. Raises UserError where that is none, or not a number."""
    sweep = override.value()
    if isinstance(sweep, RangeSweep):
        return _range(override, sweep)
    if isinstance(sweep, IntervalSweep):
        return _interval(override, sweep)
    if isinstance(sweep, Glob):
        return Choices(_matching(override, sweep, options))
    assert isinstance(sweep, ChoiceSweep)
    if any(isinstance(value, Sweep) for value in sweep.list):
        problem = f"got a sweep within a sweep (from override '{override.input_line}')"
        raise UserError(Fault(key_of(override), problem, "Name all values in one list: a,b,c."))
    return Choices(_distinct([plain(value) for value in sweep.list]), sweep.shuffle)


def tags_of(override: Override) -> set[str]:
    """The tags of a sweep that mean nothing here: all but `log`, and `log` on choices."""
    sweep = override.value()
    known = {"log"} if isinstance(sweep, (RangeSweep, IntervalSweep)) else set()
    return set(getattr(sweep, "tags", ())) - known


def plain(value: Any) -> Any:
    """A parsed element as plain Python: quoted strings become strings, at any depth."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def text_of(value: Any) -> str:
    """`value` as the part of an override after `=`, so that Hydra reads the same value back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(Transformer.str(_quoted(value)))


def is_plain_word(text: str) -> bool:
    """Whether Hydra reads `text` as this very string without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS_OF_YAML


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return value if is_plain_word(value) else QuotedString(value, Quote.single)
    if isinstance(value, (list, tuple)):
        return [_quoted(item) for item in value]
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    return value


def _distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple({text_of(value): value for value in values}.values())


def _matching(override: Override, glob: Glob, options: GroupOptions) -> tuple[str, ...]:
    """Options that the glob selects; `*` stays within a folder, as in Hydra, `esmm/*` looks into one."""
    known = options(override.key_or_group)
    if not known:
        raise _fault(
            override, "there is no such config group", "glob(...) selects options of a config group."
        )
    found = tuple(name for name in known if _selects(glob, name))
    if not found:
        raise _fault(
            override, f"no option of '{override.key_or_group}' matches", f"It has {', '.join(known)}."
        )
    return found


def _selects(glob: Glob, name: str) -> bool:
    def is_in(patterns: Sequence[str]) -> bool:
        return any(
            pattern.count("/") == name.count("/") and fnmatch.fnmatch(name, pattern) for pattern in patterns
        )

    return is_in(glob.include) and not is_in(glob.exclude)


def _range(override: Override, sweep: RangeSweep) -> Range:
    ends = (sweep.start, sweep.stop, sweep.step)
    start, stop, step = (_decimal(override, end) for end in ends)
    if step == 0:
        raise _fault(override, "got step 0; expected a step that leads from start to stop")
    n = max(0, math.ceil((stop - start) / step))
    if n == 0:
        raise _fault(override, "the range is empty", "The stop is left out, as in Python.")
    is_integer = all(isinstance(end, int) for end in ends)
    found = Range(start, step, n, is_integer, "log" in sweep.tags, sweep.shuffle)
    return _cast(override, found, getattr(sweep, "transformers", ()))


def _cast(override: Override, numbers: Range, casts: Sequence[Callable[[Any], Any]]) -> Range:
    """The range whose every number has been cast: Hydra 1.4 notes the casts, 1.3 casts the ends itself.

    `int` of a range that is not of whole steps repeats numbers or leaves some out: each is there once.
    """
    for cast in casts:
        values = list(dict.fromkeys(cast(numbers.at(index)) for index in range(len(numbers))))
        steps = {Decimal(repr(b)) - Decimal(repr(a)) for a, b in itertools.pairwise(values)}
        if len(steps) > 1:
            raise _fault(override, "the cast numbers are not evenly spaced", "Write them out as choices.")
        is_integer = all(isinstance(value, int) for value in values)
        step = steps.pop() if steps else numbers.step
        numbers = replace(
            numbers, start=Decimal(repr(values[0])), step=step, n=len(values), is_integer=is_integer
        )
    return numbers


def _interval(override: Override, sweep: IntervalSweep) -> Interval:
    low, high = (_decimal(override, end) for end in (sweep.start, sweep.end))
    is_integer, is_log = isinstance(sweep.start, int), "log" in sweep.tags
    if low >= high:
        raise _fault(override, f"got the interval from {low} to {high}; expected the smaller number first")
    if is_log and low <= 0:
        raise _fault(override, f"got a lower end of {low}; expected a number > 0 for tag(log, ...)")
    if is_integer:
        return Interval(int(low), int(high) - 1, True, is_log)
    return Interval(float(low), float(high), False, is_log)


def _decimal(override: Override, number: Any) -> Decimal:
    if isinstance(number, Decimal) and number.is_finite():
        return number
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise _fault(override, f"got {number!r}; expected finite numbers in range(...) and interval(...)")
    return Decimal(repr(number))


def _fault(override: Override, problem: str, advice: str = "") -> UserError:
    return UserError(Fault(key_of(override), f"{problem} (from override '{override.input_line}')", advice))


def unknown_option(group: str, option: str, source: str, known: Sequence[str]) -> Fault:
    """The fault of a group option that does not exist."""
    hint = did_you_mean(option, known)
    problem = f"no such option '{option}' (from {source})"
    return Fault(group, problem + hint, "" if hint else f"It has {', '.join(known)}.")
