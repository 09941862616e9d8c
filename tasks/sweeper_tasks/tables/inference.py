"""What a column of text is: numbers, truth values or categories; and when that cannot be said in silence."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import typed_list, typed_mapping
from sweeper_tasks.tables.labels import as_binary
from sweeper_tasks.tables.numbers import (
    A_DAY_IN_DIGITS,
    COMMA_FOR_CERTAIN,
    COMMA_OR_THOUSANDS,
    LIKE_A_TIME,
    LIKE_TWO_NUMBERS,
    THOUSANDS_BY_POINT,
    WITH_ZEROS,
    Bools,
    as_numbers,
    is_like_a_number,
    is_no_value,
    matches,
)

NEARLY_ALL = 0.9
"""Of a column's values; where so many are numbers, the others are mistakes rather than categories."""
N_LISTED = 4
FEW = 3
"""Values, below which nothing is said of the form of a column."""
SECONDS = (946_684_800, 2_208_988_800)
"""The years 2000 to 2039 as Unix counts them."""
NAMES_OF_IDENTIFIERS = re.compile(
    r"(?i:(?:^|[^a-z])(?:id|ids|idx|index|no|nr|num|number|row|key|code|uid|mrn|stt)(?:[^a-z]|$))|[a-z]I[dD]$"
    r"|(?i:(?:case|customer|item|patient|record|review|sample|session|subject|user|visit)[ _-]?(?:id|no|nr)$)"
)
MANY = 20
"""Different values, beyond which pairs of numbers are measurements rather than classes such as 10-14."""


@dataclass(frozen=True)
class Mistake:
    """Values that are not what the rest of the column is: which, what was expected, what to do."""

    bad: Bools
    expected: str
    advice: str = ""


@dataclass(frozen=True)
class Column:
    """A column as it is understood.

    `kind` is "number", "boolean" or "category"; `numbers` float64 [n] (NaN where missing) of the first two;
    `text` [n] of categories, one spelling for each value. `notes` and `doubts` tell what was decided, the
    latter what is likely not meant.
    """

    kind: str
    numbers: "pd.Series[float] | None"
    text: "pd.Series[Any]"
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    mistake: Mistake | None = None


def understood(
    column: "pd.Series[Any]", declared: str | None, decimal: str | None, separator: str = ","
) -> Column:
    """The column by its declared type, or by its values where it has none.

    An undeclared `decimal` is a point; a comma is refused rather than guessed, unless it can only stand
    between thousands of a comma-separated file.
    """
    name = str(column.name)
    if declared == "category":
        text = one_spelling(column)
        return Column("category", None, text, _words_kept(column, name), _doubt_of_spelling(text, name))
    if declared == "boolean" or (declared is None and _is_truth(column)):
        values = as_binary(column)
        bad = np.asarray(column.notna() & values.isna() & ~is_no_value(column))
        wrong = Mistake(bad, "true or false") if bad.any() else None
        return Column("boolean", values, one_spelling(column), (), (), wrong)
    return _by_values(column, name, declared == "number", decimal, separator)


def one_spelling(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """12 for 12.0 where all values are numbers, false for False where all are truth values; 012 stays."""
    present = column[column.notna()]
    if _is_truth(column):
        return column.str.lower()
    if len(present) and np.asarray(as_numbers(present).notna()).all():
        return column.str.replace(r"^([+-]?[0-9]+)\.0*$", r"\1", regex=True)
    return column


def _is_truth(column: "pd.Series[Any]") -> bool:
    present = column[column.notna()].str.lower()
    return len(present) > 0 and bool(present.isin(("true", "false")).all())


def _by_values(
    column: "pd.Series[Any]", name: str, is_declared: bool, decimal: str | None, separator: str
) -> Column:
    present = np.asarray(column.notna())
    numbers = as_numbers(column, decimal or ".")
    if is_declared:
        numbers = numbers.fillna(_truth_as_numbers(column))
    is_number = np.asarray(numbers.notna())
    is_word = present & ~is_number & is_no_value(column)
    rest = present & ~is_number & ~is_word
    wrong = _mistake(column, is_number, rest, is_declared)
    if decimal is None:
        could_be = is_declared or (is_number.any() and not rest.any())
        wrong = _comma_mistake(column, rest, separator if could_be else ",") or wrong
    if wrong is None and (rest.any() or not (is_number.any() or is_declared)):
        text = one_spelling(column)
        found = (*_doubt(column, name, is_number, rest), *_doubt_of_spelling(text, name))
        return Column("category", None, text, _words_kept(column, name), found)
    notes = _words_gone(column, name, is_word) if wrong is None else ()
    doubts = [*_sentinels(numbers, name), *([] if is_declared else _doubts_of_numbers(column, numbers, name))]
    if decimal is None and separator != ",":
        doubts += _doubt_of_points(column, numbers, name)
    return Column("number", numbers, column.mask(is_word), notes, tuple(doubts), wrong)


def _truth_as_numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    return column.str.lower().map({"true": 1.0, "false": 0.0}).astype(np.float64)


def _mistake(column: "pd.Series[Any]", is_number: Bools, rest: Bools, is_declared: bool) -> Mistake | None:
    if not rest.any():
        return None
    n = is_number.sum() + rest.sum()
    alike = rest & is_like_a_number(column)
    nearly = rest.sum() <= (1 - NEARLY_ALL) * n
    mixed = is_number.any() and alike.any() and is_number.sum() + alike.sum() >= NEARLY_ALL * n
    return Mistake(rest, "numbers") if is_declared or nearly or mixed else None


def _comma_mistake(column: "pd.Series[Any]", rest: Bools, separator: str) -> Mistake | None:
    """A column of decimal commas, or of commas that may be one or stand between thousands."""
    certain = rest & matches(column, COMMA_FOR_CERTAIN)
    if certain.any() and (certain.sum() == rest.sum()):
        advice = "Say so with data.decimal=comma, or name the column's type in data.types"
        return Mistake(certain, "numbers with a decimal point", advice)
    either = matches(column, COMMA_OR_THOUSANDS)
    if separator != "," and either.any():
        advice = "Say which it is: data.decimal=comma or data.decimal=point"
        return Mistake(either, "a comma that is either a decimal one or between thousands", advice)
    return None


def _words_gone(column: "pd.Series[Any]", name: str, is_word: Bools) -> tuple[str, ...]:
    if not is_word.any():
        return ()
    return (f"column '{name}': {listed(column[is_word])} among numbers counted as missing",)


def _words_kept(column: "pd.Series[Any]", name: str) -> tuple[str, ...]:
    is_word = is_no_value(column)
    if not is_word.any():
        return ()
    return (f"column '{name}': {listed(column[is_word])} read as categories; if missing: data.missing",)


def _doubt(column: "pd.Series[Any]", name: str, is_number: Bools, rest: Bools) -> tuple[str, ...]:
    are_days = (rest & matches(column, LIKE_A_TIME)).sum() * 2 > is_number.sum() + rest.sum()
    if are_days:  # 25.02.1986 looks like a number, too
        return _doubt_of_compounds(column, name, rest)
    alike = rest & is_like_a_number(column)
    if (is_number.sum() + alike.sum()) * 2 <= is_number.sum() + rest.sum():
        return _doubt_of_compounds(column, name, rest)
    odd = column[rest if is_number.any() else alike]
    why = "more than half of its values are numbers" if is_number.any() else "its values look like numbers"
    return (
        f"data, column '{name}': {why}, yet it is read as categories because of {listed(odd)}. Write bare "
        f"numbers or name these in data.missing; if it is meant: {_as_category(name)}",
    )


def _doubt_of_compounds(column: "pd.Series[Any]", name: str, rest: Bools) -> tuple[str, ...]:
    """Of days, times, and pairs such as 120/80, whose order and distance categories do not have."""
    kinds = {"days or times": LIKE_A_TIME}
    if column.nunique() > MANY:
        kinds["several numbers each"] = LIKE_TWO_NUMBERS
    for kind, pattern in kinds.items():
        if (rest & matches(column, pattern)).sum() * 2 > rest.sum():
            return (
                f"data, column '{name}': its values look like {kind}, such as {listed(column[rest])}, "
                "yet it is read as categories. Turn it into numbers, or leave it out (data.drop). If meant: "
                f"{_as_category(name)}",
            )
    return ()


def _doubt_of_spelling(text: "pd.Series[Any]", name: str) -> tuple[str, ...]:
    """Of categories that may be one: Male and male."""
    found = text.value_counts(sort=False)
    counts = {str(word): int(n) for word, n in found.items()}
    forms: dict[str, list[str]] = {}
    for word in counts:
        forms.setdefault(" ".join(word.casefold().split()), []).append(word)
    alike = [words for words in forms.values() if len(words) > 1]
    if not alike:
        return ()
    shown = "; ".join(" and ".join(f"'{w}' ({counts[w]})" for w in words) for words in alike[:N_LISTED])
    more = f" and {len(alike) - N_LISTED} more" if len(alike) > N_LISTED else ""
    return (
        f"data, column '{name}': got categories that differ in capitals or blanks only, {shown}{more}. Each "
        "counts on its own; write them alike if they are one",
    )


def _as_category(name: str) -> str:
    return typed_mapping("data.types", {name: "category"})


def _doubts_of_numbers(column: "pd.Series[Any]", numbers: "pd.Series[float]", name: str) -> Iterator[str]:
    """What numbers may be that their distance means nothing of, or not what it seems."""
    yield from _doubt_of_codes(column, name)
    yield from _doubt_of_days(column, name)
    yield from _doubt_of_identifiers(numbers, name)


def _doubt_of_days(column: "pd.Series[Any]", name: str) -> Iterator[str]:
    days = matches(column, A_DAY_IN_DIGITS)
    if days.sum() >= FEW and days.sum() == column.notna().sum():
        yield (
            f"data, column '{name}': its values look like days, such as {listed(column[days])}, yet it is "
            "read as numbers, in which a new year is a leap. Turn it into days, or leave it out (data.drop)"
        )


def _doubt_of_identifiers(numbers: "pd.Series[float]", name: str) -> Iterator[str]:
    """Whole numbers that all differ, and rise from row to row or are called an identifier, or nothing."""
    known = numbers.dropna()
    if len(known) < MANY or not known.is_unique or not (known % 1 == 0).all():
        return
    is_called_so = NAMES_OF_IDENTIFIERS.search(name) or name.startswith("Unnamed: ")
    what = "are whole numbers that all differ" if is_called_so else ""
    what = "rise from each row to the next" if known.is_monotonic_increasing else what
    what = "look like seconds since 1970" if known.between(*SECONDS).all() else what
    if what:
        yield (
            f"data, column '{name}': its values {what}, yet it is read as numbers. If it is an identifier, "
            f"or tells when a row was written: {typed_list('data.drop', [name])}"
        )


def _doubt_of_codes(column: "pd.Series[Any]", name: str) -> Iterator[str]:
    """Zeros in front, which a number has not: a code, of which the distance means nothing."""
    zeros = matches(column, WITH_ZEROS)
    if zeros.any():
        yield (
            f"data, column '{name}': its values have zeros in front, such as {listed(column[zeros])}, yet "
            f"it is read as numbers. If they are codes: {_as_category(name)}; if not: number"
        )


def _doubt_of_points(column: "pd.Series[Any]", numbers: "pd.Series[float]", name: str) -> Iterator[str]:
    """Points that may all stand between thousands, where the separator is that of decimal commas."""
    pointed, wide = matches(column, THOUSANDS_BY_POINT), np.asarray(numbers.abs() >= 1000)
    others = ~pointed & (matches(column, r".*[.eE].*") | wide)
    if pointed.sum() >= FEW and not others.any():
        yield (
            f"data, column '{name}': its points, as in {listed(column[pointed])}, may stand between "
            "thousands; read as decimal ones. Say which it is: data.decimal=comma or data.decimal=point"
        )


def _sentinels(numbers: "pd.Series[float]", name: str) -> tuple[str, ...]:
    """A number such as -999 that occurs repeatedly, far from all others."""
    counts = numbers.value_counts()
    values = counts.index.to_numpy(dtype=np.float64)
    found = []
    for i in np.flatnonzero(_is_close_to_nines(values) & (counts.to_numpy() > 1)):
        number, others = float(values[i]), np.delete(values, i)
        if len(others) < 2 or set(f"{abs(number):g}") != {"9"}:
            continue
        low, high = float(others.min()), float(others.max())
        if number < low - (high - low) or (number > high + (high - low)):
            found.append((number, int(counts.iloc[i]), low, high))
    return tuple(
        f"data, column '{name}': the number {number:g} ({n} times) lies far from all others "
        f"({low:g} to {high:g}). If it stands for a missing one: data.missing=[{number:g}]"
        for number, n, low, high in found
    )


def _is_close_to_nines(values: NDArray[np.float64]) -> Bools:
    """[n] whether a number is 9, 99, ..., 999999 in six digits, or nearly so."""
    nines = 10.0 ** np.arange(1, 7) - 1
    near: Bools = np.isclose(np.abs(values)[:, None], nines, rtol=1e-5, atol=0).any(axis=1)
    return near


def listed(column: "pd.Series[Any]") -> str:
    """The commonest texts with their numbers."""
    counts = Counter(column.dropna().astype(object)).most_common()
    shown = ", ".join(f"'{text}' ({n})" for text, n in counts[:N_LISTED])
    return shown + (f" and {len(counts) - N_LISTED} more" if len(counts) > N_LISTED else "")
