"""The names in a header; and a first line that is none: a row of data, or a title."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from sweeper.task import Fault
from sweeper_tasks.tables.dialect import title_above
from sweeper_tasks.tables.keys import in_one_form
from sweeper_tasks.tables.numbers import PLAIN, matches

N_COMPARED = 5000
"""Rows that the first line is compared with."""
N_SHOWN = 5
WAY_OUT = (
    "If the file has no header: data.header=false, which names the columns col0, col1, ..., or "
    "data.columns=[...] as well. If it is one: data.header=true"
)


def names_of(cells: Sequence[str]) -> list[str]:
    """The names in a header, without marks around them; by its place what has none."""
    bare = (_without_marks(cell.lstrip("\ufeff").strip()) for cell in cells)
    return [in_one_form(name) or f"Unnamed: {i}" for i, name in enumerate(bare)]


def _without_marks(name: str) -> str:
    """A name without the quotation marks that stand around it as a whole: `x "y"` has none."""
    while len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1].strip()
    return name


def is_nameless(name: str, i: int) -> bool:
    """Whether the name is but the column's place."""
    return name == f"Unnamed: {i}"


def is_empty(column: Any) -> bool:
    """Whether there are rows, and nothing but blanks in them."""
    return (
        len(column) > 0 and not pc.any(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)).as_py()
    )


def fault_of_title(names: Sequence[str], columns: Sequence[Any], where: str) -> Fault | None:
    """A fault where the first line names one column, and two or more without a name have values."""
    nameless = [i for i, name in enumerate(names) if is_nameless(name, i)]
    if len(nameless) != len(names) - 1 or sum(not is_empty(columns[i]) for i in nameless) < 2:
        return None
    (title,) = (name for i, name in enumerate(names) if i not in nameless)
    problem = f"got a first line with one cell, '{title[:40]}'; expected names of columns"
    return Fault(where, problem, title_above([title]))


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
