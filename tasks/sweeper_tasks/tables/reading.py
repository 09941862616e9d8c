"""`read_table`: a path becomes columns of text, with what is missing left empty and what was decided told."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweeper.task import Fault, UserError, plural
from sweeper_tasks.tables.decoding import encoding_of, fault_of_bytes, lines_of
from sweeper_tasks.tables.dialect import Row, Widths, name_of, rows_of
from sweeper_tasks.tables.formats import sheet_of
from sweeper_tasks.tables.headers import fault_of_header
from sweeper_tasks.tables.keys import TableKeys, TextKeys, in_one_form
from sweeper_tasks.tables.kinds import HEAD_BYTES, Foreign
from sweeper_tasks.tables.numbers import as_numbers
from sweeper_tasks.tables.sheet import PANDAS_INDEX, Sheet
from sweeper_tasks.tables.unpacking import Unpacked, unpacked

VERSION = "tables 1"
"""Part of every table's digest; goes up with every change of what is read from the same bytes."""
CHUNK = 1 << 16
"""Rows that are held as Python's lists at a time."""
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


def read_sheet(path: Path, keys: TextKeys, keep_odd: bool = False) -> Sheet:
    """Names and cells as they are written, whatever the file is. Raises UserError.

    With `keep_odd` single rows of another width than the header are no fault, but told in `odd_rows`.
    """
    with unpacked(path, keys.table) as source:
        if source.kind == "text":
            return _sheet_of_text(source, keys, keep_odd)
        if keys.header is False:
            problem = "got data.header=false for a file that names its columns; expected it for text only"
            raise UserError(Fault(source.where, problem, "Leave it out"))
        sheet = sheet_of(source, keys.table)
        return replace(sheet, names=tuple(_names(sheet.names)))


def _sheet_of_text(source: Unpacked, keys: TextKeys, keep_odd: bool) -> Sheet:
    head = source.stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    encoding = encoding_of(head, keys.encoding)
    if isinstance(encoding, Foreign):
        problem = f"got {encoding.what}; expected a table, such as CSV or Parquet"
        raise UserError(Fault(source.where, problem, encoding.advice))
    try:
        with lines_of(source.stream, encoding) as lines:
            return _sheet_of_lines(lines, source.where, keys, keep_odd)
    except UnicodeError as error:
        with unpacked(source.path, keys.table) as again:
            fault = fault_of_bytes(again.stream, encoding, source.where)
        general = Fault(source.where, f"got bytes that are not {encoding} ({error}); expected text")
        raise UserError(fault or general) from None


def _sheet_of_lines(lines: Iterator[str], where: str, keys: TextKeys, keep_odd: bool) -> Sheet:
    found = rows_of(lines, where, keys.separator, keys.comment)
    first = next(found.rows, None)
    if first is None:
        raise UserError(
            Fault(where, "got nothing but blank lines or comments; expected a table with a header")
        )
    names, more = _header(first, where, keys)
    widths = Widths(len(names), has_empty_end=not first[1][-1].strip())
    repeated: list[int] = []
    chunks: list[list[Any]] = []
    rows = _fitting(iter(more), found.rows, widths, first[1] if not more else None, repeated)
    while chunk := list(islice(rows, CHUNK)):
        chunks.append([pa.array(column, pa.string()) for column in zip(*chunk, strict=True)])
    faults = []
    if not keep_odd or widths.is_general():
        faults = widths.faults(where, found.separator, first[1])
    if repeated:
        problem = (
            f"got the header again on {plural(len(repeated), 'line')} ({', '.join(map(str, repeated[:3]))})"
        )
        faults.append(Fault(where, f"{problem}; expected it once", "Were files joined? Remove these lines"))
    if faults:
        raise UserError(faults)
    columns = [pa.chunked_array([chunk[i] for chunk in chunks], pa.string()) for i in range(len(names))]
    if keys.header is None and (fault := fault_of_header(names, first[1], columns, where)):
        raise UserError(fault)
    kept = [i for i in range(len(names)) if not (_is_nameless(names[i], i) and _is_empty(columns[i]))]
    notes = _notes_of_rows(len(names) - len(kept), widths, found.separator, found.n_comments[0], keys)
    return Sheet(
        names=tuple(names[i] for i in kept),
        columns=tuple(columns[i] for i in kept),
        notes=tuple(notes),
        separator=found.separator,
        odd_rows=tuple(widths.odd) if keep_odd else (),
    )


def _header(first: Row, where: str, keys: TextKeys) -> tuple[list[str], list[Row]]:
    """The names, and the first row again where it is none of names."""
    line, cells = first
    if keys.header is not False:
        return _names(cells), []
    if keys.columns is None:
        return [f"col{i}" for i in range(len(cells))], [first]
    trailing = len(cells) - len(keys.columns) == 1 and not cells[-1].strip()
    if len(keys.columns) != len(cells) and not trailing:
        problem = (
            f"got {len(keys.columns)} names; expected {len(cells)}, the values on line {line} of {where}"
        )
        raise UserError(Fault("data.columns", problem))
    return [*keys.columns, *([f"Unnamed: {len(cells) - 1}"] if trailing else [])], [first]


def _fitting(
    more: Iterator[Row],
    rows: Iterator[Row],
    widths: Widths,
    header: Sequence[str] | None,
    repeated: list[int],
) -> Iterator[list[str]]:
    for source in (more, rows):
        for line, cells in source:
            if cells == header and len(cells) > 1:
                repeated.append(line)
            elif widths.fits(line, cells):
                yield cells


def _names(cells: Sequence[str]) -> list[str]:
    bare = (cell.lstrip("\ufeff").strip().strip("\"'").strip() for cell in cells)
    return [in_one_form(name) or f"Unnamed: {i}" for i, name in enumerate(bare)]


def _is_nameless(name: str, i: int) -> bool:
    return name == f"Unnamed: {i}"


def _is_empty(column: Any) -> bool:
    return (
        len(column) > 0 and not pc.any(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)).as_py()
    )


def _notes_of_rows(
    n_dropped: int, widths: Widths, separator: str, n_comments: int, keys: TextKeys
) -> Iterator[str]:
    if separator != "," and keys.separator is None:
        yield f"columns are separated by a {name_of(separator)}"
    if n_dropped:
        what = (
            "a column without name and values"
            if n_dropped == 1
            else f"{n_dropped} columns without name and values"
        )
        yield f"{what} is left out: a {name_of(separator)} stands behind every line"
    if widths.n_empty:
        yield f"{plural(widths.n_empty, 'row')} without any value left out"
    if n_comments:
        yield f"{plural(n_comments, 'line')} of comments left out (data.comment)"


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
        text = pc.replace_substring_regex(text, r'^"+([^"]*)"+$', r"\1")
        text = pc.replace_substring_regex(text, r"^'([^']*)'$", r"\1")
        text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _text(column: Any) -> "pd.Series[Any]":
    return pd.Series(column.to_pandas(), dtype="str").reset_index(drop=True)


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
