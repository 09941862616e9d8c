"""A number for each row of a table, by its values: rows with the same number are copies. No torch here."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import row_digests


def frame_digests(columns: Iterable[Any]) -> NDArray[np.uint64]:
    """[n] of the rows of these columns [n]: numbers by value, all else by its text; missing is alike."""
    return row_digests(*(_numbers(column) for column in columns))


def _numbers(column: Any) -> NDArray[Any]:
    if column.dtype.kind in "fiub" and isinstance(column.dtype, np.dtype):
        return np.asarray(column)
    text = pd.Series(column).reset_index(drop=True).astype("str")
    codes, values = pd.factorize(text)
    known = pd.util.hash_array(np.asarray([*values, None], dtype=object), categorize=False)
    return np.asarray(known[codes])  # code -1 is that of what is missing
