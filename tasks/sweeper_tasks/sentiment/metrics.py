"""How well polarities are told. No torch here.

Shapes: n reviews, A aspects; a cell is an aspect with a polarity, so there are A x 3. `true` and `predicted`
are [n, A] int8, a polarity or -1: not named, or no polarity predicted. Where only named aspects are judged,
the prediction for the others is -1 too.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper_tasks.sentiment.polarities import N_POLARITIES, NOT_NAMED, POLARITIES, Labels, counts_of

Floats = NDArray[np.float64]


class Cells(NamedTuple):
    """[A, 3] each: how many are right, how many are predicted so, and how many are so."""

    hits: NDArray[np.int64]
    predicted: NDArray[np.int64]
    support: NDArray[np.int64]

    def f1(self) -> Floats:
        """[A, 3] `2 TP / (2 TP + FP + FN)`, here `2 hits / (predicted + support)`; 0 for an empty cell."""
        scores: Floats = 2 * self.hits / np.maximum(self.predicted + self.support, 1)
        return scores


def cells_of(true: Labels, predicted: Labels) -> Cells:
    """The cells of a split.

    Where an aspect that is not named counts as an answer of its own, a polarity predicted for it is a false
    positive of that cell, and no polarity predicted for a named one a false negative.
    """
    hits = np.where(true == predicted, true, NOT_NAMED)
    return Cells(counts_of(hits), counts_of(predicted), counts_of(true))


def sentiment_metrics(
    true: Labels, predicted: Labels, slugs: tuple[str, ...], min_support: int
) -> dict[str, float]:
    """All metrics of a split but the losses.

    `macro_f1`: mean F1 of the cells with at least `min_support` examples, the objective. `micro_f1`: F1 of
    all cells' counts together; where only named aspects are judged, it equals `accuracy`. `accuracy`: share
    of the named aspects whose polarity is right. `f1_<polarity>` and `f1_<aspect>`: mean F1 of the counted
    cells of one polarity, of one aspect; left out where there are none.
    """
    cells = cells_of(true, predicted)
    f1, counted = cells.f1(), cells.support >= min_support
    n_hits, n_named = cells.hits.sum(), max(cells.support.sum(), 1)
    metrics = {
        "macro_f1": _mean(f1[counted]),
        "micro_f1": float(2 * n_hits / max(cells.predicted.sum() + cells.support.sum(), 1)),
        "accuracy": float(n_hits / n_named),
    }
    by_polarity = zip(POLARITIES, f1.T, counted.T, strict=True)
    for name, scores, is_counted in [*by_polarity, *zip(slugs, f1, counted, strict=True)]:
        if is_counted.any():
            metrics[f"f1_{name}"] = _mean(scores[is_counted])
    return metrics


def macro_f1_influence(true: Labels, predicted: Labels, min_support: int) -> Floats:
    """[n] influence values of `macro_f1`; see `sweeper.task.influence` for their scale.

    macro_f1 is no mean over reviews, but a smooth function of sums over reviews, so that the infinitesimal
    jackknife (the delta method) gives them. A cell's F1 is `F = 2 H / D` with H its hits and D what is
    predicted so plus what is so. A review that adds h to H and d to D moves it by

        dF = dF/dH h + dF/dD d = (2 h - F d) / D,

    and macro_f1 by the mean of this over the cells that count. The sum over reviews is 2 H - F D = 0. Times n
    these are values on the scale of one review, and `sqrt(n / (n - 1))` as for a mean: where every review
    names one aspect and D is fixed, it is the same formula. Which cells count is taken as given.

    Source: Jaeckel 1972; Efron 1982, chapter 6. A leave-one-out jackknife agrees to O(1 / D).
    """
    cells = cells_of(true, predicted)
    counted = cells.support >= min_support
    slope = np.where(counted, 1 / np.maximum(cells.predicted + cells.support, 1), 0) / max(counted.sum(), 1)
    f1, n, moved = cells.f1(), len(true), np.zeros(len(true))
    for c in range(N_POLARITIES):
        is_true, is_predicted = true == c, predicted == c  # [n, A]
        gain = 2.0 * (is_true & is_predicted) - f1[:, c] * (is_true.astype(float) + is_predicted)
        moved += gain @ slope[:, c]
    influence: Floats = moved * n * np.sqrt(n / max(n - 1, 1))
    return influence


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else 0.0
