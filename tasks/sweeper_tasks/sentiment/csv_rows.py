"""Rows of a table of reviews, each known by its file and number: read by content, as every table is."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweeper.task import BadFile, Fault, UserError, did_you_mean
from sweeper_tasks.tables.dialect import Rows, Widths, rows_of as records_of
from sweeper_tasks.tables.formats import sheet_of
from sweeper_tasks.tables.keys import DEFAULTS, TextKeys, in_one_form
from sweeper_tasks.tables.sheet import PANDAS_INDEX
from sweeper_tasks.tables.text_sheet import decoded
from sweeper_tasks.tables.unpacking import unpacked

AS_MANY_CELLS = "a row has as many cells as the header"
SAVE = "Save it as UTF-8"
Row = tuple[str, dict[str, str]]
"""`Train.csv row 12`, counted from 1 below the header, and its cells by column."""


def rows_of(file: Path, columns: Sequence[str], keys: TextKeys = DEFAULTS) -> tuple[list[Row], list[BadFile]]:
    """The usable rows, and those with too many or too few cells. Raises UserError without these columns.

    Columns without a name are no columns: a sign behind every row makes an empty one, pandas one of numbers.
    Where all rows have too many or too few cells, it is no matter of single rows: UserError says what is.
    """
    rows, bad = [], []
    with _records(file, keys) as records:
        header = _header(file, records.rows, keys, columns)
        named = [i for i, name in enumerate(header) if name and (name != PANDAS_INDEX or name in columns)]
        widths = Widths(len(header), has_empty_end=not header[-1])
        for i, (line, cells) in enumerate(records.rows, start=1):
            widths.fits(line, cells)
            name = f"{file.name} row {i}"
            if len(cells) == len(header):
                rows.append((name, {header[k]: cells[k] for k in named}))
            else:
                bad.append(BadFile(name, f"{len(cells)} instead of {len(header)}", AS_MANY_CELLS))
    if widths.is_general():
        raise UserError(widths.faults(file.name, records.separator, header))
    return rows, bad


@contextmanager
def _records(file: Path, keys: TextKeys) -> Iterator[Rows]:
    """The rows, the header first, of a table in whatever form. Raises UserError."""
    with unpacked(file, keys.table) as source:
        if source.kind != "text":
            sheet = sheet_of(source, keys.table)
            cells = zip(*(column.to_pylist() for column in sheet.columns), strict=True)
            rows = [list(sheet.names), *([cell or "" for cell in row] for row in cells)]
            yield Rows(sheet.separator, iter(enumerate(rows, start=1)))
            return
        with decoded(source, keys, SAVE if keys is DEFAULTS else "") as text:
            yield records_of(text, source.where, keys.separator, keys.comment)


def _header(
    file: Path, records: Iterator[tuple[int, list[str]]], keys: TextKeys, columns: Sequence[str]
) -> list[str]:
    """The names of the columns, which the user gives where the file does not."""
    if keys.header is False:
        if keys.columns is None:
            advice = "Name the columns, the text one of them: data.columns=[text,food,staff]"
            raise UserError(Fault("data.header", "got false without data.columns; expected both", advice))
        header = list(keys.columns)
    else:
        header = [in_one_form(name.lstrip("\ufeff").strip()) for name in next(records, (1, []))[1]]
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
