"""Labels by value: 1, 1.0, true and yes say the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper_tasks.tables.numbers import as_numbers

TRUTH = {
    **dict.fromkeys(("true", "yes", "y", "t"), 1.0),
    **dict.fromkeys(("false", "no", "n", "f"), 0.0),
}
"""Words of a truth value, in small letters; besides them 1 and 0 in any form of a number."""
BINARY = "0 or 1 (or true / false, yes / no)"


def as_binary(column: "pd.Series[Any]") -> "pd.Series[float]":
    """float64 [n]: 1 and 0, NaN for everything else."""
    codes, values = pd.factorize(column.astype("str"))
    text = pd.Series(values, dtype="str")
    numbers = as_numbers(text)
    words = text.str.lower().map(TRUTH).astype(np.float64)
    found = numbers.where(numbers.isin((0, 1))).fillna(words)
    return pd.Series(np.append(found, np.nan)[codes], column.index, name=column.name)  # -1: missing


def as_classes(labels: "pd.Series[Any]") -> NDArray[Any]:
    """[n] names of classes; numbers that are equal have one name, and so have truth values in one column."""
    text = labels.astype("str")
    numbers = as_numbers(text)
    if bool(numbers.notna().all()):
        return _first_spellings(text, numbers)
    truths = as_binary(text)
    is_word = text.str.lower().isin(("true", "false"))
    if bool(truths.notna().all()) and bool((is_word | numbers.notna()).all()):
        return _first_spellings(text, truths)
    return text.to_numpy(dtype=str)


def truths_of(names: Sequence[str]) -> dict[str, float]:
    """The truth value of each name, where all have one and there are more than two: 0, no, 1 and yes.

    t and f are left alone: three classes may well be called t, f and n.
    """
    words = {word: truth for word, truth in TRUTH.items() if word not in ("t", "f")} | {"0": 0.0, "1": 1.0}
    found = {name: words[name.strip().lower()] for name in names if name.strip().lower() in words}
    return found if len(found) == len(names) > 2 else {}


def _first_spellings(text: "pd.Series[Any]", values: "pd.Series[float]") -> NDArray[Any]:
    """Each value's shortest spelling, the first in alphabetical order of equally long ones."""
    chosen: dict[float, str] = {}
    for value, name in sorted(set(zip(values, text, strict=True)), key=lambda pair: (len(pair[1]), pair[1])):
        chosen.setdefault(float(value), str(name))
    return values.map(chosen).to_numpy(dtype=str)
