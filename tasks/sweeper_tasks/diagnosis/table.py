"""`data=diagnosis/csv`: any table with a patient a row and a column that says the diagnosis.

A column of numbers is a number, unless `data.categorical` or `data.types` says otherwise; any other text is a
category. Missing is what is empty or listed in `data.missing`, and among numbers the usual words for it.
Quotes around a value, once or twice, say nothing, nor do the commas of "1,234".
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Fault, SplitFiles, UserError, placed, shared_groups
from sweeper_tasks.diagnosis.cohort import Cohort
from sweeper_tasks.diagnosis.data_config import CsvData
from sweeper_tasks.diagnosis.table_faults import (
    NOT_A_NUMBER,
    Names,
    faults_of_columns,
    faults_of_empty_labels,
    faults_of_label_words,
    faults_of_pair,
    faults_of_spelling,
    faults_of_unfit,
    no_such_column,
    not_a_number,
)
from sweeper_tasks.row_copies import frame_digests
from sweeper_tasks.tables.inference import Column, understood
from sweeper_tasks.tables.labels import as_classes
from sweeper_tasks.tables.leaks import decides, fault_of_leak
from sweeper_tasks.tables.places import fault_of_place
from sweeper_tasks.tables.reading import Table, read_table
from sweeper_tasks.tables.roles import chosen

VERSION = "2"
"""Part of the digest; goes up with every change of how a table is prepared."""
SINGLE = ("label", "split", "group")
"""Keys that name one column each."""
_WHERE_TO_GET = {
    "diagnosis/csv": "It is a table with a header and one patient a row: CSV, Parquet or JSON, packed or not",
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
    if missing := [fault for path in files.values() if (fault := _missing(data, path))]:
        raise UserError(missing)
    return files


def _is_placed(files: SplitFiles) -> bool:
    """Whether each name says where its file lies, so that no folder is needed."""
    return all(placed(None, name).is_absolute() for name in files.given.values())


def _missing(data: CsvData, path: Path) -> Fault | None:
    of_folder = "Name the file in it, or several of them with data.files"
    return fault_of_place(path, "data.path", _WHERE_TO_GET[data.name], of_folder)


def read(data: CsvData, files: Mapping[str, Path]) -> Cohort:
    """The table, checked and split. Raises UserError with all that is wrong with it."""
    data, tables, faults = _read_all(data, files)
    if faults:
        raise UserError(faults)
    frames = [table.frame for table in tables.values()]
    table = pd.concat(frames, ignore_index=True)
    written = table.pop(data.label)
    origin = np.repeat(list(tables), [len(frame) for frame in frames])
    groups, column = (table.get(name) for name in (data.group, data.split))
    table = table.drop(columns=[name for name in {data.group, data.split} if name is not None])
    separator = next(iter(tables.values())).separator
    columns = {str(name): _understood(data, table[name], separator) for name in table}
    names = np.array([files[role].name for role in origin])
    of_labels = [*faults_of_empty_labels(data, written, names), *faults_of_label_words(data, written)]
    labels = as_classes(written.dropna())
    if wrong := [*of_labels, *faults_of_spelling(data, labels), *_mistakes(table, columns, names)]:
        raise UserError(wrong)
    where = ", ".join(path.name for path in files.values())
    once = ~_are_repeated(table, written, groups)
    if leaks := [name for name in columns if decides(table[name][once], labels[once])]:
        raise UserError([fault_of_leak(where, name, data.label) for name in leaks])
    findings = pd.DataFrame({name: _finding(column) for name, column in columns.items()}, index=table.index)
    split = data.splits.assign(origin, labels, groups, column)
    notes = [note for part in tables.values() for note in part.notes]
    known = {
        "reading": list(
            dict.fromkeys([*notes, *(note for column in columns.values() for note in column.notes)])
        ),
        "doubts": [doubt for column in columns.values() for doubt in column.doubts],
    }
    return Cohort(
        findings,
        labels,
        split,
        real=True,
        min_count=data.min_count,
        known=known,
        label=data.label,
        same=data.splits.way_out() if data.files or data.split else "",
        shared_groups={} if groups is None else shared_groups(split, groups),
    )


def _read_all(data: CsvData, files: Mapping[str, Path]) -> tuple[CsvData, dict[str, Table], list[Fault]]:
    """The tables by role without dropped columns; `data` then names columns, not patterns."""
    tables: dict[str, Table] = {}
    faults: list[Fault] = []
    for role, path in files.items():
        try:
            tables[role] = read_table(path, data, {*_named(data), *data.drop, *data.categorical, *data.types})
        except UserError as error:
            faults += error.faults
    if len(tables) < len(files):  # of an unreadable file nobody knows the columns
        return data, tables, faults
    names = list(dict.fromkeys(str(name) for table in tables.values() for name in table.frame))
    singles = {f"data.{key}": (name,) for key in SINGLE if (name := getattr(data, key)) is not None}
    roles = singles | {"data.drop": data.drop, "data.categorical": data.categorical}
    found, wrong = chosen(roles, names, ", ".join(path.name for path in files.values()))
    keys = {key.removeprefix("data."): entries for key, entries in found.items() if key not in singles}
    data = data.model_copy(update=keys)
    faults += [
        *wrong,
        *(no_such_column("data.drop", name, "the table", names) for name in data.drop if name not in names),
    ]
    for role, table in tables.items():
        kept = replace(table, frame=table.frame.drop(columns=_dropped(data), errors="ignore"))
        tables[role] = kept
        faults += [
            *faults_of_columns(data, kept.frame, files[role].name),
            *faults_of_unfit(data, kept, files[role].name),
        ]
    return data, tables, faults or faults_of_pair(*(table.frame for table in tables.values()))


def _are_repeated(
    table: pd.DataFrame, labels: "pd.Series[Any]", groups: "pd.Series[Any] | None"
) -> NDArray[np.bool_]:
    """[n] whether a row is a copy of an earlier one, or of the same group: it says nothing new."""
    if groups is not None:
        return np.asarray(groups.duplicated() & groups.notna())
    digests = pd.Series(frame_digests([*(table[name] for name in table), labels]))
    return np.asarray(digests.duplicated())


def _named(data: CsvData) -> list[str]:
    """The columns that have a role of their own."""
    return [name for key in SINGLE if (name := getattr(data, key)) is not None]


def _dropped(data: CsvData) -> list[str]:
    """The columns that are left out at once: one that is dropped may still say groups or splits."""
    return [name for name in data.drop if name not in (data.group, data.split)]


def _understood(data: CsvData, column: "pd.Series[Any]", separator: str) -> Column:
    name = str(column.name)
    declared = "category" if name in data.categorical else data.types.get(name)
    return understood(column, declared, data.decimal, separator)


def _mistakes(table: pd.DataFrame, columns: Mapping[str, Column], files: Names) -> list[Fault]:
    """A fault for each column that is nearly one of numbers."""
    return [
        not_a_number(table[name], wrong.bad, files, wrong.expected, wrong.advice or NOT_A_NUMBER)
        for name, column in columns.items()
        if (wrong := column.mistake) is not None
    ]


def _finding(column: Column) -> "pd.Series[Any]":
    """float64 of numbers, else an object column of categories; NaN where missing."""
    if column.kind == "number" and column.numbers is not None:
        return column.numbers
    return column.text.astype(object).where(column.text.notna(), np.nan)
