"""What each split of pictures holds: how many pictures have each class, and copies. No torch here."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sweeper.task import Contents, Count
from sweeper_tasks.picture_copies import copies_in
from sweeper_tasks.segmentation.pictures import SPLITS, Array


def contents_of(folder: Path, classes: Sequence[str]) -> Contents:
    """Of the arrays in `folder`; `classes` are the names of a mask's values, of which those that occur count.

    Raises UserError where two splits are the same pictures.
    """
    masks = {split: np.load(folder / f"{split}_masks.npy", mmap_mode="r") for split in SPLITS}
    holding = {split: _pictures_with(found, len(classes)) for split, found in masks.items()}
    counts = (
        Count(kind="class", name=name, n={s: int(n[c]) for s, n in holding.items()}, role="told")
        for c, name in enumerate(classes)
        if any(n[c] for n in holding.values())
    )
    return Contents(
        noun="pictures",
        rows={split: len(found) for split, found in masks.items()},
        counts=tuple(counts),
        copies=copies_in(folder, "pictures"),
        rows_judged=True,
    )


def _pictures_with(masks: Array, n_classes: int) -> Array:
    """[C] in how many masks of [n, S, S] each class is."""
    counts = np.zeros(n_classes, dtype=np.int64)
    for mask in masks:
        counts += np.bincount(mask.ravel(), minlength=n_classes)[:n_classes] > 0
    return counts
