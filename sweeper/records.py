"""Per-example records, as a run leaves them in `records.npz`."""

import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

Records = dict[str, np.ndarray[Any, Any]]
INFLUENCE = "influence_"
"""How the names of influence values begin; the metric's name follows."""


def read_records(path: Path, names: Collection[str] | None = None) -> Records | None:
    """The arrays in the file, all or those of `names` that are there; None where it is gone or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files if names is None or name in names}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        return None


def names_of_records(path: Path) -> frozenset[str]:
    """The names of the arrays in the file, which are not read; none where it is gone or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as loaded:
            return frozenset(loaded.files)
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        return frozenset()


def read_influence(path: Path, metric: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The influence values [n] on `metric`; None where the file has none, is gone or damaged.

    An interval less is no reason to lose the figures.
    """
    name = f"{INFLUENCE}{metric}"
    found = (read_records(path, [name]) or {}).get(name)
    return None if found is None else found.astype(np.float64)
