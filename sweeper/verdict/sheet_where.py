"""Which rows of a table count, where the user says which cells they have. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.verdict.sheet_names import listed
from sweeper.verdict.sheets import Sheet

N_SHOWN = 5


def rows_where(sheet: Sheet, wanted: Sequence[str]) -> Sheet:
    """The rows that have, as text, the cell of each `COLUMN=VALUE`. Raises UserError where none has."""
    for text in wanted:
        sheet = _rows_with(sheet, text)
    return sheet


def _rows_with(sheet: Sheet, text: str) -> Sheet:
    if "=" not in text:
        raise UserError(Fault("where", f"got '{text}'; expected COLUMN=VALUE"))
    known = (name for name in sheet.names if text.startswith(f"{name}="))  # names may hold the sign, too
    name = next(known, text.partition("=")[0].strip())
    if name not in sheet.names:
        raise UserError(_strange(f"got column '{name}'; expected one of {sheet.where}", name, sheet.names))
    cells, value = sheet.column(name), text[len(name) + 1 :].strip()
    kept = [i for i, cell in enumerate(cells) if cell == value]
    if not kept:
        raise UserError(_strange(f"got '{text}'; expected a value of column '{name}'", value, cells))
    return replace(
        sheet, rows=tuple(sheet.rows[i] for i in kept), places=tuple(sheet.places[i] for i in kept)
    )


def _strange(problem: str, got: str, known: Sequence[str]) -> Fault:
    suggestion = did_you_mean(got, known)
    there = list(dict.fromkeys(cell for cell in known if cell))
    advice = "" if suggestion else f"There are {listed(there, N_SHOWN)}"
    return Fault("where", f"{problem}{suggestion}", advice)
