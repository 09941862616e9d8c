"""Rows of a table of reviews, each known by its file and number: read by content, as every table is."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweeper.task import BadFile, Fault, UserError, did_you_mean
from sweeper_tasks.tables.dialect import rows_of as records_of
from sweeper_tasks.tables.formats import sheet_of
from sweeper_tasks.tables.keys import DEFAULTS, TextKeys
from sweeper_tasks.tables.text_sheet import decoded
from sweeper_tasks.tables.unpacking import unpacked

AS_MANY_CELLS = "a row has as many cells as the header"
SAVE = "Save it as UTF-8"
Row = tuple[str, dict[str, str]]
"""`Train.csv row 12`, counted from 1 below the header, and its cells by column."""


def rows_of(file: Path, columns: Sequence[str], keys: TextKeys = DEFAULTS) -> tuple[list[Row], list[BadFile]]:
    """The usable rows, and those with too many or too few cells. Raises UserError without these columns.

    Columns without a name are no columns: a sign behind every row makes an empty one, pandas one of numbers.
    """
    rows, bad = [], []
    with _records(file, keys) as records:
        header = _header(file, records, keys, columns)
        named = [i for i, name in enumerate(header) if name]
        for i, cells in enumerate(records, start=1):
            name = f"{file.name} row {i}"
            if len(cells) == len(header):
                rows.append((name, {header[k]: cells[k] for k in named}))
            else:
                bad.append(BadFile(name, f"{len(cells)} instead of {len(header)}", AS_MANY_CELLS))
    return rows, bad


@contextmanager
def _records(file: Path, keys: TextKeys) -> Iterator[Iterator[list[str]]]:
    """The cells of each row, the header first, of a table in whatever form. Raises UserError."""
    with unpacked(file, keys.table) as source:
        if source.kind != "text":
            sheet = sheet_of(source, keys.table)
            cells = zip(*(column.to_pylist() for column in sheet.columns), strict=True)
            yield iter([list(sheet.names), *([cell or "" for cell in row] for row in cells)])
            return
        with decoded(source, keys, SAVE if keys is DEFAULTS else "") as text:
            found = records_of(text, source.where, keys.separator, keys.comment).rows
            yield (cells for _, cells in found if len(cells) > 1 or cells[0].strip())


def _header(file: Path, records: Iterator[list[str]], keys: TextKeys, columns: Sequence[str]) -> list[str]:
    """The names of the columns, which the user gives where the file does not."""
    if keys.header is False:
        if keys.columns is None:
            advice = "Name the columns, the text one of them: data.columns=[text,food,staff]"
            raise UserError(Fault("data.header", "got false without data.columns; expected both", advice))
        header = list(keys.columns)
    else:
        header = [name.lstrip("\ufeff").strip() for name in next(records, [])]
    _refuse_header(file, header, columns)
    return header


def _refuse_header(file: Path, header: Sequence[str], columns: Iterable[str]) -> None:
    listed = f"It has {', '.join(header)}" if header else "It is empty"
    faults = [
        Fault(str(file), f"got no column '{name}'; expected one", listed + did_you_mean(name, header))
        for name in columns
        if name not in header
    ]
    faults += [
        Fault(str(file), f"got column '{name}' twice; expected each once")
        for name in sorted({name for name in header if name and header.count(name) > 1})
    ]
    if faults:
        raise UserError(faults)
