"""Tables in a form of their own: Parquet, Arrow, Excel, OpenDocument, SQLite, JSON."""

import importlib.util
import io
import json
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sweeper.task import Fault, UserError, plural
from sweeper_tasks.tables.decoding import encoding_of
from sweeper_tasks.tables.kinds import HEAD_BYTES, Foreign
from sweeper_tasks.tables.sheet import Sheet, of_arrow, of_cells
from sweeper_tasks.tables.unpacking import Unpacked, only_one

_ENGINES = {
    "excel": ("openpyxl", "calamine"),
    "excel 97": ("xlrd", "calamine"),
    "ods": ("odf", "calamine"),
}
"""By kind, what pandas reads it with."""
_PACKAGES = {"odf": "odfpy", "calamine": "python_calamine"}
_PROGRAMS = {
    "excel": "a workbook of Excel",
    "excel 97": "a workbook of Excel 97 (or one with a password)",
    "ods": "an OpenDocument sheet",
}


def sheet_of(source: Unpacked, table: str | None) -> Sheet:
    """The table of a kind other than text; `table` is the one of several that is meant. Raises UserError."""
    readers: dict[str, Callable[[], Sheet]] = {
        "parquet": lambda: _parquet(source),
        "arrow": lambda: of_arrow(pa.ipc.open_file(_seekable(source)).read_all()),
        "feather": lambda: _feather(source),
        "sqlite": lambda: _sqlite(source, table),
        "json": lambda: _json(source),
    }
    if source.kind in _ENGINES:
        return _workbook(source, table)
    return readers[source.kind]()


def _seekable(source: Unpacked) -> Any:
    return source.stream if not source.packed_in else io.BytesIO(source.stream.read())


def _parquet(source: Unpacked) -> Sheet:
    import pyarrow.parquet as pq

    return of_arrow(pq.ParquetFile(_seekable(source)).read())


def _feather(source: Unpacked) -> Sheet:
    from pyarrow import feather

    return of_arrow(feather.read_table(_seekable(source)))


def _workbook(source: Unpacked, table: str | None) -> Sheet:
    import pandas as pd

    engines = [name for name in _ENGINES[source.kind] if _is_there(name)]
    if not engines:
        package = _PACKAGES.get(name := _ENGINES[source.kind][0], name)
        problem = f"got {_PROGRAMS[source.kind]}; expected a table that can be read here"
        raise UserError(Fault(source.where, problem, f"Save it as CSV, or: pip install {package}"))
    engine: Any = engines[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations that are left out
        found = pd.read_excel(_seekable(source), sheet_name=None, header=None, dtype=object, engine=engine)
    sheets = {str(name): frame for name, frame in found.items()}
    filled = [name for name, frame in sheets.items() if len(frame)] if table is None else list(sheets)
    frame = sheets[only_one(filled, source.where, table, "sheets", "a workbook without any cell")]
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    full = [row for row in rows if not _is_blank(row)]
    n_blank = len(rows) - len(full)
    notes = (f"{plural(n_blank, 'row')} without any value left out",) if n_blank else ()
    return replace(of_cells(full[0] if full else [], full[1:]), notes=notes)


def _is_blank(row: Sequence[Any]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in row)


def _is_there(engine: str) -> bool:
    return importlib.util.find_spec(_PACKAGES[engine] if engine == "calamine" else engine) is not None


def _sqlite(source: Unpacked, table: str | None) -> Sheet:
    if source.packed_in:
        raise UserError(
            Fault(source.where, "got a packed SQLite database; expected one that is not", "Unpack it")
        )
    with closing(sqlite3.connect(f"{source.path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        listed = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
        names = [str(name) for (name,) in base.execute(listed)]
        chosen = only_one(names, source.where, table, "tables", "a database without any table")
        quoted = chosen.replace('"', '""')
        cursor = base.execute(f'SELECT * FROM "{quoted}"')
        return of_cells([column[0] for column in cursor.description], cursor)


def _json(source: Unpacked) -> Sheet:
    encoding = encoding_of(source.stream.peek(HEAD_BYTES)[:HEAD_BYTES], None)
    raw = source.stream.read()
    try:
        records = list(_records(raw.decode("utf-8" if isinstance(encoding, Foreign) else encoding)))
    except (ValueError, RecursionError) as error:
        problem = f"got JSON that cannot be read ({str(error).splitlines()[0]}); expected a list of records"
        advice = "Write an object a row, in a list or one on each line"
        raise UserError(Fault(source.where, problem, advice)) from None
    names = list(dict.fromkeys(name for record in records for name in record))
    return of_cells(names, ([record.get(name) for name in names] for record in records))


def _records(text: str) -> Iterator[Mapping[str, Any]]:
    """An object a row: in a list, one on each line, or columns by their names."""
    try:
        found = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        if "Extra data" not in str(error):
            raise
        # a text may hold what Python also takes for the end of a line
        found = [json.loads(line, object_pairs_hook=_object) for line in text.split("\n") if line.strip()]
    if isinstance(found, dict):
        columns = list(found.values())
        if columns and all(isinstance(column, list) for column in columns):
            found = [dict(zip(found, row, strict=True)) for row in zip(*_even(columns), strict=True)]
        elif columns and all(isinstance(column, dict) for column in columns):
            found = [
                {name: c.get(key) for name, c in found.items()}
                for key in dict.fromkeys(k for c in columns for k in c)
            ]
        else:
            found = [found]
    yield from _checked(found)


def _even(columns: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    if len({len(column) for column in columns}) > 1:
        raise ValueError("columns of different lengths")
    return columns


def _checked(found: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for record in found:
        if not isinstance(record, dict):
            raise ValueError(f"got {type(record).__name__} in place of an object")
        yield record


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(made := dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name '{next(n for n in names if names.count(n) > 1)}' twice in one object")
    return made
