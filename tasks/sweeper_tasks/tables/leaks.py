"""Columns that decide a label, where chance would not."""

from math import inf, lgamma, log, log2
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Fault
from sweeper_tasks.tables.numbers import as_numbers

CERTAIN_BITS = 20
"""Agreement that chance brings about less often than once in a million columns is no accident."""

ROWS_A_VALUE = 10
"""On average; where fewer share a value, rows of one patient are as likely a reason as a leak."""


def tells(column: "pd.Series[Any]", positive: NDArray[np.bool_]) -> bool:
    """Whether each of the column's values, or one value against all others, stands for one label only.

    Of k positives among n rows there are C(n, k) arrangements, of which a column with g different values
    could tell 2^g by its values and g by one of them, or by a threshold; where these are not
    a millionth of all, nothing is said.
    """
    n, k = len(positive), int(positive.sum())
    if not 0 < k < n:
        return False
    return _bits(n, k) - _ways(column, positive) >= CERTAIN_BITS


def decides(column: "pd.Series[Any]", labels: NDArray[Any]) -> bool:
    """Whether a column tells each class from all others; classes too rare to say anything are left out.

    Values of few rows each, such as the weights of patients who came twice, tell by a threshold only.
    """
    n = len(labels)
    is_coarse = column.nunique(dropna=False) * ROWS_A_VALUE <= n
    classes, codes = np.unique(labels, return_inverse=True)
    counts = np.bincount(codes)
    common = [c for c in range(len(classes)) if _bits(n, int(counts[c])) >= CERTAIN_BITS + 2]
    return bool(common) and all(
        tells(column, codes == c) and (is_coarse or _is_threshold(column, codes == c)) for c in common
    )


def fault_of_leak(file: str, name: str, label: str) -> Fault:
    """The fault of a column that decides a label: it was recorded after the fact, or says the same."""
    problem = f"got a feature that tells '{label}' without error; expected one known beforehand"
    return Fault(f"{file}, column '{name}'", problem, "Leave it out: name it in data.drop instead")


def _ways(column: "pd.Series[Any]", positive: NDArray[np.bool_]) -> float:
    """log2 of the arrangements that the column could tell as it tells this one; infinite if it does not."""
    codes, values = pd.factorize(column, use_na_sentinel=False)
    n_values = len(values)
    ones = np.bincount(codes, weights=positive, minlength=n_values)
    is_pure = (ones == 0) | (ones == np.bincount(codes, minlength=n_values))
    if not is_pure.all() or n_values < 2:
        return inf
    if min(int((ones == 0).sum()), int((ones > 0).sum())) == 1 or _is_threshold(column, positive):
        return log2(n_values) + 1
    return float(n_values)


def _is_threshold(column: "pd.Series[Any]", positive: NDArray[np.bool_]) -> bool:
    """Whether all positives lie on one side of a number."""
    numbers = as_numbers(column).to_numpy()
    if np.isnan(numbers).any():
        return False
    ours, others = numbers[positive], numbers[~positive]
    return bool(ours.min() > others.max() or ours.max() < others.min())


def _bits(n: int, k: int) -> float:
    """log2 of C(n, k)."""
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2)
