"""What is known of the texts of all splits, and how far one gets without looking. No torch here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sweeper_tasks.captcha.alphabet import N_CLASSES, PADDING, Codes, decode, ended
from sweeper_tasks.captcha.metrics import reading_metrics

SPLITS = ("train", "val", "test")


def facts_of(codes: Mapping[str, Codes]) -> dict[str, Any]:
    """Sizes and texts of the splits' codes [n, L], and what the trivial predictor reaches on each."""
    guess = most_frequent(codes["train"])
    return {
        "rows": {split: len(rows) for split, rows in codes.items()},
        "characters": {split: int((rows != PADDING).sum()) for split, rows in codes.items()},
        "n_distinct_texts": {split: len(np.unique(rows, axis=0)) for split, rows in codes.items()},
        "trivial_predictor": f"the commonest character of each position, '{decode(guess)}' for every image",
        "trivial": {
            split: reading_metrics(np.broadcast_to(guess, rows.shape), rows) for split, rows in codes.items()
        },
    }


def most_frequent(codes: Codes) -> Codes:
    """[L] the commonest code of each position of `codes` [n, L]; of equals the first."""
    counts = [np.bincount(column, minlength=N_CLASSES) for column in codes.T]
    guess: Codes = ended(np.array([[count.argmax() for count in counts]]))[0]
    return guess
