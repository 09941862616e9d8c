"""Tables of runs as people keep them, read as text: CSV, Parquet, JSON, Excel, a pandas frame."""

import csv
import gzip
import io
import json
import warnings
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from sweeper.errors import Fault, UserError, in_a_line
from sweeper.wording import plural

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = (",", ";", "\t", "|")
PARQUET = b"PAR1"
JSON = ("{", "[")
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
EXCEL_97 = b"\xd0\xcf\x11\xe0"
AS_CSV = "Save it as CSV or Parquet"
RUN_ID = "run_id"
"""MLflow's name of a run, which is found sooner than the number of a row that a database does not have."""


@dataclass(frozen=True)
class Sheet:
    """Cells as they are written. `places`: of each row, `line 3` as an editor counts, or `run 0a1b`.

    `separator`: what stands between the columns, a comma where the table has none.
    """

    where: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]
    separator: str = ","

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column, the first of that name."""
        index = self.names.index(name)
        return tuple(row[index] for row in self.rows)


def sheet_of(source: "pd.DataFrame | str | Path") -> Sheet:
    """The table in a frame, or in a file. Raises UserError with what is wrong with it."""
    sheet = _read(Path(source)) if isinstance(source, str | Path) else _of_frame(source, "table")
    if not sheet.rows:
        raise UserError(
            Fault(sheet.where, "got no rows; expected one for each run, below the names of columns")
        )
    return sheet


def _read(path: Path) -> Sheet:
    if not path.is_file():
        got = "got a folder" if path.is_dir() else "there is no such file"
        raise UserError(Fault(str(path), f"{got}; expected a table with a row for each run"))
    data = _unpacked(path.read_bytes(), path)
    if data.startswith(EXCEL_97):
        raise UserError(
            Fault(str(path), "got an Excel file of old; expected CSV, Parquet, JSON or xlsx", AS_CSV)
        )
    if data.startswith(ZIP):
        return _workbook(data, str(path))
    if data.startswith(PARQUET):
        return _parquet(data, path)
    text = _text(data, path)
    return _json(text, str(path)) if text.lstrip()[:1] in JSON else _csv(text, str(path))


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(data) if data.startswith(GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(Fault(str(path), f"got a gzip file that cannot be read ({error})", AS_CSV)) from error


def _workbook(data: bytes, where: str) -> Sheet:
    """The only sheet that has cells; its first row with any names the columns."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that are left out
            found = pd.read_excel(io.BytesIO(data), sheet_name=None, header=None, dtype=object)
    except ImportError as error:
        advice = f"{AS_CSV}, or: pip install openpyxl"
        raise UserError(Fault(where, "got a workbook of Excel, which needs openpyxl", advice)) from error
    except (ValueError, OSError, KeyError, BadZipFile) as error:
        problem = f"got a ZIP file that is no workbook of Excel ({in_a_line(error)})"
        raise UserError(Fault(where, problem, AS_CSV)) from error
    filled = {name: frame for name, frame in found.items() if not frame.isna().all(axis=None)}
    if len(filled) != 1:
        problem = f"got {plural(len(filled), 'sheet')} with cells; expected one, with a row for each run"
        raise UserError(Fault(where, problem, "Save the one that is meant as CSV" if filled else ""))
    cells = next(iter(filled.values())).dropna(how="all")
    rows = tuple(tuple(map(_cell, row)) for row in cells.itertuples(index=False, name=None))
    return Sheet(where, rows[0], rows[1:], tuple(f"line {i + 1}" for i in cells.index[1:]))


def _parquet(data: bytes, path: Path) -> Sheet:
    import pandas as pd

    try:
        return _of_frame(pd.read_parquet(io.BytesIO(data)), str(path))
    except (OSError, ValueError) as error:
        raise UserError(Fault(str(path), f"got Parquet that cannot be read ({error})", AS_CSV)) from error


def _json(text: str, where: str) -> Sheet:
    """A list of objects, an object a line, or lists by the names of columns.

    What is in an inner object is a column, too: `config.lr`.
    """
    import pandas as pd

    try:
        found = _read_json(text)
        frame = pd.DataFrame(found) if isinstance(found, dict) else pd.json_normalize(found)
    except (ValueError, TypeError, AttributeError) as error:
        problem = f"got JSON that is no table ({error}); expected an object for each run"
        raise UserError(Fault(where, problem, AS_CSV)) from error
    return _of_frame(frame, where)


def _read_json(text: str) -> Any:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    is_one_run = isinstance(found, dict) and not any(isinstance(one, list | dict) for one in found.values())
    return [found] if is_one_run else found


def _of_frame(frame: "pd.DataFrame", where: str) -> Sheet:
    """Rows are counted from 1, or go by `run_id`; an index that has a name is a column, too."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    rows = tuple(tuple(map(_cell, row)) for row in frame.itertuples(index=False, name=None))
    names = tuple(str(name).strip() for name in frame.columns)
    places = tuple(f"line {i}" for i in range(1, len(rows) + 1))
    sheet = Sheet(where, names, rows, places)
    if RUN_ID in names and all(sheet.column(RUN_ID)):
        return replace(sheet, places=tuple(f"run {cell}" for cell in sheet.column(RUN_ID)))
    return sheet


def _cell(value: Any) -> str:
    """Empty where nothing is known: None, NaN, NaT and pandas' NA differ from themselves, or are not true."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return ""
    return str(value.item() if hasattr(value, "item") else value).strip()


def _text(data: bytes, path: Path) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"got byte 0x{data[error.start]:02x}, which is not {encoding.upper().removesuffix('-SIG')}"
        raise UserError(Fault(str(path), f"{problem}; expected text", f"{AS_CSV} in UTF-8")) from error


def _csv(text: str, where: str) -> Sheet:
    first, _, rest = text.lstrip("\r\n").partition("\n")
    is_told = first.lower().startswith("sep=")  # how Excel is told
    body = rest if is_told else text
    separator = first.strip()[4:5] or "," if is_told else _separator(first)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator)
    try:
        found = [(reader.line_num + is_told, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        fault = Fault(
            f"{where}, line {reader.line_num + is_told}", f"got text that is no CSV ({error})", AS_CSV
        )
        raise UserError(fault) from error
    known = [(line, row) for line, row in found if any(row)]
    if not known:
        raise UserError(Fault(where, "got an empty file; expected a table with a row for each run"))
    names = known[0][1]
    if faults := list(_too_long(where, names, known[1:])):
        raise UserError(faults)
    rows = tuple(_fitted(row, len(names)) for _, row in known[1:])
    return Sheet(where, tuple(names), rows, tuple(f"line {line}" for line, _ in known[1:]), separator)


def _separator(head: str) -> str:
    """What stands most often between the names, outside quotation marks."""
    bare = "".join(head.split('"')[::2])
    return max(SEPARATORS, key=lambda sign: (bare.count(sign), -SEPARATORS.index(sign)))


def _too_long(where: str, names: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> Iterable[Fault]:
    for line, row in rows:
        if any(row[len(names) :]):
            problem = f"got {len(row)} cells; expected {len(names)}, as the line of names has"
            yield Fault(
                f"{where}, line {line}", problem, "Put quotation marks around a cell that holds the separator"
            )
            return


def _fitted(row: Sequence[str], n: int) -> tuple[str, ...]:
    return (*row[:n], *[""] * (n - len(row)))
