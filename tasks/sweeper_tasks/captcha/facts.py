"""What is known of the texts of all splits, and how far one gets without looking. No torch here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sweeper.task import Contents, Count
from sweeper_tasks.captcha.alphabet import CHARACTERS, N_CLASSES, PADDING, Codes, decode, ended
from sweeper_tasks.captcha.metrics import reading_metrics

SPLITS = ("train", "val", "test")


def facts_of(
    codes: Mapping[str, Codes], copies: Mapping[str, Mapping[str, int]] | None = None
) -> dict[str, Any]:
    """Sizes and texts of the splits' codes [n, L], and what the trivial predictor reaches on each.

    `copies` of images between splits, where these were looked for.
    """
    guess = most_frequent(codes["train"])
    return {
        **contents_of(codes, copies).facts(),
        "rows": {split: len(rows) for split, rows in codes.items()},
        "characters": {split: int((rows != PADDING).sum()) for split, rows in codes.items()},
        "n_distinct_texts": {split: len(np.unique(rows, axis=0)) for split, rows in codes.items()},
        "trivial_predictor": f"the commonest character of each position, '{decode(guess)}' for every image",
        "trivial": {
            split: reading_metrics(np.broadcast_to(guess, rows.shape), rows) for split, rows in codes.items()
        },
    }


def contents_of(codes: Mapping[str, Codes], copies: Mapping[str, Mapping[str, int]] | None) -> Contents:
    """Images, and how many of them hold each character that occurs, by split; codes [n, L]."""
    rows = {split: len(found) for split, found in codes.items()}
    holding = {
        split: [(found == code).any(axis=1).sum() for code in range(PADDING)]
        for split, found in codes.items()
    }
    characters = (
        Count(kind="character", name=name, n={s: int(n[code]) for s, n in holding.items()}, role="known")
        for code, name in enumerate(CHARACTERS)
        if any(n[code] for n in holding.values())
    )
    return Contents(
        noun="images",
        rows=rows,
        counts=tuple(characters),
        copies={split: dict(seen) for split, seen in (copies or {}).items()},
        rows_judged=True,
    )


def most_frequent(codes: Codes) -> Codes:
    """[L] the commonest code of each position of `codes` [n, L]; of equals the first."""
    counts = [np.bincount(column, minlength=N_CLASSES) for column in codes.T]
    guess: Codes = ended(np.array([[count.argmax() for count in counts]]))[0]
    return guess
