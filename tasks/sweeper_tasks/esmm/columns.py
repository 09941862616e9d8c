"""The prepared columns that all esmm data sources end in: written in slices, normalised, counted.

For each split: `<split>_sparse` int32 [N, F] (ids, 0 = unknown), `<split>_dense` float32 [N, D],
`<split>_click` and `<split>_conversion` uint8 [N]. All are memory-mapped, so that N is bounded by the disk.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.task import Contents, Count, Fault, UserError, copies_of, new_array, refuse_copies
from sweeper_tasks.esmm.trivial import trivial_facts

Array = np.ndarray[Any, Any]

SPLITS = ("train", "val", "test")
CHUNK = 1 << 17
"""Rows that are in memory at a time."""


class SplitWriter:
    """The columns of one split with `n_rows` rows; `more` names further float32 columns."""

    def __init__(
        self, folder: Path, split: str, n_rows: int, n_sparse: int, n_dense: int, more: Sequence[str] = ()
    ) -> None:
        self._written = 0
        self._columns = {
            "sparse": create(folder, f"{split}_sparse", (n_rows, n_sparse), np.int32),
            "dense": create(folder, f"{split}_dense", (n_rows, n_dense), np.float32),
            "click": create(folder, f"{split}_click", (n_rows,), np.uint8),
            "conversion": create(folder, f"{split}_conversion", (n_rows,), np.uint8),
            **{name: create(folder, f"{split}_{name}", (n_rows,), np.float32) for name in more},
        }

    def append(self, **rows: Array) -> None:
        """Fill the next rows of every column."""
        start, self._written = self._written, self._written + len(rows["click"])
        for name, column in self._columns.items():
            column[start : self._written] = rows[name]


def create(folder: Path, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
    """A new memory-mapped `<name>.npy` of zeros."""
    return new_array(folder / f"{name}.npy", shape, dtype)


def chunks(n_rows: int, size: int = CHUNK) -> Iterator[slice]:
    """Consecutive slices that cover `n_rows` rows."""
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


def normalise(folder: Path) -> None:
    """Shift and scale `<split>_dense` by the training split's mean and deviation; NaN becomes 0, the mean.

    A column that is constant or empty in the training split becomes 0 there and is only shifted elsewhere.
    """
    dense = {split: np.load(folder / f"{split}_dense.npy", mmap_mode="r+") for split in SPLITS}
    if dense["train"].shape[1] == 0:
        return
    mean, std = _moments(dense["train"])
    for column in dense.values():
        for rows in chunks(len(column)):
            column[rows] = np.nan_to_num((column[rows] - mean) / std, nan=0.0)
        column.flush()


def _moments(column: Array) -> tuple[Array, Array]:
    """Mean and standard deviation over what is not NaN, in float64; two passes, because one would cancel."""
    known = np.maximum(_total(column, lambda part: ~np.isnan(part)), 1)
    mean = _total(column, np.nan_to_num) / known
    variance = _total(column, lambda part: np.nan_to_num(part - mean) ** 2) / known
    is_constant = variance <= 1e-12 * mean**2
    return mean, np.where(is_constant, 1.0, np.sqrt(variance))


def _total(column: Array, of: Callable[[Array], Array]) -> Array:
    """The sum of `of(rows)` over all rows, one value a column."""
    parts = (of(column[rows].astype(np.float64)).sum(axis=0) for rows in chunks(len(column)))
    total: Array = np.sum(list(parts), axis=0)
    return total


def facts_of(
    folder: Path,
    sparse_fields: Mapping[str, int],
    dense_fields: Sequence[str],
    advice: str,
    digests: Mapping[str, Array] | None = None,
    same: str = "",
    shared_groups: Mapping[str, int] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The manifest's facts: fields, rows and positives by split, negatives / positives of the training split.

    `digests` are those of the rows as they were read, by split, to find copies. Raises UserError with
    `advice` where a split has no positives; and with `same`, of splits that come with the data, where one is
    the same rows as another.
    """
    clicks, conversions = _positives(folder, "click"), _positives(folder, "conversion")
    rows = {split: len(np.load(folder / f"{split}_click.npy", mmap_mode="r")) for split in SPLITS}
    if faults := faults_of_positives({"click": clicks, "conversion": conversions}, advice):
        raise UserError(faults)
    if digests and same:
        refuse_copies(digests, same)
    contents = Contents(
        noun="rows",
        rows=rows,
        counts=(
            Count(name="clicks", n=clicks, scale="auc"),
            Count(name="conversions", n=conversions, scale="auc"),
        ),
        copies=copies_of(digests) if digests else {},
        shared_groups=dict(shared_groups or {}),
    )
    return {
        **contents.facts(),
        "sparse_fields": [{"name": name, "vocabulary": size} for name, size in sparse_fields.items()],
        "dense_fields": list(dense_fields),
        "rows": rows,
        "clicks": clicks,
        "conversions": conversions,
        "pos_weight": {
            "ctr": rows["train"] / clicks["train"] - 1,
            "ctcvr": rows["train"] / conversions["train"] - 1,
        },
        "best_auc": None,
        **trivial_facts(rows, clicks, conversions),
        **more,
    }


def faults_of_positives(counts: Mapping[str, Mapping[str, int]], advice: str) -> list[Fault]:
    """A fault for each split whose `counts[label][split]` is zero: no AUC exists there, and no pos_weight."""
    return [
        Fault(f"data ({split} split)", f"got no {label} at all; expected at least one", advice)
        for label, by_split in counts.items()
        for split, count in by_split.items()
        if count == 0
    ]


def _positives(folder: Path, label: str) -> dict[str, int]:
    columns = {split: np.load(folder / f"{split}_{label}.npy", mmap_mode="r") for split in SPLITS}
    return {
        split: sum(int(column[rows].sum(dtype=np.int64)) for rows in chunks(len(column)))
        for split, column in columns.items()
    }
