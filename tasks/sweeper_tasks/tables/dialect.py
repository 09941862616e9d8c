"""Rows of separated values: what stands between them, where each begins, and all that is wrong with them."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sweeper.task import Fault, UserError, plural
from sweeper_tasks.tables.decoding import first_lines

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
_CANDIDATES = (",", ";", "\t", "|")
N_SNIFFED = 200
"""Lines that say what stands between the columns."""
csv.field_size_limit(1 << 24)  # letters; Python's own limit, 131,072, is shorter than some texts
_EXCELS_OWN = re.compile(r"sep=(.)\s*$", re.I)
FEW = 2
"""Rows that may all be odd by chance."""
Row = tuple[int, list[str]]
"""The line on which a row begins, counted from 1, and its cells."""


@dataclass
class Rows:
    """The rows of a text, blank ones and comments left out, read once."""

    separator: str
    rows: Iterator[Row]
    n_comments: list[int] = field(default_factory=lambda: [0])


def rows_of(lines: Iterator[str], where: str, separator: str | None, comment: str | None) -> Rows:
    """The rows, separated as declared, else as their first lines agree on. They raise UserError."""
    first = first_lines(lines, N_SNIFFED)
    if first:
        first[0] = first[0].lstrip("\ufeff")
    skipped = 0
    if first and (own := _EXCELS_OWN.match(first[0])):
        separator, first, skipped = separator or own[1], first[1:], 1
    counted = [0]
    mark = separator or sniffed([one for one in first if not (comment and one.startswith(comment))])
    rows = _records(chain(first, lines), mark, where, comment, counted, skipped)
    return Rows(mark, rows, counted)


def sniffed(first: Sequence[str]) -> str:
    """The separator with which most lines have as many cells as the header, and more than one."""
    best, chosen = (0.0, 0), ","
    for mark in _CANDIDATES:
        try:
            records = [cells for cells in csv.reader(first, delimiter=mark, skipinitialspace=True) if cells]
        except csv.Error:
            continue
        widths = Counter(len(cells) for cells in records)
        if not records or len(records[0]) < 2:
            continue
        near = sum(n for width, n in widths.items() if abs(width - len(records[0])) <= 1)
        score = (round(near / len(records), 2), len(records[0]))
        if score > best:
            best, chosen = score, mark
    return chosen


def _records(
    lines: Iterator[str], separator: str, where: str, comment: str | None, n_comments: list[int], skipped: int
) -> Iterator[Row]:
    def kept() -> Iterator[str]:
        for line in lines:
            if comment is not None and line.startswith(comment):
                n_comments[0] += 1
                yield "\n"
            else:
                yield line

    table = csv.reader(kept(), delimiter=separator, skipinitialspace=True, strict=True)
    begins, has_begun = 1, False
    while True:
        try:
            cells = next(table, None)
        except csv.Error as error:
            problem = f"got a row that breaks ({error}); expected separated values"
            advice = "Is a quotation mark missing, or one within a value not doubled?"
            raise UserError(Fault(f"{where}, line {begins + skipped}", problem, advice)) from None
        if cells is None:
            return
        is_blank = not "".join(cells).strip()
        if not is_blank or (has_begun and len(cells) > 1):  # a sheet may begin with empty rows
            has_begun = True
            yield begins + skipped, cells
        begins = table.line_num + 1


def name_of(separator: str) -> str:
    """The separator as a word."""
    return next((word for word, mark in SEPARATORS.items() if mark == separator), f"'{separator}'")


@dataclass
class Widths:
    """Rows that have another number of cells than the header, as they come."""

    n_names: int
    has_empty_end: bool
    n_rows: int = 0
    n_empty: int = 0
    shorter: list[tuple[int, int]] = field(default_factory=list)
    longer: list[tuple[int, int]] = field(default_factory=list)
    n_shorter: int = 0
    n_longer: int = 0
    n_trailing: int = 0

    def fits(self, line: int, cells: list[str]) -> bool:
        """Whether the row can be kept as it is; counted if not."""
        if len(cells) > 1 and not any(cell.strip() for cell in cells):
            self.n_empty += 1
            return False
        self.n_rows += 1
        extra = len(cells) - self.n_names
        if extra == 0:
            return True
        if extra < 0:
            self.n_shorter += 1
            self.shorter += [(line, len(cells))] if len(self.shorter) < 3 else []
        else:
            self.n_longer += 1
            self.n_trailing += extra == 1 and not cells[-1].strip()
            self.longer += [(line, len(cells))] if len(self.longer) < 3 else []
        return False

    def is_general(self) -> bool:
        """Whether all rows differ from the header, so that it is no matter of single rows."""
        return self.n_rows > FEW and self.n_rows in (self.n_longer, self.n_shorter)

    def faults(self, where: str, separator: str, first: Sequence[str]) -> list[Fault]:
        """What the widths mean: a separator behind every row, names of rows, a title, or single odd rows."""
        mark = name_of(separator)
        if self.n_rows and self.n_longer == self.n_rows:
            return [self._all_longer(where, mark, first)]
        if self.n_rows and self.n_shorter == self.n_rows:
            return [self._all_shorter(where, mark, first)]
        if not (self.n_shorter or self.n_longer):
            return []
        if self.n_trailing and self.n_trailing == self.n_longer and not self.n_shorter:
            problem = (
                f"got a {mark} behind {self.n_trailing} of {self.n_rows} rows (first: line "
                f"{self.longer[0][0]}) and none behind the others; expected as many values as names"
            )
            return [Fault(where, problem, "Remove it behind these rows")]
        odd = sorted(self.shorter + self.longer)[:3]
        listed = ", ".join(f"line {line}: {n}" for line, n in odd)
        n = self.n_shorter + self.n_longer
        problem = f"got {plural(n, 'row')} with more or fewer values than the {self.n_names} names ({listed})"
        advice = f"Mend them; a value that holds a {mark} needs quotation marks" + self._comment(first)
        return [Fault(where, f"{problem}; expected as many in each row", advice)]

    def _all_longer(self, where: str, mark: str, first: Sequence[str]) -> Fault:
        if self.n_trailing == self.n_longer:
            problem = (
                f"got a {mark} behind every row and none behind the header ({self.n_names} names, "
                f"{self.n_names + 1} values, the last one empty); expected as many values as names"
            )
            return Fault(
                where,
                problem,
                f"Remove the {mark} at the end of the rows, or write one behind the header too",
            )
        line, n = self.longer[0]
        problem = (
            f"got {self.n_names} names and more values in every row (line {line}: {n}); expected as many"
        )
        advice = "Does the first column, with the names of the rows, lack a name in the header?"
        return Fault(where, problem, title_above(first) if self.n_names == 1 else advice)

    def _all_shorter(self, where: str, mark: str, first: Sequence[str]) -> Fault:
        line, n = self.shorter[0]
        if self.has_empty_end and n == self.n_names - 1:
            problem = (
                f"got a {mark} behind the header and none behind the rows; expected as many values as names"
            )
            return Fault(where, problem, f"Remove the {mark} at the end of the header")
        problem = (
            f"got {self.n_names} names and fewer values in every row (line {line}: {n}); expected as many"
        )
        return Fault(
            where,
            problem,
            f"Are the columns separated by another sign than a {mark}? Name it: data.separator=tab",
        )

    def _comment(self, first: Sequence[str]) -> str:
        if first and first[0].startswith("#"):
            return ". Lines that begin with # are left out with data.comment=\"'#'\""
        title = self.n_longer * 2 > self.n_rows
        return f". {title_above(first)}" if title and first else ""


def title_above(first: Sequence[str]) -> str:
    """What a first line that names hardly a column may be."""
    return f"Is '{first[0].strip()[:40]}' a title above the header? Remove what is above the line of names"
