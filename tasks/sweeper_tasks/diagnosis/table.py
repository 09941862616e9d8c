"""`data=diagnosis/csv`: any table with a patient a row and a column that says the diagnosis.

A column of numbers is a number, unless it is named in `data.categorical`; any other text is a category.
Missing is what `data.missing` lists. Quotes around a value, once or twice, say nothing, nor do the commas of
"1,234".
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Fault, SplitFiles, UserError, placed, shared_groups
from sweeper_tasks.diagnosis.cohort import Cohort
from sweeper_tasks.diagnosis.data_config import CsvData
from sweeper_tasks.diagnosis.table_faults import (
    WITH_COMMAS,
    Names,
    faults_of_columns,
    faults_of_pair,
    faults_of_spelling,
    no_such_column,
    not_a_number,
    unreadable,
)
from sweeper_tasks.separators import fault_of_separator

VERSION = "1"
"""Part of the digest; goes up with every change of how a table is prepared."""
QUOTES = "\"'"
THOUSANDS = r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"
DECIMAL_COMMA = r"[+-]?\d*,\d+"
NEARLY_ALL = 0.9
"""Of a column's values; where so many are numbers, the others are mistakes rather than categories."""
_WHERE_TO_GET = {
    "diagnosis/csv": "It is a .csv or .csv.gz file with a header and one patient a row",
    "diagnosis/thyroid": "It is the folder with thyroid_ann_train.csv and thyroid_ann_test.csv, made of the "
    "files ann-train.data and ann-test.data of data set 102 of the UCI Machine Learning Repository",
}


def locate(data: CsvData) -> dict[str, Path]:
    """The files by role: one "table", or "train" and "test". Raises UserError where one is missing."""
    if data.path is None and (data.files is None or not _is_placed(data.files)):
        what = "file" if data.files is None else "folder"
        problem = f"got null; expected a {what}"
        raise UserError(Fault("data.path", problem, f"Set data.path=<{what}>. {_WHERE_TO_GET[data.name]}"))
    names = {"table": ""} if data.files is None else data.files.given
    files = {role: placed(data.path, name) for role, name in names.items()}
    if missing := [_missing(data, path) for path in files.values() if not path.is_file()]:
        raise UserError(missing)
    return files


def _is_placed(files: SplitFiles) -> bool:
    """Whether each name says where its file lies, so that no folder is needed."""
    return all(placed(None, name).is_absolute() for name in files.given.values())


def _missing(data: CsvData, path: Path) -> Fault:
    got = (
        f"got {path}, a folder; expected a file"
        if path.is_dir()
        else f"got {path}; expected a file. There is none"
    )
    return Fault("data.path", got, _WHERE_TO_GET[data.name])


def read(data: CsvData, files: Mapping[str, Path]) -> Cohort:
    """The table, checked and split. Raises UserError with all that is wrong with it."""
    tables, faults = _read_all(data, files)
    if faults:
        raise UserError(faults)
    table = pd.concat(tables.values(), ignore_index=True)
    labels = table.pop(data.label).to_numpy(dtype=str)
    origin = np.repeat(list(tables), [len(part) for part in tables.values()])
    groups, column = (table.get(name) for name in (data.group, data.split))
    table = table.drop(columns=[name for name in {data.group, data.split} if name is not None])
    findings, wrong = _typed(data, table, np.array([files[role].name for role in origin]))
    if wrong := [*faults_of_spelling(data, labels), *wrong]:
        raise UserError(wrong)
    split = data.splits.assign(origin, labels, groups, column)
    return Cohort(
        findings,
        labels,
        split,
        real=True,
        min_count=data.min_count,
        label=data.label,
        same=data.splits.way_out() if data.files or data.split else "",
        shared_groups={} if groups is None else shared_groups(split, groups),
    )


def _read_all(data: CsvData, files: Mapping[str, Path]) -> tuple[dict[str, pd.DataFrame], list[Fault]]:
    tables: dict[str, pd.DataFrame] = {}
    faults: list[Fault] = []
    seen: dict[str, None] = {}
    for role, path in files.items():
        table = _table_or_fault(data, path)
        if isinstance(table, Fault):
            faults.append(table)
            continue
        seen |= dict.fromkeys(map(str, table))
        dropped = [name for name in data.drop if name not in (data.group, data.split)]
        tables[role] = table.drop(columns=dropped, errors="ignore")
        faults += faults_of_columns(data, tables[role], path.name)
    if len(tables) == len(files):  # of an unreadable file nobody knows the columns
        unseen = [name for name in data.drop if name not in seen]
        faults += [no_such_column("data.drop", name, "the table", seen) for name in unseen]
    return tables, faults or faults_of_pair(*tables.values())


def _table_or_fault(data: CsvData, path: Path) -> pd.DataFrame | Fault:
    """All columns as text without quotes around it, NaN where `data.missing` lists it."""
    try:
        header = _rows_of(path, 1)
        names = [str(name) or f"Unnamed: {i}" for i, name in enumerate(header.iloc[0])]
        if fault := fault_of_separator(names, path.name, WITH_COMMAS):
            return fault
        table = _rows_of(path)[1:].reset_index(drop=True)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        return unreadable(path.name, error)
    table.columns = pd.Index(names)
    return table.mask(table.isin(["", *data.missing]))


def _rows_of(path: Path, n: int | None = None) -> pd.DataFrame:
    """The first `n` rows, or all, the header one of them, as text without quotes around it."""
    text = pd.read_csv(
        path,
        header=None,
        nrows=n,
        dtype="str",
        keep_default_na=False,
        skipinitialspace=True,
        encoding="utf-8-sig",
    )
    plain: pd.DataFrame = text.apply(lambda column: column.str.strip().str.strip(QUOTES).str.strip())
    return plain


def _typed(data: CsvData, table: pd.DataFrame, files: Names) -> tuple[pd.DataFrame, list[Fault]]:
    """Columns of numbers as float64, and a fault for each that is nearly one."""
    columns, faults = {}, []
    for name, column in table.items():
        numbers = _as_numbers(column)
        is_text = np.asarray(column.notna() & numbers.isna())
        meant = "" if name in data.categorical or not is_text.any() else _meant(column, is_text)
        if meant:
            faults.append(not_a_number(column, is_text, files, meant))
        is_number = not is_text.any() and name not in data.categorical
        columns[name] = numbers if is_number else column.astype(object).where(column.notna(), np.nan)
    return pd.DataFrame(columns, index=table.index), faults


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    text = column.astype(object).where(column.notna(), "")
    plain = text.where(~text.str.fullmatch(THOUSANDS), text.str.replace(",", ""))
    numbers = pd.to_numeric(plain.replace("", np.nan), errors="coerce").astype(np.float64)
    return numbers.where(np.isfinite(numbers))


def _meant(column: "pd.Series[Any]", is_text: NDArray[np.bool_]) -> str:
    """What is expected in place of the texts of a column that is nearly one of numbers, else nothing."""
    if column[is_text].str.fullmatch(DECIMAL_COMMA).all():
        return "numbers with a decimal point"
    return "numbers" if is_text.sum() <= (1 - NEARLY_ALL) * column.notna().sum() else ""
