"""What is known of the labels of all splits, and how far one gets without reading. No torch here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sweeper_tasks.sentiment.metrics import sentiment_metrics
from sweeper_tasks.sentiment.polarities import NOT_NAMED, POLARITIES, Labels, counts_of


def facts_of(labels: Mapping[str, Labels], aspects: Sequence[str], min_support: int) -> dict[str, Any]:
    """Sizes, counts by cell, and what the trivial predictor reaches, from the splits' labels [n, A].

    The trivial predictor knows which aspects are named; where a loss makes that part of the question
    (`loss.absent=class`), it has an easier task than the models.
    """
    counts = {split: counts_of(rows) for split, rows in labels.items()}
    slugs = slugs_of(aspects)
    return {
        "rows": {split: len(rows) for split, rows in labels.items()},
        "aspects": list(aspects),
        "slugs": list(slugs),
        "min_support": min_support,
        "counts": {split: found.tolist() for split, found in counts.items()},
        "trivial_predictor": "the commonest polarity of each aspect in training, whatever the review says",
        "trivial": {
            split: sentiment_metrics(rows, commonest(counts["train"], rows), slugs, min_support)
            for split, rows in labels.items()
        },
    }


def commonest(counts: np.ndarray[Any, Any], labels: Labels) -> Labels:
    """[n, A] the polarity that is commonest by `counts` [A, 3], wherever `labels` name the aspect."""
    guess: Labels = np.where(labels == NOT_NAMED, NOT_NAMED, counts.argmax(axis=1)).astype(np.int8)
    return guess


def slugs_of(aspects: Iterable[str]) -> tuple[str, ...]:
    """A name for metrics for each aspect: small letters, digits and `_`, no two alike."""
    taken = list(POLARITIES)
    for i, aspect in enumerate(aspects):
        slug = re.sub(r"[^0-9a-z]+", "_", aspect.lower()).strip("_") or "aspect"
        taken.append(f"{slug}_{i}" if slug in taken else slug)
    return tuple(taken[len(POLARITIES) :])
