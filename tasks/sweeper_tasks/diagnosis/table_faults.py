"""All that can be wrong with a table of patients, each in one line, all found before training."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Fault, did_you_mean
from sweeper_tasks.diagnosis.data_config import CsvData

Names = NDArray[Any]
"""[n] the file that each row is from."""
WITH_COMMAS = "Save it as comma-separated values, with points in the numbers"
HEADER_EXPECTED = "A table with a header line is expected, and as many values in each row"


def unreadable(file: str, error: Exception) -> Fault:
    """The fault of a file that is no table."""
    if isinstance(error, UnicodeDecodeError):
        return Fault(file, "got text in another encoding; expected UTF-8", "Save it as UTF-8")
    reason = str(error).splitlines()[0].rpartition("C error: ")[2]
    return Fault(file, f"cannot be read: {reason}", HEADER_EXPECTED)


def faults_of_columns(data: CsvData, table: pd.DataFrame, file: str) -> list[Fault]:
    """Columns that are twice there, or named but not there; no rows; rows without a diagnosis."""
    faults = [*_faults_of_doubles(table, file)]
    keyed = [(f"data.{key}", getattr(data, key)) for key in ("label", "split", "group")]
    named = [
        *(pair for pair in keyed if pair[1] is not None),
        *(("data.categorical", name) for name in data.categorical),
    ]
    faults += [no_such_column(key, name, file, map(str, table)) for key, name in named if name not in table]
    if len(table) == 0:
        return [*faults, Fault(file, "got no rows; expected at least one below the header")]
    if not faults and (empty := np.asarray(table[data.label].isna())).any():
        problem = f"got nothing in {_rows(empty)}; expected a diagnosis in every row"
        faults.append(Fault(f"{file}, column '{data.label}'", problem, "Complete these rows or remove them"))
    return faults


def no_such_column(key: str, name: str, where: str, columns: Iterable[str]) -> Fault:
    """The fault of a column that is named in the configuration only."""
    listed = list(columns)
    problem = f"got '{name}'; expected a column of {where}"
    return Fault(key, problem, f"It has {', '.join(listed)}{did_you_mean(name, listed)}")


def faults_of_pair(one: pd.DataFrame, *others: pd.DataFrame) -> list[Fault]:
    """A fault where two files have different columns."""
    alone = sorted({str(name) for other in others for name in set(one) ^ set(other)})
    problem = f"got columns in one file only ({', '.join(alone)}); expected all in both"
    return [Fault("data.files", problem, "Name them in data.drop")] if alone else []


def faults_of_spelling(data: CsvData, labels: NDArray[Any]) -> Iterator[Fault]:
    """A fault for each diagnosis that is written in several ways: 1 and 1.0, ill and Ill."""
    written: dict[str, list[str]] = {}
    for name, n in zip(*np.unique(labels, return_counts=True), strict=True):
        written.setdefault(_alike(str(name)), []).append(f"'{name}' ({n} rows)")
    for forms in written.values():
        if len(forms) > 1:
            problem = f"got {' and '.join(forms)}; expected each diagnosis in one spelling"
            yield Fault(
                f"data.label, column '{data.label}'", problem, "Write them alike, or quite differently"
            )


def not_a_number(column: "pd.Series[Any]", bad: NDArray[np.bool_], files: Names, why: str) -> Fault:
    """The fault of a text among numbers, told by its place in the first file that has one."""
    file = files[bad][0]
    got = f"got '{column[bad].iloc[0]}' among numbers ({_rows(bad[files == file])})"
    return Fault(f"{file}, column '{column.name}'", f"{got}; expected {why}", NOT_A_NUMBER)


NOT_A_NUMBER = "Add it to data.missing if it means that, or name the column in data.categorical"


def _faults_of_doubles(table: pd.DataFrame, file: str) -> Iterator[Fault]:
    for name in table.columns[table.columns.duplicated()].unique():
        yield Fault(file, f"got column '{name}' more than once; expected each once", "Rename or remove one")


def _alike(name: str) -> str:
    try:
        return repr(float(name))
    except ValueError:
        return " ".join(name.casefold().split())


def _rows(bad: NDArray[np.bool_]) -> str:
    """The first few row numbers, counted from 1 below the header."""
    rows = np.flatnonzero(bad) + 1
    listed = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    return f"row{'s' * (len(rows) > 1)} {listed}"
