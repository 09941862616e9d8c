"""Per-example records, as a run leaves them in `records.npz`."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

Records = dict[str, np.ndarray[Any, Any]]


def read_records(path: Path) -> Records | None:
    """All arrays in the file; None where it is gone or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        return None
