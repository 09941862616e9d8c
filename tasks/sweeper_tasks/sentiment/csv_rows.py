"""Rows of a table of reviews, each known by its file and number."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from sweeper.task import BadFile, Fault, UserError, did_you_mean
from sweeper_tasks.sentiment.encodings import text_of
from sweeper_tasks.separators import fault_of_separator

AS_MANY_CELLS = "a row has as many cells as the header"
Row = tuple[str, dict[str, str]]
"""`Train.csv row 12`, counted from 1 below the header, and its cells by column."""


def rows_of(file: Path, columns: Sequence[str]) -> tuple[list[Row], list[BadFile]]:
    """The usable rows, and those with too many or too few cells. Raises UserError without these columns."""
    table = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    rows, bad = [], []
    try:
        header = [name.strip() for name in next(table, [])]
        _refuse_header(file, header, columns)
        for i, cells in enumerate((cells for cells in table if cells), start=1):
            name = f"{file.name} row {i}"
            if len(cells) == len(header):
                rows.append((name, dict(zip(header, cells, strict=True))))
            else:
                bad.append(BadFile(name, f"{len(cells)} instead of {len(header)}", AS_MANY_CELLS))
    except csv.Error as error:
        problem = f"got a table that ends or breaks at line {table.line_num} ({error}); expected a CSV file"
        raise UserError(Fault(str(file), problem, "Is a quotation mark missing?")) from None
    return rows, bad


def _refuse_header(file: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if fault := fault_of_separator(header, str(file)):
        raise UserError(fault)
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
