"""How far one gets without looking at a picture: all of it background. No torch here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeper_tasks.segmentation.classes import BACKGROUND, N_CLASSES
from sweeper_tasks.segmentation.metrics import Counts, segmentation_metrics
from sweeper_tasks.segmentation.pictures import CHUNK, SPLITS, Array


def trivial_facts(folder: Path) -> dict[str, Any]:
    """What the trivial predictor is, and all its metrics on the masks of each split in `folder`."""
    return {
        "trivial_predictor": "every pixel is background",
        "trivial": {split: segmentation_metrics(_counts(masks)) for split, masks in _masks(folder).items()},
    }


def all_background(masks: Array) -> Counts:
    """[n, C, C] the confusions of masks [n, H, W] with an answer that is background everywhere."""
    cells = np.arange(len(masks))[:, None] * N_CLASSES + masks.reshape(len(masks), -1)
    there = np.bincount(cells.ravel(), minlength=len(masks) * N_CLASSES).reshape(-1, N_CLASSES)
    counts = np.zeros((len(masks), N_CLASSES, N_CLASSES), dtype=np.int64)
    counts[:, :, BACKGROUND] = there
    return counts


def _masks(folder: Path) -> Mapping[str, Array]:
    return {split: np.load(folder / f"{split}_masks.npy", mmap_mode="r") for split in SPLITS}


def _counts(masks: Array) -> Counts:
    """Of a whole split, a few pictures at a time: its masks may be larger than the memory."""
    return np.concatenate(list(_parts(masks)))


def _parts(masks: Array) -> Iterator[Counts]:
    return (all_background(masks[i : i + CHUNK]) for i in range(0, len(masks), CHUNK))
