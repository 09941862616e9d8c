"""What cells mean: numbers in the notations of spreadsheets, seeds, states. Pure."""

import re
from collections.abc import Sequence

NO_VALUES = frozenset(
    (
        *(
            "",
            "-",
            "--",
            "?",
            "na",
            "n/a",
            "#n/a",
            "#div/0!",
            "#value!",
            "nan",
            "-nan",
            "null",
            "none",
            "<na>",
        ),
        *("missing", "inf", "-inf", "+inf", "infinity", "-infinity"),
        *("failed", "crashed", "oom", "error", "diverged"),
    )
)
"""What stands where a run has no figure."""
COMPLETE = frozenset(("", "complete", "completed", "finished", "success", "succeeded", "ok", "done"))
"""States of a run whose figures count."""
NOT_ENDED = frozenset(("running", "waiting", "pending", "queued", "scheduled", "interrupted", "preempting"))
GIVEN_UP = frozenset(
    (
        *("failed", "fail", "failure", "error", "crashed", "killed", "oom", "timeout", "cancelled"),
        *("canceled", "pruned", "stopped", "preempted", "aborted", "diverged"),
    )
)
STATES = COMPLETE | NOT_ENDED | GIVEN_UP
GAPS = " \u00a0\u202f'\u2019"
SEED = re.compile(r"(?:(?:random[ _-]?)?(?:seed|rep|run|s|r)[ _=:#-]*)?(-?\d+)(?:\.0*)?", re.I)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.I)
_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}(?:[,{GAPS}]\d{{3}})+(?:\.\d*)?")
_COMMA_FOR_CERTAIN = re.compile(
    rf"[+-]?(?:0?,\d+|\d+,(?:\d{{1,2}}|\d{{4,}})|\d{{1,3}}(?:[.{GAPS}]\d{{3}})+,\d+)"
)
_MAYBE = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def number_of(text: str, *, has_comma: bool = False) -> float | None:
    """The number, NaN where the cell says that there is none; None where it is anything else.

    A percentage is its number of percent. `has_comma`: decimals stand after a comma.
    """
    bare = text.removesuffix("%").strip().replace("\u2212", "-")
    if bare.lower() in NO_VALUES:
        return float("nan")
    if has_comma:
        bare = re.sub(rf"[.{GAPS}]", "", bare).replace(",", ".")
    elif _THOUSANDS.fullmatch(bare):
        bare = re.sub(rf"[,{GAPS}]", "", bare)
    return float(bare) if _PLAIN.fullmatch(bare) else None


def has_decimal_comma(cells: Sequence[str], separator: str) -> bool | None:
    """Whether decimals of a column stand after a comma; None where that cannot be told."""
    bare = [cell.removesuffix("%").strip() for cell in cells]
    if any(map(_COMMA_FOR_CERTAIN.fullmatch, bare)):
        return True
    maybe = [cell for cell in bare if _MAYBE.fullmatch(cell)]
    if not maybe or any("." in cell for cell in bare):
        return False
    return True if separator == ";" else None


def seed_of(text: str) -> int | None:
    """`3` of 3, 3.0, `seed3`, `seed=3`; None where it is no such thing."""
    found = SEED.fullmatch(text)
    return int(found[1]) if found else None


def same_name(one: str, other: str) -> bool:
    """Whether two names of trials are the same; numbers are compared by value."""
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False
