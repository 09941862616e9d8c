"""Ali-CCP on disk as raw columns: what the text says, in arrays, before any vocabulary is known.

An impression's line (`sample_id, click, conversion, key, n, features`) names by `key` the line of its user's
features (`key, n, features`), which many impressions share; here the key becomes a row number.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweeper_tasks.esmm.ali_ccp_text import BLOCK_BYTES, BadLines, Lines, parse_features, read_lines
from sweeper_tasks.esmm.columns import Array

_VALID = ("0", "1")


class Growing:
    """A column of unknown length, appended to a file that is open only then, read back as a memory map."""

    def __init__(self, path: Path, dtype: type[np.generic], *width: int) -> None:
        self._path, self._dtype, self._width = path, np.dtype(dtype), width
        path.write_bytes(b"")

    def append(self, rows: Array) -> None:
        """Write more rows."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())

    def finish(self) -> Array:
        """All rows, read-only."""
        if self._path.stat().st_size == 0:  # nothing to map
            return np.empty((0, *self._width), dtype=self._dtype)
        return np.memmap(self._path, self._dtype, "r").reshape(-1, *self._width)


@dataclass(frozen=True)
class Common:
    """The features that impressions share, by the hash of their key."""

    sorted_keys: Array  # [C] uint64
    order: Array  # [C] the row of each sorted key
    ids: Array  # [C, F] int64
    values: Array  # [C, F] float32

    def find(self, keys: Array) -> tuple[Array, Array]:
        """The row of each hashed key, and whether there is one."""
        if len(self.sorted_keys) == 0:
            return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=bool)
        at = np.minimum(np.searchsorted(self.sorted_keys, keys), len(self.sorted_keys) - 1)
        return self.order[at], self.sorted_keys[at] == keys


@dataclass(frozen=True)
class Samples:
    """Impressions: own features, labels, the row of their common features, a hash of their id in [0, 1)."""

    ids: Array  # [N, F] int64
    values: Array  # [N, F] float32
    click: Array  # [N] uint8
    conversion: Array  # [N] uint8
    common_row: Array  # [N] int64
    chance: Array  # [N] float64


def read_common(
    path: Path, fields: tuple[str, ...], folder: Path, bad: BadLines, block_bytes: int = BLOCK_BYTES
) -> Common:
    """The common features in `path`; of lines with the same key the first counts, the others are malformed.

    Only the keys are held in memory, 24 bytes a line.
    """
    ids, values = _feature_columns(folder, len(fields))
    keys, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for lines in read_lines(path, 3, bad, block_bytes):
        parsed = parse_features(lines.columns[1], lines.columns[2], fields)
        kept = lines.keep(parsed.is_good, bad, path.name, _ITEMS)
        ids.append(parsed.ids[parsed.is_good])
        values.append(parsed.values[parsed.is_good])
        keys.append(hashed(kept.columns[0]))
        numbers.append(kept.numbers)
    key, number = np.concatenate(keys), np.concatenate(numbers)
    order = np.argsort(key, kind="stable")
    bad.add(path.name, "a key that an earlier line has", number[order[1:][key[order[1:]] == key[order[:-1]]]])
    return Common(key[order], order, ids.finish(), values.finish())


def read_samples(
    path: Path,
    fields: tuple[str, ...],
    common: Common,
    seed: int,
    folder: Path,
    bad: BadLines,
    block_bytes: int = BLOCK_BYTES,
) -> Samples:
    """The impressions in `path`, in their order; `seed` enters the hash of their ids."""
    ids, values = _feature_columns(folder, len(fields))
    click, conversion = (Growing(folder / name, np.uint8) for name in ("click", "conversion"))
    common_row, chance = Growing(folder / "common_row", np.int64), Growing(folder / "chance", np.float64)
    for block in read_lines(path, 6, bad, block_bytes):
        lines = _with_labels(block, bad, path.name)
        parsed = parse_features(lines.columns[4], lines.columns[5], fields)
        row, found = common.find(hashed(lines.columns[3]))
        good = parsed.is_good & found
        bad.add(path.name, _ITEMS, lines.numbers[~parsed.is_good])
        bad.add(path.name, "a key without common features", lines.numbers[parsed.is_good & ~found])
        ids.append(parsed.ids[good])
        values.append(parsed.values[good])
        click.append(_is_one(lines.columns[1])[good])
        conversion.append(_is_one(lines.columns[2])[good])
        common_row.append(row[good])
        chance.append(hashed(lines.columns[0], seed)[good] / 2.0**64)
    columns = (column.finish() for column in (ids, values, click, conversion, common_row, chance))
    return Samples(*columns)


def hashed(text: pa.Array, seed: int = 0) -> Array:
    """[n] uint64 hashes: two of ten million keys collide with a probability of 3e-6."""
    strings = text.to_numpy(zero_copy_only=False)
    found: Array = pd.util.hash_array(strings, hash_key=f"{seed:016d}"[:16], categorize=False)
    return found


_ITEMS = "a feature that cannot be read, or not as many as announced"


def _feature_columns(folder: Path, n_fields: int) -> tuple[Growing, Growing]:
    folder.mkdir(parents=True)
    return Growing(folder / "ids", np.int64, n_fields), Growing(folder / "values", np.float32, n_fields)


def _with_labels(lines: Lines, bad: BadLines, file: str) -> Lines:
    """The lines whose labels make sense."""
    valid = pa.array(_VALID)
    is_label = pc.and_(*(pc.is_in(lines.columns[i], valid) for i in (1, 2)))
    lines = lines.keep(np.asarray(is_label), bad, file, "a label that is neither 0 nor 1")
    in_order = _is_one(lines.columns[1]) | ~_is_one(lines.columns[2])
    return lines.keep(in_order, bad, file, "a conversion without a click")


def _is_one(label: pa.Array) -> Array:
    return np.asarray(pc.equal(label, "1"))
