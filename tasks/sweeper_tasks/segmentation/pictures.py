"""The prepared form of all data: for each split `<split>_images` [n, 3, S, S] and `<split>_masks` [n, S, S].

Both are uint8, so that a split is mapped, not read, and takes four bytes a pixel on a device.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.task import new_array

SPLITS = ("train", "val", "test")
CHUNK = 256
N_VALUES = 256
Array = np.ndarray[Any, Any]


class PictureWriter:
    """The two arrays of a split, filled one picture at a time, in any order."""

    def __init__(self, folder: Path, split: str, n: int, size: int) -> None:
        self._images = new_array(folder / f"{split}_images.npy", (n, 3, size, size), np.uint8)
        self._masks = new_array(folder / f"{split}_masks.npy", (n, size, size), np.uint8)

    def put(self, i: int, image: Array, mask: Array) -> None:
        """Picture [3, S, S] and mask [S, S] number i."""
        self._images[i], self._masks[i] = image, mask

    def close(self) -> None:
        """Everything is in the files."""
        self._images.flush()
        self._masks.flush()


def keep_only(folder: Path, split: str, rows: Sequence[int]) -> None:
    """Leave the other pictures of a split out, a few at a time: it may be larger than the memory."""
    for file in (folder / f"{split}_{name}.npy" for name in ("images", "masks")):
        whole, beside = np.load(file, mmap_mode="r"), file.with_suffix(".kept.npy")
        if len(rows) == len(whole):
            continue
        kept = new_array(beside, (len(rows), *whole.shape[1:]), whole.dtype)
        for start in range(0, len(rows), CHUNK):
            chosen = rows[start : start + CHUNK]
            kept[start : start + len(chosen)] = whole[list(chosen)]
        kept.flush()
        beside.replace(file)


def class_pixels(masks: Array, n_classes: int) -> Array:
    """[C] the number of pixels of each class in masks [n, S, S]; pixels that count nowhere are in none."""
    chunks = (masks[i : i + CHUNK].ravel() for i in range(0, len(masks), CHUNK))
    counts: Array = np.sum([np.bincount(chunk, minlength=N_VALUES) for chunk in chunks], axis=0)
    return counts[:n_classes]
