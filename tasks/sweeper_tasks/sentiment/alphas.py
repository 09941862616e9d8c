"""The weight of each class in the focal loss, from how common it is. No torch here.

A aspects; K classes of each: the three polarities, and "not named" where the loss has such a class.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper_tasks.class_weights import inverse_frequency
from sweeper_tasks.sentiment.loss_config import CLASSES, Alpha, LossConfig, MultilabelFocal
from sweeper_tasks.sentiment.polarities import N_POLARITIES

Floats = NDArray[np.float64]


def auto_alpha(counts: ArrayLike) -> Floats:
    """[..., K] weights from numbers of examples [..., K]: see `inverse_frequency`, over all K classes.

    Where a class is absent its part of the weight is lost: aspects of few polarities count for less.
    """
    return inverse_frequency(counts, np.shape(counts)[-1])


def alpha_of(choice: Alpha, counts: NDArray[Any]) -> Floats:
    """[A, K] what `loss.focal_alpha` says, for a training split with these numbers of examples [A, K].

    "auto" weighs by the counts of all aspects together, "per_aspect" by each one's own; a list holds for all
    aspects, None is 1 everywhere.
    """
    match choice:
        case None:
            return np.ones(counts.shape)
        case "per_aspect":
            return auto_alpha(counts)
        case "auto":
            return np.broadcast_to(auto_alpha(counts.sum(axis=0)), counts.shape)
        case _:
            return np.broadcast_to(np.asarray(choice, dtype=np.float64), counts.shape)


def training_counts(facts: Mapping[str, Any], n_classes: int) -> NDArray[np.int64]:
    """[A, K] numbers of training examples by class; a fourth class holds the reviews without the aspect."""
    counts = np.asarray(facts["counts"]["train"], dtype=np.int64)
    if n_classes == N_POLARITIES:
        return counts
    return np.column_stack([counts, facts["rows"]["train"] - counts.sum(axis=1)])


def distribution_table(loss: LossConfig, facts: Mapping[str, Any]) -> list[str]:
    """How polarities are distributed in training, what "auto" makes of it, and what the loss uses; lines."""
    counts = training_counts(facts, loss.n_classes)
    total = counts.sum(axis=0)
    used = alpha_of(loss.focal_alpha, counts) if isinstance(loss, MultilabelFocal) else np.ones(counts.shape)
    shares, auto = total / max(total.sum(), 1), auto_alpha(total)
    rows = [
        f"{CLASSES[c]:<10}{n:>9}{shares[c]:>9.1%}{auto[c]:>12.4f}{_range(used[:, c]):>18}"
        for c, n in enumerate(total)
    ]
    return [f"{'polarity':<10}{'train':>9}{'share':>9}{'alpha auto':>12}{'alpha used':>18}", *rows]


def _range(alphas: Floats) -> str:
    low, high = alphas.min(), alphas.max()
    return f"{low:.4f}" if low == high else f"{low:.4f} to {high:.4f}"
