"""`data=diagnosis/csv`: any table with a patient a row and a column that says the diagnosis.

A column of numbers is a number, unless it is named in `data.categorical`; any other text is a category.
Missing is what `data.missing` lists. Quotes around a value, once or twice, say nothing, nor do the commas of
"1,234".
"""

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.errors import Fault, UserError, did_you_mean
from tasks.diagnosis.cohort import Cohort
from tasks.diagnosis.data_config import CsvData
from tasks.esmm.tables import assign_splits

VERSION = "1"
"""Part of the digest; goes up with every change of how a table is prepared."""
QUOTES = "\"'"
THOUSANDS = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"
NEARLY_ALL = 0.9
"""Of a column's values; where so many are numbers, the others are mistakes rather than categories."""
_WHERE_TO_GET = {
    "diagnosis/csv": "It is a .csv or .csv.gz file with a header and one patient a row",
    "diagnosis/thyroid": "It is the folder with thyroid_ann_train.csv and thyroid_ann_test.csv, made of the "
    "files ann-train.data and ann-test.data of data set 102 of the UCI Machine Learning Repository",
}


def locate(data: CsvData) -> dict[str, Path]:
    """The files by role: one "table", or "train" and "test". Raises UserError where one is missing."""
    if data.path is None:
        what = "file" if data.files is None else "folder"
        problem = f"got null; expected a {what}"
        raise UserError(Fault("data.path", problem, f"Set data.path=<{what}>. {_WHERE_TO_GET[data.name]}"))
    names = {"table": ""} if data.files is None else data.files.model_dump()
    files = {role: Path(data.path) / name for role, name in names.items()}
    missing = [
        Fault("data.path", f"got {path}; expected a file. There is none", _WHERE_TO_GET[data.name])
        for path in files.values()
        if not path.is_file()
    ]
    if missing:
        raise UserError(missing)
    return files


def read(data: CsvData, files: Mapping[str, Path]) -> Cohort:
    """The table, checked and split. Raises UserError with all that is wrong with it."""
    tables, faults = _read_all(data, files)
    if faults:
        raise UserError(faults)
    table = pd.concat(tables.values(), ignore_index=True)
    labels = table.pop(data.label).to_numpy(dtype=str)
    origin = np.repeat(list(tables), [len(part) for part in tables.values()])
    split = _split(data, labels, origin)
    return Cohort(_typed(data, table), labels, split, real=True, min_count=data.min_count)


def _split(data: CsvData, labels: NDArray[Any], origin: NDArray[Any]) -> NDArray[np.uint8]:
    """[n] 0, 1 or 2; a test file is the test split, and all else is drawn within each class."""
    split = np.full(len(labels), 2, dtype=np.uint8)
    ours = origin != "test"
    test_rate = data.test_rate if data.files is None else 0.0
    split[ours] = assign_splits(labels[ours], data.val_rate, test_rate, data.split_seed)
    return split


def _read_all(data: CsvData, files: Mapping[str, Path]) -> tuple[dict[str, pd.DataFrame], list[Fault]]:
    tables: dict[str, pd.DataFrame] = {}
    faults: list[Fault] = []
    seen: dict[str, None] = {}
    for role, path in files.items():
        try:
            table = _read(data, path)
        except (ValueError, OSError, EOFError, zlib.error) as error:
            problem = f"cannot be read: {str(error).splitlines()[0]}"
            faults.append(Fault(path.name, problem, "A table with a header line is expected"))
            continue
        seen |= dict.fromkeys(map(str, table))
        tables[role] = table.drop(columns=list(data.drop), errors="ignore")
        faults += _faults_of_columns(data, table, path.name)
    unseen = [name for name in data.drop if name not in seen]
    faults += [_no_such_column("data.drop", name, "the table", seen) for name in unseen]
    return tables, faults or _faults_of_pair(*tables.values())


def _faults_of_pair(one: pd.DataFrame, *others: pd.DataFrame) -> list[Fault]:
    """A fault where two files have different columns."""
    alone = sorted({str(name) for other in others for name in set(one) ^ set(other)})
    problem = f"got columns in one file only ({', '.join(alone)}); expected all in both"
    return [Fault("data.files", problem, "Name them in data.drop")] if alone else []


def _read(data: CsvData, path: Path) -> pd.DataFrame:
    """All columns as text without quotes around it, NaN where `data.missing` lists it."""
    table = pd.read_csv(path, dtype="str", keep_default_na=False, skipinitialspace=True)
    table.columns = [name.strip().strip(QUOTES) for name in table.columns]
    plain: pd.DataFrame = table.apply(lambda column: column.str.strip().str.strip(QUOTES).str.strip())
    return plain.mask(plain.isin(["", *data.missing]))


def _faults_of_columns(data: CsvData, table: pd.DataFrame, file: str) -> list[Fault]:
    """Columns that are named but not there, no rows, rows without a diagnosis."""
    named = [("data.label", data.label), *(("data.categorical", name) for name in data.categorical)]
    faults = [_no_such_column(key, name, file, map(str, table)) for key, name in named if name not in table]
    if len(table) == 0:
        return [*faults, Fault(file, "got no rows; expected at least one below the header")]
    if data.label in table and (empty := np.asarray(table[data.label].isna())).any():
        problem = f"got nothing in {_rows(empty)}; expected a diagnosis in every row"
        faults.append(Fault(f"{file}, column '{data.label}'", problem, "Complete these rows or remove them"))
    return faults


def _no_such_column(key: str, name: str, where: str, columns: Iterable[str]) -> Fault:
    listed = list(columns)
    problem = f"got '{name}'; expected a column of {where}"
    return Fault(key, problem, f"It has {', '.join(listed)}{did_you_mean(name, listed)}")


def _typed(data: CsvData, table: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as float64. Raises UserError where a column is nearly one."""
    columns, faults = {}, []
    for name, column in table.items():
        numbers = _as_numbers(column)
        is_text = column.notna() & numbers.isna()
        if name in data.categorical or (is_text.any() and not _is_nearly_numeric(column, is_text)):
            columns[name] = column.astype(object).where(column.notna(), np.nan)
        else:
            columns[name] = numbers
            faults += [_not_a_number(column, np.asarray(is_text))] if is_text.any() else []
    if faults:
        raise UserError(faults)
    return pd.DataFrame(columns, index=table.index)


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    text = column.astype(object).where(column.notna(), "")
    plain = text.where(~text.str.fullmatch(THOUSANDS), text.str.replace(",", ""))
    numbers = pd.to_numeric(plain.replace("", np.nan), errors="coerce").astype(np.float64)
    return numbers.where(np.isfinite(numbers))


def _is_nearly_numeric(column: "pd.Series[Any]", is_text: "pd.Series[bool]") -> bool:
    return bool(is_text.sum() <= (1 - NEARLY_ALL) * column.notna().sum())


def _not_a_number(column: "pd.Series[Any]", is_text: NDArray[np.bool_]) -> Fault:
    got = f"got '{column[is_text].iloc[0]}' among numbers ({_rows(is_text)})"
    advice = "Add it to data.missing if it means that, or name the column in data.categorical"
    return Fault(f"data, column '{column.name}'", f"{got}; expected numbers", advice)


def _rows(bad: NDArray[np.bool_]) -> str:
    """The first few row numbers, counted from 1 below the header."""
    rows = np.flatnonzero(bad) + 1
    listed = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    return f"row{'s' * (len(rows) > 1)} {listed}"
