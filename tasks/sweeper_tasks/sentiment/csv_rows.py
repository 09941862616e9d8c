"""Rows of a table of reviews, each known by its file and number."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.task import BadFile, Fault, UserError, did_you_mean
from sweeper_tasks.tables.keys import DEFAULTS, TextKeys
from sweeper_tasks.tables.reading import read_sheet

AS_MANY_CELLS = "a row has as many cells as the header"
Row = tuple[str, dict[str, str]]
"""`Train.csv row 12`, counted from 1 below the header, and its cells by column."""


def rows_of(file: Path, columns: Sequence[str], keys: TextKeys = DEFAULTS) -> tuple[list[Row], list[BadFile]]:
    """The usable rows, and those with too many or too few cells. Raises UserError without these columns.

    `keys` say how the file is read; it is recognised by its content, whatever its name says.
    """
    sheet = read_sheet(file, keys, keep_odd=True)
    _refuse_header(file, sheet.names, columns)
    odd = dict(sheet.odd_rows)
    bad = [
        BadFile(f"{file.name} row {i}", f"{n} instead of {len(sheet.names)}", AS_MANY_CELLS)
        for i, n in sheet.odd_rows
    ]
    cells = zip(*(column.to_pylist() for column in sheet.columns), strict=True)
    numbers = (i for i in range(1, sheet.n_rows + len(odd) + 1) if i not in odd)
    rows = [
        (f"{file.name} row {i}", dict(zip(sheet.names, (cell or "" for cell in row), strict=True)))
        for i, row in zip(numbers, cells, strict=True)
    ]
    return rows, bad


def _refuse_header(file: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    listed = f"It has {', '.join(header)}" if header else "It is empty"
    faults = [
        Fault(str(file), f"got no column '{name}'; expected one", listed + did_you_mean(name, header))
        for name in columns
        if name not in header
    ]
    faults += [
        Fault(str(file), f"got column '{name}' twice; expected each once")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    if faults:
        raise UserError(faults)
