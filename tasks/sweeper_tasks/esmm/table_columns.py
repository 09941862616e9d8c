"""From files to columns with a role each: what `tables.py` splits, encodes and writes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.task import Fault, UserError, did_you_mean, plural
from sweeper_tasks.esmm.data_config import CsvData
from sweeper_tasks.esmm.table_faults import fault_of_values, faults_of_roles, faults_of_table
from sweeper_tasks.tables.inference import Column, understood
from sweeper_tasks.tables.labels import as_binary
from sweeper_tasks.tables.reading import Table, read_table
from sweeper_tasks.tables.roles import AUTO, chosen
from sweeper_tasks.tables.sheet import TIME

ROLES = ("sparse", "dense", "drop")
N_SHOWN = 6
NOT_NUMBERS = (
    "Write bare numbers, or name in data.missing what stands for a missing one; a column of categories "
    "belongs in data.sparse"
)


@dataclass(frozen=True)
class Loaded:
    """The tables by role of their file, checked and typed: labels and dense columns float64, sparse text.

    `data` names every column, without patterns; `notes` and `doubts` tell what was decided of them.
    """

    data: CsvData
    frames: dict[str, pd.DataFrame]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]


def load(data: CsvData, files: Mapping[str, Path]) -> Loaded:
    """All files, read and typed. Raises UserError with all that is wrong with any of them."""
    tables, faults = _read_all(data, files)
    if faults and len(tables) < len(files):
        raise UserError([*faults_of_roles(data), *faults])
    names = list(dict.fromkeys(name for table in tables.values() for name in map(str, table.frame)))
    data, notes, wrong = _with_roles(data, tables, names, ", ".join(path.name for path in files.values()))
    faults += [*wrong, *faults_of_roles(data), *_faults_of_types(data, names)]
    frames: dict[str, pd.DataFrame] = {}
    for role, table in tables.items():
        kept = table.frame.drop(columns=[name for name in data.drop if name != data.group], errors="ignore")
        faults += _faults_of_unfit(table, files[role].name, data)
        faults += faults_of_table(kept, files[role].name, data)
        frames[role] = kept
    columns = _understood(data, frames, tables)
    faults += [fault for name, column in columns.items() for fault in _faults_of(name, column, frames, files)]
    if faults:
        raise UserError(list(dict.fromkeys(faults)))
    told = [note for table in tables.values() for note in table.notes]
    told += notes + [note for column in columns.values() for note in column.notes]
    doubts = [doubt for column in columns.values() for doubt in column.doubts]
    return Loaded(data, _typed(data, frames, columns), tuple(dict.fromkeys(told)), tuple(doubts))


def _read_all(data: CsvData, files: Mapping[str, Path]) -> tuple[dict[str, Table], list[Fault]]:
    tables: dict[str, Table] = {}
    faults: list[Fault] = []
    named = {data.click, data.conversion, data.split, data.group, *data.sparse, *data.dense, *data.drop} - {
        None
    }
    for role, path in files.items():
        try:
            tables[role] = read_table(path, data, {str(name) for name in named})
        except UserError as error:
            faults += error.faults
    return tables, faults


def _with_roles(
    data: CsvData, tables: Mapping[str, Table], names: Sequence[str], where: str
) -> tuple[CsvData, list[str], list[Fault]]:
    """The configuration with names in place of patterns and `auto`, and what these came to."""
    singles = {
        f"data.{key}": (name,)
        for key in ("click", "conversion", "split", "group")
        if (name := getattr(data, key))
    }
    wanted = singles | {f"data.{key}": getattr(data, key) for key in ROLES}
    found, faults = chosen(wanted, names, where)
    is_auto = {key: AUTO in getattr(data, key) and AUTO not in names for key in ROLES}
    roles = {
        key: [name for name in found[f"data.{key}"] if not (is_auto[key] and name == AUTO)] for key in ROLES
    }
    if is_auto["drop"]:
        faults.append(Fault("data.drop", "got 'auto'; expected names, patterns or 'rest'"))
    taken = {name for entries in found.values() for name in entries}
    if any(is_auto.values()):
        for name in (name for name in names if name not in taken):
            key = _guess(data, name, tables)
            roles[key] += [name] if is_auto[key] or is_auto["sparse"] else []
    notes = [
        f"data.{key}: {plural(len(roles[key]), 'column')} ({_shown(roles[key])})"
        for key in ("sparse", "dense", "drop")
        if tuple(roles[key]) != getattr(data, key) and (roles[key] or is_auto[key])
    ]
    return data.model_copy(update={key: tuple(entries) for key, entries in roles.items()}), notes, faults


def _faults_of_types(data: CsvData, names: Sequence[str]) -> Iterator[Fault]:
    """A fault for each declared type of no column, or of one whose role says something else."""
    for name, declared in data.types.items():
        if name not in names:
            problem = f"got '{name}'; expected a column of the table"
            yield Fault("data.types", problem, f"It has {_shown(names)}{did_you_mean(name, names)}")
        elif name in data.dense and declared == "category":
            yield Fault(
                "data.types", f"got {name}: {declared}, a column of data.dense; expected one of data.sparse"
            )
        elif name in data.sparse and declared == "number":
            yield Fault(
                "data.types", f"got {name}: {declared}, a column of data.sparse; expected one of data.dense"
            )


def _guess(data: CsvData, name: str, tables: Mapping[str, Table]) -> str:
    """Dense for numbers of which some are not whole, else sparse: whole numbers are mostly ids or codes."""
    if (declared := data.types.get(name)) is not None:
        return "dense" if declared == "number" else "sparse"
    column = pd.concat([table.frame[name] for table in tables.values() if name in table.frame])
    separator = next(iter(tables.values())).separator
    found = understood(column.reset_index(drop=True), None, data.decimal, separator)
    if found.kind != "number" or found.numbers is None:
        return "sparse"
    numbers = found.numbers.dropna()
    return "sparse" if found.mistake is None and bool((numbers % 1 == 0).all()) else "dense"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:N_SHOWN]) + (f" and {len(names) - N_SHOWN} more" if len(names) > N_SHOWN else "")


def _understood(
    data: CsvData, frames: Mapping[str, pd.DataFrame], tables: Mapping[str, Table]
) -> dict[str, Column]:
    """Each feature over all files, so that a value means the same in each of them."""
    separator = next((table.separator for table in tables.values()), ",")
    columns: dict[str, Column] = {}
    for name in (*data.sparse, *data.dense):
        if all(name in frame for frame in frames.values()):
            whole = pd.concat([frame[name] for frame in frames.values()], ignore_index=True)
            declared = "number" if name in data.dense else data.types.get(name, "category")
            columns[name] = understood(whole, declared, data.decimal, separator)
    return columns


def _faults_of(
    name: str, column: Column, frames: Mapping[str, pd.DataFrame], files: Mapping[str, Path]
) -> list[Fault]:
    """A fault for each file that has values which the column cannot hold."""
    if column.mistake is None:
        return []
    bounds = np.cumsum([0, *(len(frame) for frame in frames.values())])
    parts = zip(frames.items(), bounds[:-1], bounds[1:], strict=True)
    return [
        fault_of_values(
            frame[name], part, files[role].name, column.mistake.expected, column.mistake.advice or NOT_NUMBERS
        )
        for (role, frame), start, end in parts
        if (part := column.mistake.bad[start:end]).any()
    ]


def _faults_of_unfit(table: Table, file: str, data: CsvData) -> list[Fault]:
    used = {data.click, data.conversion, data.split, data.group, *data.sparse, *data.dense}
    as_text = {data.group, *(name for name, kind in data.types.items() if kind == "category")} - {data.split}
    advice = "Name it in data.drop, or turn it into numbers or categories first"
    return [
        Fault(f"{file}, column '{name}'", f"got {kind}; expected numbers, text or truth values", advice)
        for name, kind in table.unfit.items()
        if name in used and not (name in as_text and kind == TIME)
    ]


def _typed(
    data: CsvData, frames: Mapping[str, pd.DataFrame], columns: Mapping[str, Column]
) -> dict[str, pd.DataFrame]:
    start, typed = 0, {}
    for role, frame in frames.items():
        rows = slice(start, start + len(frame))
        made: dict[str, Any] = {str(name): frame[name] for name in frame if name not in columns}
        for name in (data.click, data.conversion):
            made[name] = as_binary(frame[name])
        for name, column in columns.items():
            chosen_column = column.numbers if name in data.dense else column.text
            assert chosen_column is not None
            made[name] = chosen_column.iloc[rows].reset_index(drop=True)
        typed[role] = pd.DataFrame(made)
        start += len(frame)
    return typed
