"""Separated values by whole blocks: for text that is regular, the same columns as row by row, sooner."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from sweeper.task import UserError
from sweeper_tasks.tables.dialect import Row, rows_of
from sweeper_tasks.tables.keys import TextKeys

HEAD = 1 << 24
"""Characters in which the separator and the header are found."""
BLOCK = 1 << 24
"""Characters that are looked at together."""
_MAX_BLOCKS = 4
"""Blocks without the end of a row in them, after which a quotation mark is likely missing."""
_MAX_CELL = 1 << 16
_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
_EXCELS_LINE = re.compile(r"sep=.\s*\n", re.I)


@dataclass(frozen=True)
class Body:
    """The cells below (or, without a header, from) the first row: text columns of equal length."""

    first: Row
    separator: str
    columns: tuple[Any, ...]
    n_empty: int
    n_comments: int


class _IrregularError(Exception):
    """Something that wants a look at each row."""


def quick_body(text: TextIO, where: str, keys: TextKeys) -> Body | None:
    """All rows of a text; None where any is odd, so that only reading row by row tells what is wrong."""
    try:
        return _body(text, where, keys)
    except (_IrregularError, UserError, UnicodeError, pa.ArrowInvalid):
        return None


def _body(text: TextIO, where: str, keys: TextKeys) -> Body:
    head = text.read(HEAD).lstrip("\ufeff")
    found = rows_of(iter(io.StringIO(head, newline="")), where, keys.separator, keys.comment)
    first, mark = next(found.rows, None), found.separator
    if first is None or len(first[1]) < 2:
        raise _IrregularError
    if not mark.isascii() or mark == '"' or (mark.isspace() and mark != "\t"):
        raise _IrregularError
    if _begins_with_empty_rows(head, mark, keys.comment):
        raise _IrregularError
    ends = rf"\n{re.escape(mark)}"
    quoted = re.compile(rf'(?:(?<=[{ends}])|\A)"[^"]*+(?:""[^"]*+)*+"(?=[{ends}]|\r\n|\Z)')
    chunks: list[list[Any]] = []
    n_empty = n_comments = 0
    head = head[own.end() :] if (own := _EXCELS_LINE.match(head)) else head
    for block in _blocks(head, text):
        # files that were joined, and lines that end in another way than others
        if "\ufeff" in block or block.count("\r") != block.count("\r\n"):
            raise _IrregularError
        block, n = _without_comments(block, keys.comment)
        n_comments += n
        if not block.strip("\r\n"):
            continue
        has_margins = _has_margins(block, mark, quoted)
        columns = _columns(block, mark, len(first[1]))
        if has_margins:
            columns = [pc.utf8_ltrim(column, " ") for column in columns]
        if not chunks and keys.header is not False:
            columns = _below(first[1], columns)
        if keys.header is not False and _occurs(first[1], columns):
            raise _IrregularError
        columns, n = _without_empty(columns)
        n_empty += n
        chunks.append(columns)
    joined = (pa.chunked_array([chunk[i] for chunk in chunks], pa.string()) for i in range(len(first[1])))
    return Body(first, mark, tuple(joined), n_empty, n_comments)


def _begins_with_empty_rows(head: str, mark: str, comment: str | None) -> bool:
    for line in io.StringIO(head):
        is_comment = comment is not None and line.startswith(comment)
        if not is_comment and line.replace(mark, "").strip():
            return False
        if not is_comment and mark in line:
            return True
    return False


def _blocks(head: str, text: TextIO) -> Iterator[str]:
    """The text in pieces that end where a row does: behind a line, and not within quotation marks."""
    rest, n_waiting = "", 0
    for piece in _pieces(head, text):
        if n_waiting >= _MAX_BLOCKS:
            raise _IrregularError
        rest += piece
        cut = _end_of_rows(rest)
        if cut:
            yield rest[:cut]
        n_waiting = 0 if cut else n_waiting + 1
        rest = rest[cut:]
    if rest:
        yield rest


def _pieces(head: str, text: TextIO) -> Iterator[str]:
    yield from (head[start : start + BLOCK] for start in range(0, len(head), BLOCK))
    yield from iter(lambda: text.read(BLOCK), "")


def _end_of_rows(text: str) -> int:
    """Behind the last line break that is in no quotation marks, 0 where there is none."""
    cut = text.rfind("\n") + 1
    n_marks = text.count('"', 0, cut)
    while cut and n_marks % 2:
        earlier = text.rfind("\n", 0, cut - 1) + 1
        n_marks -= text.count('"', earlier, cut)
        cut = earlier
    return cut


def _without_comments(block: str, sign: str | None) -> tuple[str, int]:
    if sign is None:
        return block, 0
    if '"' in block:  # a comment is one within quotation marks, too
        raise _IrregularError
    return re.subn(rf"(?m)^{re.escape(sign)}[^\n]*", "", block)


def _has_margins(block: str, mark: str, quoted: "re.Pattern[str]") -> bool:
    """Whether cells begin with spaces, which say nothing.

    Readers agree on text whose quotation marks all stand around whole cells, with usual ends of lines; on
    spaces where none are within quotation marks.
    """
    if "\0" in block or block.count("\r") != block.count("\r\n"):
        raise _IrregularError
    bare = quoted.sub("", block) if '"' in block else block
    if '"' in bare:
        raise _IrregularError
    found = bare.startswith(" ") or f"{mark} " in bare or "\n " in bare
    if found and '" ' in block:
        raise _IrregularError
    return found


def _columns(block: str, mark: str, width: int) -> list[Any]:
    names = [str(i) for i in range(width)]
    raw = block.encode()
    table = arrow_csv.read_csv(
        pa.BufferReader(raw),
        arrow_csv.ReadOptions(column_names=names, block_size=len(raw) + 1, use_threads=False),
        arrow_csv.ParseOptions(delimiter=mark, newlines_in_values=True, invalid_row_handler=_skipped),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    columns = [column.combine_chunks() for column in table.columns]
    if any((pc.max(pc.binary_length(column)).as_py() or 0) > _MAX_CELL for column in columns):
        raise _IrregularError
    return columns


def _skipped(row: Any) -> str:
    return "skip" if row.actual_columns == 1 and not row.text.strip() else "error"


def _below(header: Sequence[str], columns: list[Any]) -> list[Any]:
    if not len(columns[0]) or [column[0].as_py() for column in columns] != list(header):
        raise _IrregularError
    return [column.slice(1) for column in columns]


def _without_empty(columns: list[Any]) -> tuple[list[Any], int]:
    """Without the rows that have no value in any column, and how many these were."""
    rows = _all(columns, lambda column, _: pc.equal(pc.utf8_trim(column, _BLANKS), ""))
    if not len(rows):
        return columns, 0
    kept = np.ones(len(columns[0]), dtype=bool)
    kept[rows] = False
    return [column.filter(pa.array(kept)) for column in columns], len(rows)


def _occurs(header: Sequence[str], columns: list[Any]) -> bool:
    return len(_all(columns, lambda column, i: pc.equal(column, header[i]))) > 0


def _all(columns: Sequence[Any], test: Any) -> Any:
    """The rows for which each column passes."""
    rows = np.arange(len(columns[0]))
    for i, column in enumerate(columns):
        rows = rows[np.asarray(test(column if i == 0 else column.take(pa.array(rows)), i), dtype=bool)]
        if not len(rows):
            break
    return rows
