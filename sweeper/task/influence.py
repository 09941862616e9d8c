"""Influence values: how much each example moves a metric, and so the metric's sampling variance.

Values are on the scale of one example: mean zero, and `sum(x**2) / n**2` is the unbiased estimate of the
metric's variance over splits of this size. Influence values of two models on the same examples may be
subtracted: the same sum then gives the variance of the difference, covariance included. Nothing here
imports torch.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def mean_influence(values: ArrayLike) -> Floats:
    """Influence values [n] of the mean of per-example `values` [n]: `(v - mean(v)) * sqrt(n / (n - 1))`.

    A rate is the mean of zeros and ones, a mean over images the mean of per-image values. One example
    alone has influence 0: its variance cannot be known.
    """
    v: Floats = np.asarray(values, dtype=np.float64)
    influence: Floats = (v - v.mean()) * np.sqrt(v.size / max(v.size - 1, 1))
    return influence


def auc_influence(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """Influence values [n] of the area under the ROC curve of `scores` [n] for binary `labels` [n].

    A positive is worth the share of negatives below it (a tie counts half), a negative the share of
    positives above it: DeLong's structural components. Less their mean, the AUC, and times n over the
    size of the class they are influence values, and `sum(x**2) / n**2` is DeLong's variance exactly.

    Raises: ValueError where one class is missing.
    Numerics: mid-ranks instead of all pairs, O(n log n).
    Source: DeLong, DeLong & Clarke-Pearson 1988, equations 3 to 5; by ranks as in Sun & Xu 2014
    (doi:10.1109/LSP.2014.2337313); theirs is the covariance matrix, this keeps the summands.
    """
    score, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    n, n_pos = positive.size, int(positive.sum())
    if not 0 < n_pos < n:
        raise ValueError(f"labels: got {n_pos} positives among {n} examples; expected both classes")
    rank, influence = midranks(score), np.empty(n)
    below = (rank[positive] - midranks(score[positive])) / (n - n_pos)
    above = 1 - (rank[~positive] - midranks(score[~positive])) / n_pos
    influence[positive] = mean_influence(below) * (n / n_pos)
    influence[~positive] = mean_influence(above) * (n / (n - n_pos))
    return influence


def average_precision_influence(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """Influence values [n] of the average precision of `scores` [n] for binary `labels` [n].

    They are its infinitesimal jackknife.

    With pi the prevalence, G(s) the share of examples that score s or more, T(s) the share that do so and are
    positive, AP = E[y T(S) / G(S)] / pi. An example at s with label y has, besides its own precision T / G,
    raised T for all positives at or below s (if it is one) and G for all of them:

        x = [y (T(s) / G(s) + U(s) - AP) - V(s)] / pi
        U(s) = E[y 1{S <= s} / G(S)],   V(s) = E[y 1{S <= s} T(S) / G(S)^2]

    Mean zero; `sum(x**2) / n**2` estimates the variance of AP over splits of this size, after the factor
    n / (n - 1) of an unbiased variance.

    Raises: ValueError without a positive.
    Numerics: sums over distinct scores, O(n log n); ties are thresholds in common, as in scikit-learn.
    Source: the functional derivative of average precision; the variance of an infinitesimal jackknife is in
    Efron 1982, chapter 6.
    """
    is_positive = np.asarray(labels).astype(bool)
    n, n_pos = is_positive.size, int(is_positive.sum())
    if n_pos == 0:
        raise ValueError(f"labels: got no positive among {n} examples; expected at least one")
    _, group = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)  # by rising score
    size, hits = np.bincount(group), np.bincount(group, weights=is_positive)
    above, hits_above = (np.cumsum(counts[::-1])[::-1] / n for counts in (size, hits))  # G and T
    gained = np.cumsum(hits / n / above)
    lost = np.cumsum(hits / n * hits_above / above**2)
    precision = hits_above / above
    average = hits @ precision / n_pos
    own = np.where(is_positive, (precision + gained)[group] - average, 0.0)
    influence: Floats = (own - lost[group]) * (n / n_pos) * np.sqrt(n / max(n - 1, 1))
    return influence


def midranks(values: NDArray[Any]) -> Floats:
    """Ranks from 1, where equal values share the mean of their ranks.

    The values of `scipy.stats.rankdata`, which takes two to four times as long, and whose import would cost
    every command and every worker more than all their ranks.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks
