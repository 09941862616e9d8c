"""Whether two runs ended with the same weights, told from their files: torch stays out of this process."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

N_DIGEST_BYTES = 32
"""A checkpoint ends with its SHA-256."""


def weights(path: Path) -> dict[str, bytes]:
    """The tensors of a checkpoint by their place in it; it is a zip archive with a digest behind."""
    with zipfile.ZipFile(BytesIO(path.read_bytes()[:-N_DIGEST_BYTES])) as archive:
        return {name: archive.read(name) for name in archive.namelist() if "/data/" in name}


def largest_difference(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
    """Between float32 tensors; 0 only where they are equal bit by bit."""
    if one == other:
        return 0.0
    if {n: len(raw) for n, raw in one.items()} != {n: len(raw) for n, raw in other.items()}:
        return float("inf")
    pairs = [(np.frombuffer(one[n], np.float32), np.frombuffer(other[n], np.float32)) for n in one]
    tiny = float(np.finfo(np.float32).tiny)  # -0.0 and 0.0 are different bits, too
    return max(tiny, *(float(np.abs(a - b).max()) for a, b in pairs if a.size))
