"""A first line that is a row of data and not a header."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from sweeper.task import Fault
from sweeper_tasks.tables.numbers import PLAIN, matches

N_COMPARED = 5000
"""Rows that the first line is compared with."""
N_SHOWN = 5
WAY_OUT = (
    "If the file has no header: data.header=false, which names the columns col0, col1, ..., or "
    "data.columns=[...] as well. If it is one: data.header=true"
)


def fault_of_header(
    names: Sequence[str], cells: Sequence[str], columns: Sequence[Any], where: str
) -> Fault | None:
    """A fault where no name differs in kind from the values below it, and some are just like them."""
    like = [_likeness(cell.strip(), column) for cell, column in zip(cells, columns, strict=True)]
    all_numbers = all(matches(pd.Series([cell.strip()], dtype="str"), PLAIN)[0] for cell in cells)
    if not (all_numbers or (any(one > 0 for one in like) and not any(one < 0 for one in like))):
        return None
    shown = ", ".join(names[:N_SHOWN]) + (", ..." if len(names) > N_SHOWN else "")
    return Fault(
        where, f"got a first line that looks like data ({shown}); expected names of columns", WAY_OUT
    )


def _likeness(cell: str, column: Any) -> int:
    """1: a value like those below; -1: a word above numbers; 0: nothing can be said."""
    below = pd.Series(pc.utf8_trim_whitespace(column.slice(0, N_COMPARED)).to_pandas(), dtype="str")
    below = below[below != ""]
    if not cell or below.empty:
        return 0
    is_number = matches(pd.Series([cell], dtype="str"), PLAIN)[0]
    are_numbers = matches(below, PLAIN).mean() > 0.9
    if are_numbers:
        return 1 if is_number else -1
    return 1 if bool((below == cell).any()) else 0
