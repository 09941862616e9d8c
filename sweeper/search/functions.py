"""The functions of Hydra's override grammar, with the meaning that people expect of them.

Hydra's own `sort` leaves a range's values (facebookresearch/hydra#3228), and its `choice` takes no null.
"""

import inspect
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString, RangeSweep, Sweep


def overrides_parser(loader: ConfigLoader | None = None) -> OverridesParser:
    """Hydra's parser of overrides, with the functions of this module in place of its own."""
    parser = OverridesParser.create(config_loader=loader)
    own = {name: _keeping(parser.functions.functions[name]) for name in ("int", "float", "str", "bool")}
    for name, function in (MENDED | own).items():
        parser.functions.functions[name] = function
        parser.functions.definitions[name] = inspect.signature(function)
    return parser


def _keeping(cast: Callable[..., Any]) -> Callable[..., Any]:
    """The cast, of which a sweep keeps its tags and its order."""

    @wraps(cast)
    def mended(*args: Any, value: Any = None) -> Any:
        result = cast(*args, value=value) if value is not None else cast(*args)
        given = args[0] if len(args) == 1 else value
        if isinstance(given, Sweep) and isinstance(result, Sweep):
            result.tags = {*result.tags, *given.tags}
        if isinstance(given, (ChoiceSweep, RangeSweep)) and isinstance(result, (ChoiceSweep, RangeSweep)):
            result.shuffle = result.shuffle or given.shuffle
        return result

    return mended


def choice(*args: Any) -> ChoiceSweep:
    """A sweep over these values, null among them."""
    if not args:
        raise ValueError("there is nothing to choose from; write choice(a, b)")
    if isinstance(args[0], ChoiceSweep) and len(args) == 1 and args[0].simple_form:
        return replace(args[0], simple_form=False)
    if any(isinstance(value, Sweep) for value in args):
        raise ValueError("a sweep within a sweep means nothing; write its values")
    return ChoiceSweep(list=list(args))


def sort(*args: Any, sweep: Any = None, list: Any = None, reverse: bool = False) -> Any:
    """The values of a sweep, or of a list, in order."""
    given: Any = next((one for one in (list, sweep) if one is not None), args[0] if len(args) == 1 else None)
    if isinstance(given, RangeSweep):
        return _sorted_range(given, reverse)
    if isinstance(given, ChoiceSweep):
        return replace(given, list=_sorted(given.list, reverse), shuffle=False)
    if isinstance(given, Sweep):
        raise ValueError("an interval has no order; write interval(low, high)")
    if _is_list(given):
        return _sorted(given, reverse)
    if not args and given is None:
        raise ValueError("there is nothing to sort; write sort(3, 1, 2)")
    return given if len(args) <= 1 else ChoiceSweep(list=_sorted(args, reverse), simple_form=True)


def shuffle(*args: Any, sweep: Any = None, list: Any = None) -> Any:
    """The values of a sweep, or of a list, in an order that `sampler.seed` decides."""
    given: Any = next((one for one in (list, sweep) if one is not None), args[0] if len(args) == 1 else None)
    if isinstance(given, (RangeSweep, ChoiceSweep)):
        return replace(given, shuffle=True)
    if isinstance(given, Sweep):
        raise ValueError("an interval has no order; write interval(low, high)")
    if _is_list(given):
        return random.sample(given, len(given))
    if not args:
        raise ValueError("there is nothing to shuffle; write shuffle(1, 2, 3)")
    return [given] if len(args) == 1 else ChoiceSweep(list=[*args], simple_form=True, shuffle=True)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _sorted(values: Sequence[Any], reverse: bool) -> list[Any]:
    plain = [value.text if isinstance(value, QuotedString) else value for value in values]
    try:
        order = sorted(range(len(plain)), key=plain.__getitem__, reverse=reverse)
    except TypeError:
        raise ValueError(
            "values of several kinds have no order; write them in the order that you want"
        ) from None
    return [values[index] for index in order]


def _sorted_range(sweep: RangeSweep, reverse: bool) -> RangeSweep:
    """The same numbers; their last becomes the first where they run the other way."""
    ends = (sweep.start, sweep.stop, sweep.step)
    if any(isinstance(end, bool) or end is None or not math.isfinite(end) for end in ends) or not sweep.step:
        return sweep  # what is wrong with it is said of every range
    start, stop, step = (Decimal(str(end)) for end in ends)
    n = math.ceil((stop - start) / step)
    if n <= 0 or (step < 0) == reverse:
        return replace(sweep, shuffle=False)
    is_integer = all(isinstance(end, int) for end in ends)
    number: Callable[[Decimal], Any] = int if is_integer else float
    last = start + step * (n - 1)
    return replace(sweep, start=number(last), stop=number(start - step), step=number(-step), shuffle=False)


MENDED: dict[str, Callable[..., Any]] = {"choice": choice, "sort": sort, "shuffle": shuffle}
