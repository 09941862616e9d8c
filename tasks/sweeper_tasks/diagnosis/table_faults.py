"""All that can be wrong with a table of patients, each in one line, all found before training."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Fault, did_you_mean, typed_list, typed_mapping
from sweeper_tasks.diagnosis.data_config import CsvData
from sweeper_tasks.tables.inference import listed
from sweeper_tasks.tables.labels import truths_of
from sweeper_tasks.tables.numbers import is_no_value
from sweeper_tasks.tables.reading import Table
from sweeper_tasks.tables.sheet import TIME

Names = NDArray[Any]
"""[n] the file that each row is from."""


def faults_of_columns(data: CsvData, table: pd.DataFrame, file: str) -> list[Fault]:
    """Columns that are named but not there; no rows."""
    faults: list[Fault] = []
    keyed = [(f"data.{key}", getattr(data, key)) for key in ("label", "split", "group")]
    named = [
        *(pair for pair in keyed if pair[1] is not None),
        *(("data.categorical", name) for name in data.categorical),
        *(("data.types", name) for name in data.types),
    ]
    faults += [no_such_column(key, name, file, map(str, table)) for key, name in named if name not in table]
    if len(table) == 0:
        faults.append(Fault(file, "got no rows; expected at least one below the header"))
    return faults


def faults_of_empty_labels(data: CsvData, labels: "pd.Series[Any]", files: Names) -> Iterator[Fault]:
    """A fault for each file with rows without a diagnosis."""
    is_empty = np.asarray(labels.isna())
    for file in dict.fromkeys(files[is_empty]):
        problem = f"got nothing in {_rows(is_empty[files == file])}; expected a diagnosis in every row"
        yield Fault(f"{file}, column '{data.label}'", problem, "Complete these rows or remove them")


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
    """A fault for each diagnosis that is written in several ways: 1 and 1.0, ill and Ill, 1 and yes."""
    written: dict[str, list[str]] = {}
    names, counts = np.unique(labels, return_counts=True)
    truths = truths_of(list(map(str, names)))
    for name, n in zip(map(str, names), counts, strict=True):
        alike = str(truths[name]) if truths else _alike(name)
        written.setdefault(alike, []).append(f"'{name}' ({n} rows)")
    for forms in written.values():
        if len(forms) > 1:
            problem = f"got {' and '.join(forms)}; expected each diagnosis in one spelling"
            yield Fault(
                f"data.label, column '{data.label}'", problem, "Write them alike, or quite differently"
            )


def not_a_number(
    column: "pd.Series[Any]", bad: NDArray[np.bool_], files: Names, why: str, advice: str
) -> Fault:
    """The fault of a text among numbers, told by its place in the first file that has one."""
    file = files[bad][0]
    got = f"got '{column[bad].iloc[0]}' among numbers ({_rows(bad[files == file])})"
    return Fault(f"{file}, column '{column.name}'", f"{got}; expected {why}", advice)


NOT_A_NUMBER = "Add it to data.missing if it means that, or name the column in data.categorical"


def faults_of_unfit(data: CsvData, table: Table, file: str) -> list[Fault]:
    """A fault for each column that holds neither numbers nor text; times may be declared categories."""
    meant = {
        *data.categorical,
        *(name for name, kind in data.types.items() if kind == "category"),
        data.label,
        data.group,
    }
    advice = "Name it in data.drop, or turn it into numbers or categories first"
    return [
        Fault(f"{file}, column '{name}'", f"got {kind}; expected numbers, text or truth values", advice)
        for name, kind in table.unfit.items()
        if name in table.frame and not (kind == TIME and name in meant)
    ]


def faults_of_label_words(data: CsvData, labels: "pd.Series[Any]") -> Iterator[Fault]:
    """A fault where a word such as NA may be a diagnosis, or say that there is none."""
    is_word = is_no_value(labels)
    if not is_word.any() or data.types.get(data.label) == "category":
        return
    words = sorted(set(labels[is_word]))
    problem = f"got {listed(labels[is_word])}; expected a diagnosis in every row"
    advice = (
        f"If they mean that nothing is known: {typed_list('data.missing', words)}, and remove these rows; "
        f"if they are diagnoses: {typed_mapping('data.types', {data.label: 'category'})}"
    )
    yield Fault(f"data.label, column '{data.label}'", problem, advice)


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
