"""The sheet of a file of separated values: in whole blocks where it is regular, else row by row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, TextIO

import pyarrow as pa

from sweeper.task import Fault, UserError, plural
from sweeper_tasks.tables.decoding import encoding_of, fault_of_bytes, lines_of
from sweeper_tasks.tables.dialect import Row, Widths, name_of, rows_of
from sweeper_tasks.tables.headers import fault_of_header, is_empty, is_nameless, names_of
from sweeper_tasks.tables.keys import TextKeys
from sweeper_tasks.tables.kinds import HEAD_BYTES, Foreign
from sweeper_tasks.tables.quick import Body, quick_body
from sweeper_tasks.tables.sheet import Sheet
from sweeper_tasks.tables.unpacking import EXPECTED, Unpacked, unpacked

CHUNK = 1 << 16
"""Rows that are held as Python's lists at a time."""


def sheet_of_text(source: Unpacked, keys: TextKeys) -> Sheet:
    """Names and cells as they are written. Raises UserError with all that is wrong."""
    with decoded(source, keys) as text:
        body = quick_body(text, source.where, keys)
    if body is None:
        with unpacked(source.path, keys.table) as again, decoded(again, keys) as text:
            body = body_by_rows(text, source.where, keys)
    names, _ = _header(body.first, source.where, keys)
    if keys.header is None and (fault := fault_of_header(names, body.first[1], body.columns, source.where)):
        raise UserError(fault)
    kept = [i for i, name in enumerate(names) if not (is_nameless(name, i) and is_empty(body.columns[i]))]
    return Sheet(
        names=tuple(names[i] for i in kept),
        columns=tuple(body.columns[i] for i in kept),
        notes=tuple(_notes_of_rows(len(names) - len(kept), body, keys)),
        separator=body.separator,
    )


@contextmanager
def decoded(source: Unpacked, keys: TextKeys, advice: str = "") -> Iterator[TextIO]:
    """The text of a file. Raises UserError where it is none, and for bytes that are not of its encoding.

    `advice` for these bytes, where the user cannot name an encoding.
    """
    encoding = encoding_of(source.stream.peek(HEAD_BYTES)[:HEAD_BYTES], keys.encoding)
    if isinstance(encoding, Foreign):
        raise UserError(Fault(source.where, f"got {encoding.what}; {EXPECTED}", encoding.advice))
    try:
        with lines_of(source.stream, encoding) as text:
            yield text
    except UnicodeError as error:
        with unpacked(source.path, keys.table) as again:
            fault = fault_of_bytes(again.stream, encoding, source.where)
        general = Fault(source.where, f"got bytes that are not {encoding} ({error}); expected text")
        fault = fault or general
        raise UserError(replace(fault, advice=advice) if advice else fault) from None


def body_by_rows(text: TextIO, where: str, keys: TextKeys) -> Body:
    """All rows of a text, one after the other. Raises UserError with all that is wrong with any."""
    found = rows_of(text, where, keys.separator, keys.comment)
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
    faults = widths.faults(where, found.separator, first[1])
    if repeated:
        problem = (
            f"got the header again on {plural(len(repeated), 'line')} ({', '.join(map(str, repeated[:3]))})"
        )
        faults.append(Fault(where, f"{problem}; expected it once", "Were files joined? Remove these lines"))
    if faults:
        raise UserError(faults)
    columns = (pa.chunked_array([chunk[i] for chunk in chunks], pa.string()) for i in range(len(names)))
    return Body(first, found.separator, tuple(columns), widths.n_empty, found.n_comments[0])


def _header(first: Row, where: str, keys: TextKeys) -> tuple[list[str], list[Row]]:
    """The names, and the first row again where it is none of names."""
    line, cells = first
    if keys.header is not False:
        return names_of(cells), []
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


def _notes_of_rows(n_dropped: int, body: Body, keys: TextKeys) -> Iterator[str]:
    separator = body.separator
    if separator != "," and keys.separator is None:
        yield f"columns are separated by a {name_of(separator)}"
    if n_dropped:
        what = (
            "a column without name and values"
            if n_dropped == 1
            else f"{n_dropped} columns without name and values"
        )
        yield f"{what} is left out: a {name_of(separator)} stands behind every line"
    if body.n_empty:
        yield f"{plural(body.n_empty, 'row')} without any value left out"
    if body.n_comments:
        yield f"{plural(body.n_comments, 'line')} of comments left out (data.comment)"
