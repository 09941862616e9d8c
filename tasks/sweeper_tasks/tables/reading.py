"""`read_table`: a path becomes columns of text, with what is missing left empty and what was decided told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweeper.task import Fault, UserError
from sweeper_tasks.tables.formats import sheet_of
from sweeper_tasks.tables.headers import fault_of_title, names_of
from sweeper_tasks.tables.keys import TableKeys, TextKeys
from sweeper_tasks.tables.numbers import as_numbers
from sweeper_tasks.tables.sheet import PANDAS_INDEX, Sheet
from sweeper_tasks.tables.text_sheet import sheet_of_text
from sweeper_tasks.tables.unpacking import unpacked

VERSION = "tables 2"
"""Part of every table's digest; goes up with every change of what is read from the same bytes."""
_BY_YAML = frozenset(("null", "true", "false", "nan", "inf", "-inf"))
"""Words whose spelling YAML takes away."""


@dataclass(frozen=True)
class Table:
    """Columns of text (dtype str) by name, NaN where missing.

    `unfit` are columns that hold neither numbers nor text, with what they hold; `notes` say what was decided;
    `separator` is what stands between the columns, a comma where the file has none.
    """

    frame: pd.DataFrame
    unfit: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    separator: str = ","


def read_table(path: Path, keys: TableKeys, named: Collection[str] = ()) -> Table:
    """The columns of any file that is a table; `named` are those that the user has given a role.

    Raises UserError with what is wrong, and nothing else, whatever the bytes are.
    """
    sheet = read_sheet(path, keys)
    if faults := _faults_of_names(sheet, path.name):
        raise UserError(faults)
    columns = [_plain(column) for column in sheet.columns]
    notes, left = list(sheet.notes), {}
    for i, (name, column) in enumerate(zip(sheet.names, columns, strict=True)):
        why = _why_not(i, name, column)
        if why and name not in named:
            notes.append(f"column '{name}' is left out: {why}")
        else:
            left[name] = column
    frame = pd.DataFrame({name: _text(column) for name, column in left.items()})
    frame.columns = pd.Index(list(left), dtype=object)
    unfit = {sheet.names[i]: kind for i, kind in sheet.unfit.items() if sheet.names[i] in left}
    return Table(_without(frame, keys.missing), unfit, tuple(notes), sheet.separator)


def read_sheet(path: Path, keys: TextKeys) -> Sheet:
    """Names and cells as they are written, whatever the file is. Raises UserError."""
    sheet = _as_written(path, keys)
    if keys.header is None and (fault := fault_of_title(sheet.names, sheet.columns, path.name)):
        raise UserError(fault)
    return sheet


def _as_written(path: Path, keys: TextKeys) -> Sheet:
    with unpacked(path, keys.table) as source:
        if source.kind == "text":
            return sheet_of_text(source, keys)
        if keys.header is False:
            problem = "got data.header=false for a file that names its columns; expected it for text only"
            raise UserError(Fault(source.where, problem, "Leave it out"))
        sheet = sheet_of(source, keys.table)
        return replace(sheet, names=tuple(names_of(sheet.names)))


def _faults_of_names(sheet: Sheet, where: str) -> list[Fault]:
    doubles = sorted({name for name in sheet.names if sheet.names.count(name) > 1})
    return [
        Fault(where, f"got column '{name}' more than once; expected each once", "Rename or remove one")
        for name in doubles
    ]


def _plain(column: Any) -> Any:
    """Text without blanks and quotation marks around it, null where nothing is left.

    ="012" is how Excel is told not to take the zero away; the sign of a negative number may be a real minus.
    """
    text = pc.utf8_trim_whitespace(column)
    text = pc.replace_substring_regex(text, r'^="([^"]*)"$', r"\1")
    text = pc.replace_substring_regex(text, "^\u2212([0-9.,])", r"-\1")
    for _ in range(2):
        if not _any(pc.or_(pc.starts_with(text, '"'), pc.starts_with(text, "'"))):
            break
        text = pc.replace_substring_regex(text, r'^"+([^"]*)"+$', r"\1")
        text = pc.replace_substring_regex(text, r"^'([^']*)'$", r"\1")
        text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _any(found: Any) -> bool:
    return bool(pc.any(found).as_py())


def _text(column: Any) -> "pd.Series[Any]":
    """Accents are one sign with their letter: a Mac writes two, which look the same."""
    text = pd.Series(column.to_pandas(), dtype="str").reset_index(drop=True)
    is_plain = pc.all(pc.string_is_ascii(column)).as_py()
    return text if is_plain in (True, None) else text.str.normalize("NFC")


def _why_not(i: int, name: str, column: Any) -> str:
    """Why a column that only numbers the rows is no feature; nothing where it is one."""
    if name == PANDAS_INDEX:
        return "it is the index of the table in pandas"
    if i == 0 and name == "Unnamed: 0" and len(column):
        numbers = as_numbers(_text(column)).to_numpy()
        if np.array_equal(np.diff(numbers), np.ones(len(numbers) - 1)) and numbers[0] in (0, 1):
            return "it has no name and numbers the rows"
    return ""


def _without(frame: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """NaN for the words that are declared missing; numbers are compared by value."""
    if not words or frame.empty:
        return frame
    exact, spelt = set(words), {word for word in words if word in _BY_YAML}
    values = as_numbers(pd.Series(list(words), dtype="str")).dropna().unique()
    made = {}
    for name in frame:
        column = frame[name]
        gone = column.isin(exact)
        if spelt:
            gone |= column.str.lower().isin(spelt)
        if len(values):
            gone |= as_numbers(column).isin(values)
        made[name] = column.mask(gone)
    return pd.DataFrame(made, columns=frame.columns)
