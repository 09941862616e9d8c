"""What is known of the masks of all splits, and how far one gets without looking. No torch here."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper_tasks.segmentation.class_facts import ClassFacts
from sweeper_tasks.segmentation.metrics import Counts, segmentation_metrics
from sweeper_tasks.segmentation.pictures import CHUNK, N_VALUES, SPLITS, Array, class_pixels

MOST, UNLIKE = 0.5, 4.0
"""A share of classes; how many times more pixels than its mirror image a class hardly has."""
N_NAMED = 8


def prepared_facts(folder: Path, classes: ClassFacts) -> dict[str, Any]:
    """`pixels` of each class in train, `pictures` of each split, and what the trivial predictor reaches.

    That says the background everywhere; where there is none, the commonest class of the training split.
    `ignored_pixels` is the share of training's pixels that count nowhere, where there are any.
    """
    masks = {split: np.load(folder / f"{split}_masks.npy", mmap_mode="r") for split in SPLITS}
    pixels = class_pixels(masks["train"], classes.n_classes)
    guess = classes.background_class
    answer = "background" if guess is not None else classes.classes[int(pixels.argmax())]
    guess = int(pixels.argmax()) if guess is None else guess
    n_ignored = masks["train"].size - int(pixels.sum())
    return {
        "pixels": pixels.tolist(),
        "pictures": {split: len(found) for split, found in masks.items()},
        **({"ignored_pixels": n_ignored / masks["train"].size} if n_ignored else {}),
        "trivial_predictor": f"every pixel is {answer}",
        "trivial": {
            split: segmentation_metrics(_counts(found, guess, classes.n_classes), classes, pixels.tolist())
            for split, found in masks.items()
        },
    }


def all_one_class(masks: Array, guess: int, n_classes: int) -> Counts:
    """[n, C, C] the confusions of masks [n, H, W] with an answer that is one class everywhere."""
    cells = np.arange(len(masks))[:, None] * N_VALUES + masks.reshape(len(masks), -1)
    there = np.bincount(cells.ravel(), minlength=len(masks) * N_VALUES).reshape(-1, N_VALUES)
    counts = np.zeros((len(masks), n_classes, n_classes), dtype=np.int64)
    counts[:, :, guess] = there[:, :n_classes]
    return counts


def absent_classes(pixels: Sequence[int], classes: ClassFacts) -> list[str]:
    """The classes without a pixel in training."""
    return [name for name, n in zip(classes.classes, pixels, strict=True) if not n]


def _counts(masks: Array, guess: int, n_classes: int) -> Counts:
    """Of a whole split, a few pictures at a time: its masks may be larger than the memory."""
    return np.concatenate(list(_parts(masks, guess, n_classes)))


def _parts(masks: Array, guess: int, n_classes: int) -> Iterator[Counts]:
    return (all_one_class(masks[i : i + CHUNK], guess, n_classes) for i in range(0, len(masks), CHUNK))


def warnings_of(facts: Mapping[str, Any], classes: ClassFacts) -> list[str]:
    """What makes one doubt that the masks are of these classes, or that each can be learned."""
    if "pixels" not in facts or len(facts["pixels"]) != classes.n_classes:
        return []
    absent = absent_classes(facts["pixels"], classes)
    return _of_absent(absent, facts, classes) + _of_mirrored(facts["pixels"], classes)


def _of_absent(absent: Sequence[str], facts: Mapping[str, Any], classes: ClassFacts) -> list[str]:
    if len(absent) > MOST * classes.n_classes:
        return [
            f"data.classes: {len(absent)} of {classes.n_classes} classes occur nowhere in the training split "
            f"({_named(absent)}); are these the classes of these masks? Describe other data with "
            "data=segmentation/folder data.classes=[...]."
        ]
    held = [name for split in ("val", "test") for name in absent if f"f_{name}" in facts["trivial"][split]]
    if not held:
        return []
    return [
        f"data.classes: {_named(list(dict.fromkeys(held)))} occur in validation or test and nowhere in "
        "training; nothing can be learned of them."
    ]


def _of_mirrored(pixels: Sequence[int], classes: ClassFacts) -> list[str]:
    """Of left and right there is as much, in pictures enough."""
    unlike = [
        f"{classes.classes[one]} ({pixels[one]:,} pixels) and {classes.classes[other]} ({pixels[other]:,})"
        for one, other in classes.swaps
        if min(pixels[one], pixels[other]) * UNLIKE < max(pixels[one], pixels[other])
    ]
    if not unlike:
        return []
    return [
        f"data.mirrored: {'; '.join(unlike)} differ too much to be left and right of one thing; mirrored "
        "pictures make the one the other. Where that is not meant: data.mirrored=[]."
    ]


def _named(names: Sequence[str]) -> str:
    more = len(names) - N_NAMED
    return ", ".join(names[:N_NAMED]) + (f" and {more} more" if more > 0 else "")
