"""All that can be wrong with a table of impressions, each in one line, all found before training."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.task import SPLIT_WORDS, Fault, did_you_mean, plural
from sweeper_tasks.esmm.columns import Array, faults_of_positives
from sweeper_tasks.esmm.data_config import CsvData
from sweeper_tasks.tables.labels import BINARY, as_binary
from sweeper_tasks.tables.leaks import fault_of_leak, tells

ALL_OTHERS = "data.sparse=auto takes all columns that have no other role"


def faults_of_roles(data: CsvData) -> list[Fault]:
    """What is wrong with the names of the columns, whatever the table."""
    roles = _roles(data)
    faults = [
        Fault(
            ", ".join(key for key, column in roles if column == name),
            f"got column '{name}' {times} times; expected each column in one role",
        )
        for name, times in Counter(name for _, name in roles).items()
        if times > 1
    ]
    if not (data.sparse or data.dense):
        faults.append(
            Fault("data.sparse, data.dense", "got no columns; expected at least one feature", ALL_OTHERS)
        )
    return faults


def faults_of_table(table: pd.DataFrame, file: str, data: CsvData) -> list[Fault]:
    """The faults of one file; a check that needs a column that is missing is left out."""
    faults = [*_faults_of_columns(table, file, data)]
    if len(table) == 0:
        return [*faults, Fault(file, "got no rows; expected at least one below the header")]
    labels = {
        name: np.asarray(as_binary(table[name])) for name in (data.click, data.conversion) if name in table
    }
    return [
        *faults,
        *(fault for name, values in labels.items() for fault in _faults_of_label(table[name], values, file)),
        *_faults_of_order(labels, file, data),
        *_faults_of_split_column(table, file, data),
        *_faults_of_leaks(table, labels, file, data),
    ]


def faults_of_splits(frames: Mapping[str, pd.DataFrame], data: CsvData) -> list[Fault]:
    """A fault for each split without clicks or conversions."""
    counts = {
        label: {split: int(_number(frame[column]).sum()) for split, frame in frames.items()}
        for label, column in (("click", data.click), ("conversion", data.conversion))
    }
    larger = "Use more data, or a larger data.val_rate or data.test_rate"
    return faults_of_positives(counts, larger if data.draws else "Split the data differently")


def _roles(data: CsvData) -> list[tuple[str, str]]:
    """(configuration key, column) of every column that is named."""
    singles = [("data.click", data.click), ("data.conversion", data.conversion)]
    if data.split is not None:
        singles.append(("data.split", data.split))
    lists = (("data.sparse", data.sparse), ("data.dense", data.dense), ("data.drop", data.drop))
    return singles + [(key, name) for key, names in lists for name in names]


def _faults_of_columns(table: pd.DataFrame, file: str, data: CsvData) -> Iterator[Fault]:
    roles = _roles(data)
    group = [] if data.group is None else [("data.group", data.group)]  # which may be a feature, too
    for key, name in roles + group:
        if key != "data.drop" and name not in table and (key == "data.group" or name not in data.drop):
            hint = did_you_mean(name, table.columns)
            yield Fault(key, f"got '{name}'; expected a column of {file}", _listed(table) + hint)
    if left := [name for name in table.columns if name not in {name for _, name in roles + group}]:
        shown = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        advice = (
            "Name each in data.sparse, data.dense or, to leave it out, in data.drop; patterns (feat_*) and "
            "'rest' take many"
        )
        n = plural(len(left), "column")
        yield Fault(file, f"got {n} without a role ({shown}); expected none", advice)


def _listed(table: pd.DataFrame) -> str:
    return f"It has {', '.join(str(name) for name in table.columns)}"


def _faults_of_label(column: "pd.Series[str]", values: Array, file: str) -> Iterator[Fault]:
    if (bad := ~np.isin(values, (0, 1))).any():
        yield fault_of_values(column, bad, file, f"{BINARY} in every row", "Is it the right column?")


def _faults_of_order(labels: Mapping[str, Array], file: str, data: CsvData) -> Iterator[Fault]:
    if len(labels) == 2 and (bad := (labels[data.conversion] == 1) & (labels[data.click] == 0)).any():
        n = int(bad.sum())
        yield Fault(
            file,
            f"got {n} conversion{'s' * (n != 1)} without a click (rows {_first(bad)}); expected none",
            f"Are data.click={data.click} and data.conversion={data.conversion} the right columns?",
        )


def _faults_of_split_column(table: pd.DataFrame, file: str, data: CsvData) -> Iterator[Fault]:
    if data.split not in table:
        return
    words = table[data.split].fillna("").str.strip().str.casefold()
    if (bad := ~np.asarray(words.isin(SPLIT_WORDS))).any():
        problem = f"got {_some(table[data.split], bad)}; expected train, val or test in every row"
        yield Fault(f"{file}, column '{data.split}'", problem)


def _faults_of_leaks(
    table: pd.DataFrame, labels: Mapping[str, Array], file: str, data: CsvData
) -> Iterator[Fault]:
    """Features that decide a label, more often than chance ever would: they were recorded after the fact."""
    for name in (name for name in (*data.sparse, *data.dense) if name in table):
        for label, values in labels.items():
            if not np.isnan(values).any() and tells(table[name], values == 1):
                yield fault_of_leak(file, name, label)


def fault_of_values(column: "pd.Series[Any]", bad: Array, file: str, expected: str, advice: str) -> Fault:
    """The fault of values that a column cannot hold, told by the first of them and their number."""
    return Fault(f"{file}, column '{column.name}'", f"got {_some(column, bad)}; expected {expected}", advice)


def _some(column: "pd.Series[str]", bad: Array) -> str:
    example: Any = column.iloc[int(np.argmax(bad))]
    shown = "nothing" if pd.isna(example) else f"'{example}'"
    n_bad = int(bad.sum())
    return f"{shown} in data row {_first(bad)} ({plural(n_bad, 'row')} in all)"


def _first(bad: Array) -> str:
    """The first few row numbers, counted from 1 below the header."""
    rows = np.flatnonzero(bad) + 1
    return ", ".join(str(row) for row in rows[:3]) + (", ..." if len(rows) > 3 else "")


def _number(column: "pd.Series[str]") -> Array:
    return np.asarray(column, dtype=np.float64)
