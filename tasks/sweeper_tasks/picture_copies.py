"""Pictures that several splits hold, known by the pixels that a network sees. No torch here."""

from pathlib import Path

import numpy as np

from sweeper.task import copies_of, picture_digests, refuse_copies

SPLITS = ("train", "val", "test")
WAY_OUT = "Give each split pictures of its own: a folder of test pictures is no copy of another one"


def copies_in(folder: Path, noun: str) -> dict[str, dict[str, int]]:
    """By split, how many of `<split>_images.npy` in `folder` an earlier split holds, too.

    Raises UserError where two splits are the same pictures.
    """
    images = {split: np.load(folder / f"{split}_images.npy", mmap_mode="r") for split in SPLITS}
    digests = {split: picture_digests(found) for split, found in images.items()}
    refuse_copies(digests, WAY_OUT, noun)
    return copies_of(digests)
