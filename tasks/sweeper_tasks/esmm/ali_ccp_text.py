r"""The text files of Ali-CCP: lines in blocks, checked, turned into arrays without a loop over rows.

A line has columns between commas. Its last but one column counts the features, its last holds them: items
`field \x02 id \x03 value`, joined by \x01. A field may occur several times in a line (a user's history of
categories): the id with the highest value is kept, the first of equal ones.
"""

from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sweeper.task import Fault
from sweeper_tasks.esmm.columns import Array
from sweeper_tasks.tables.unpacking import unpacked

BLOCK_BYTES = 16 << 20
"""Text that is in memory at a time; its arrays take some ten times as much."""
ABSENT = -1
_VALUE = r"-?\d{1,18}(?:\.\d*)?(?:[eE](?:-\d{1,3}|\+?\d))?"  # finite in float32
_ITEM = rf"^(?P<field>[^\x02]+)\x02(?P<id>\d{{1,18}})\x03(?P<value>{_VALUE})$"


@dataclass(frozen=True)
class BadLines:
    """Malformed lines by file and reason: how many, and the numbers of the first ones, counted from 1."""

    n: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    first: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, file: str, reason: str, numbers: Array) -> None:
        """Count the lines with these numbers."""
        if len(numbers):
            self.n[file, reason] += len(numbers)
            self.first[file, reason] += numbers[: 3 - len(self.first[file, reason])].tolist()

    def faults(self) -> list[Fault]:
        """One fault for each file and reason."""
        return [
            Fault(
                file,
                f"got {n} malformed lines: {reason} (first: {', '.join(map(str, self.first[file, reason]))})",
                "Repair the file, or leave such lines out with data.skip_bad=true",
            )
            for (file, reason), n in self.n.items()
        ]

    def facts(self) -> dict[str, int]:
        """The counts, for the manifest."""
        return {f"{file}: {reason}": n for (file, reason), n in self.n.items()}


@dataclass(frozen=True)
class Lines:
    """Lines that are well-formed so far: their numbers [n] and their columns, each [n] text."""

    numbers: Array
    columns: tuple[Any, ...]

    def keep(self, good: Array, bad: BadLines, file: str, reason: str) -> "Lines":
        """The lines where `good`; the others are counted."""
        bad.add(file, reason, self.numbers[~good])
        kept = pa.array(good)
        return Lines(self.numbers[good], tuple(column.filter(kept) for column in self.columns))


@dataclass(frozen=True)
class Features:
    """For each line and field the kept id (ABSENT where there is none) and its value (0 there)."""

    ids: Array  # [n, F] int64
    values: Array  # [n, F] float32
    is_good: Array  # [n] all items are well-formed, and as many as announced


def read_lines(path: Path, n_columns: int, bad: BadLines, block_bytes: int = BLOCK_BYTES) -> Iterator[Lines]:
    """The file's lines of `n_columns` columns, block by block."""
    for number, text in _blocks(path, block_bytes):
        parts = pc.split_pattern(text, ",", max_splits=n_columns - 1)
        is_whole = np.asarray(pc.equal(pc.list_value_length(parts), n_columns))
        numbers = number + np.arange(len(text))
        bad.add(path.name, f"not {n_columns} columns", numbers[~is_whole])
        whole = parts.filter(pa.array(is_whole))
        yield Lines(numbers[is_whole], tuple(pc.list_element(whole, i) for i in range(n_columns)))


def parse_features(announced: Any, text: Any, fields: Sequence[str]) -> Features:
    """The features of n lines; items of other fields are checked, but not kept."""
    items = pc.split_pattern(text, "\x01")
    line, flat = np.asarray(pc.list_parent_indices(items)), pc.list_flatten(items)
    found = pc.extract_regex(flat, _ITEM)
    is_item = np.asarray(pc.is_valid(found))
    n_items, n_good = (np.bincount(line[mask], minlength=len(text)) for mask in (slice(None), is_item))
    is_good = (n_items == n_good) & (n_good.astype("U") == np.asarray(announced, dtype="U"))
    found, line = found.filter(pa.array(is_item)), line[is_item]
    code = pc.index_in(pc.struct_field(found, "field"), pa.array(fields)).fill_null(len(fields))
    ids, values = (pc.struct_field(found, name).cast(kind) for name, kind in _NUMBERS)
    cell = np.where(np.asarray(code) < len(fields), line * len(fields) + np.asarray(code), ABSENT)
    best = _highest(cell, np.asarray(values))
    kept_ids, kept_values = np.full(len(text) * len(fields), ABSENT), np.zeros(len(text) * len(fields))
    kept_ids[cell[best]], kept_values[cell[best]] = np.asarray(ids)[best], np.asarray(values)[best]
    shape = (len(text), len(fields))
    return Features(kept_ids.reshape(shape), kept_values.astype(np.float32).reshape(shape), is_good)


_NUMBERS = (("id", pa.int64()), ("value", pa.float64()))


def _highest(cell: Array, values: Array) -> Array:
    """Of each cell but ABSENT, the position of its highest value, the first of equal ones."""
    present = np.flatnonzero(cell != ABSENT)
    order = present[np.argsort(cell[present], kind="stable")]  # fast: cells are almost in order
    is_first = np.diff(cell[order], prepend=ABSENT) != 0
    highest = np.maximum.reduceat(values[order], np.flatnonzero(is_first))
    group = np.cumsum(is_first) - 1
    at = np.flatnonzero(values[order] == highest[group])
    best: Array = order[at[np.diff(group[at], prepend=-1) != 0]]
    return best


def _blocks(path: Path, block_bytes: int) -> Iterator[tuple[int, Any]]:
    """(number of the first line, lines) of whole lines; a block is cut at its last line break."""
    number, rest = 1, b""
    with unpacked(path) as source:
        while block := source.stream.read(block_bytes):
            block = block.removeprefix(BOM_UTF8) if number == 1 and not rest else block
            whole, end, rest = (rest + block).rpartition(b"\n")
            if end:
                lines = _split(whole)
                yield number, lines
                number += len(lines)
    if rest:
        yield number, _split(rest)


def _split(block: bytes) -> Any:
    text = pa.array([block.decode("utf-8", errors="replace")])
    return pc.utf8_rtrim(pc.list_flatten(pc.split_pattern(text, "\n")), "\r")
