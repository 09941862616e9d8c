"""Which texts are numbers, in which notation, and which only look like one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
_POWER = r"(?:[eE][+-]?[0-9]{1,3})?"
PLAIN = rf"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+){_POWER}"
_WITH_COMMA = rf"[+-]?(?:[0-9]+,?[0-9]*|,[0-9]+){_POWER}"
_GAPS = " \u00a0\u2009\u202f'\u2019"
"""Besides point or comma, what stands between thousands."""


def _grouped(mark: str, decimal: str) -> str:
    groups = "|".join(f"(?:{gap}[0-9]{{3}})+" for gap in (mark, *_GAPS))
    return f"[+-]?[1-9][0-9]{{0,2}}(?:{groups})(?:{decimal}[0-9]*)?"


_GROUPED = {".": _grouped(",", r"\."), ",": _grouped(r"\.", ",")}
"""By decimal sign, numbers with a sign between their thousands."""
COMMA_FOR_CERTAIN = (
    r"[+-]?(?:0?,[0-9]+|[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})|(?:0[0-9]*|[0-9]{4,}),[0-9]+"
    rf"|[0-9]{{1,3}}(?:[.{_GAPS}][0-9]{{3}})+,[0-9]+|[0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}}){_POWER}"
)
"""Numbers whose comma cannot stand between thousands, or whose points cannot be decimal."""
COMMA_OR_THOUSANDS = r"[+-]?[1-9][0-9]{0,2},[0-9]{3}"
_UNITS = (
    "mg|g|kg|\u00b5g|\u03bcg|ug|mcg|ng|pg|ml|l|dl|mm|cm|m|km|mmol|\u00b5mol|\u03bcmol|umol|iu|u|bpm|mmhg|yrs?|years?|y"
    "|days?|d|hrs?|hours?|h|min|sec|s|ms|usd|eur|gbp|pct|percent|k|mb|gb"
)
_SIGNS = "$\u20ac\u00a3\u00a5"
LIKE_A_NUMBER = (
    rf"\(?(?:<=|>=|[<>=\u2264\u2265~\u2248\u00b1{_SIGNS}])? ?[+-]?[0-9][0-9.,]*{_POWER}"
    rf" ?(?:[%\u2030*+{_SIGNS}]|\u00b0[CF]?|(?:{_UNITS})(?:/[a-zA-Z\u00b5\u03bc]{{1,5}})?)?\)?"
)
"""A number with a sign or a unit around it, such as <600, 12 mg, 45 %, 1.234,5, (12); in small letters."""
WITH_ZEROS = r"0[0-9]+"
"""Digits as a code has them: 00123."""
THOUSANDS_BY_POINT = r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})"
"""Numbers that a comma for decimals would make a thousand times as large."""
_MONTH = (
    r"(?i:jan(?:uar|uary)?|feb(?:ruar|ruary)?|mar(?:ch)?|mär(?:z)?|mrz|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.?"
)
LIKE_A_TIME = (
    r"(?:[0-9]{4}[-/.][01]?[0-9][-/.][0-3]?[0-9]|[0-3]?[0-9][-/.][0-3]?[0-9][-/.](?:[0-9]{2}|[0-9]{4})"
    rf"|(?:[0-3]?[0-9]\.?[-/ ])?{_MONTH}[-/ ,]*(?:[0-3]?[0-9],?[-/ ]+)?(?:[0-9]{{4}}|[0-9]{{2}})"
    rf"|[0-9]{{4}}[-/ ]{_MONTH}[-/ ][0-3]?[0-9]"
    r"|[0-2]?[0-9]:[0-5][0-9])(?:[T ,:][0-9:.,+\- APMapmZ]*)?"
)
"""A day or a time, in one of the usual forms."""
A_DAY_IN_DIGITS = (
    r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-2][0-9][0-5][0-9](?:[0-5][0-9])?)?"
)
"""20140131, and 20140131093000: a number for whoever does not know."""
LIKE_TWO_NUMBERS = r"[0-9]+(?:[.,][0-9]+)?(?: ?[-/x:\u2013] ?[0-9]+(?:[.,][0-9]+)?)+"
"""Two numbers or more in one value, such as 120/80 or 10-14."""
_NO_VALUES = frozenset(
    (
        *("?", "-", "--", ".", "na", "n/a", "#n/a", "n.a.", "nan", "-nan", "null", "(null)", "none", "nil"),
        *("nat", "<na>", "missing", "\\n"),
    )
)


def as_numbers(column: "pd.Series[Any]", decimal: str = ".") -> "pd.Series[float]":
    """float64 [n]: the numbers, NaN for everything else; no infinities, no NaN by name, no hexadecimals."""
    found = _by_value(column, lambda text: _numbers_of(text, decimal), np.nan)
    return pd.Series(found, column.index, name=column.name)


def _numbers_of(text: "pd.Series[Any]", decimal: str) -> "pd.Series[float]":
    plain = text.where(_is(text, PLAIN if decimal == "." else _WITH_COMMA))
    if (is_grouped := _is(text, _GROUPED[decimal])).any():
        bare = text.str.replace(rf"[{',' if decimal == '.' else '.'}{_GAPS}]", "", regex=True)
        plain = plain.where(~is_grouped, bare)
    if decimal == ",":
        plain = plain.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(plain.astype(object), errors="coerce").astype(np.float64)
    return numbers.where(np.isfinite(numbers))


def matches(column: "pd.Series[Any]", pattern: str) -> Bools:
    """[n] whether the whole text is of the pattern; False where nothing is."""
    return np.asarray(_by_value(column, lambda text: _is(text, pattern), False), dtype=bool)


def is_like_a_number(column: "pd.Series[Any]") -> Bools:
    """[n] whether the text is a number with something around it."""
    pattern = LIKE_A_NUMBER.lower()
    return np.asarray(_by_value(column, lambda text: _is(text.str.lower(), pattern), False), dtype=bool)


def is_no_value(column: "pd.Series[Any]") -> Bools:
    """[n] whether the text is a word that can only mean that a number is missing."""
    return np.asarray(_by_value(column, lambda text: text.str.lower().isin(_NO_VALUES), False), dtype=bool)


def _by_value(
    column: "pd.Series[Any]", of: Callable[["pd.Series[Any]"], "pd.Series[Any]"], missing: Any
) -> NDArray[Any]:
    """[n] what `of` says of each text; it is asked once for each of the different ones."""
    codes, values = pd.factorize(column.astype("str"))
    found = np.asarray(of(pd.Series(values, dtype="str")))
    known: NDArray[Any] = np.append(found, np.asarray([missing], dtype=found.dtype))
    return known[codes]  # code -1 is that of what is missing


def _is(text: "pd.Series[Any]", pattern: str) -> "pd.Series[bool]":
    return text.str.fullmatch(pattern).fillna(False).astype(bool)
