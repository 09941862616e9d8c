"""Influence values: how much each example moves a metric, and so the metric's sampling variance.

Values are on the scale of one example: mean zero, and `sum(x**2) / n**2` is the unbiased estimate of the
metric's variance over splits of this size. Influence values of two models on the same examples may be
subtracted: the same sum then gives the variance of the difference, covariance included. Nothing here
imports torch.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Ranking:
    """Scores [n] of examples with binary labels [n], sorted once for all that is read off their order.

    Equal scores share a place; not-a-numbers are equal, and above all others. `auc` and `average_precision`
    are those of scikit-learn, which takes several times as long.
    """

    def __init__(self, scores: ArrayLike, labels: ArrayLike) -> None:
        score, self._is_positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
        order = np.argsort(score)
        ranked = score[order]
        is_last = np.ones(score.size, dtype=bool)  # of its place
        is_last[:-1] = ranked[1:] != ranked[:-1]
        is_last[np.searchsorted(ranked, np.nan) : -1] = False
        ends = np.flatnonzero(is_last)
        positives = np.cumsum(self._is_positive[order], dtype=np.int64)[ends]
        self.n, self.n_pos = score.size, int(self._is_positive.sum())
        self._sizes, self._hits = _steps(ends, -1), _steps(positives, 0)
        self._misses = self._sizes - self._hits
        self._order, self._is_last = order, is_last

    @property
    def has_both(self) -> bool:
        """Whether there is an example of either class."""
        return 0 < self.n_pos < self.n

    def auc(self) -> float | None:
        """P(a positive scores higher than a negative) + P(tie) / 2; None where one class is missing."""
        if not self.has_both:
            return None
        ranks = np.cumsum(self._sizes) - (self._sizes - 1) / 2
        above = (self._hits * ranks).sum() - self.n_pos * (self.n_pos + 1) / 2
        return float(above / (self.n_pos * (self.n - self.n_pos)))

    def average_precision(self) -> float | None:
        """`sum_k (R_k - R_{k-1}) P_k` over distinct thresholds k, with recall R and precision P.

        None without positives.
        """
        if self.n_pos == 0:
            return None
        found, taken = np.cumsum(self._hits[::-1]), np.cumsum(self._sizes[::-1])
        return float(_steps(found, 0) @ (found / taken) / self.n_pos)

    def auc_influence(self) -> Floats:
        """Influence values [n] of the area under the ROC curve; see `sweeper.task.auc_influence`."""
        if not self.has_both:
            problem = f"got {self.n_pos} positives among {self.n} examples"
            raise ValueError(f"labels: {problem}; expected both classes")
        n_neg, positive = self.n - self.n_pos, self._is_positive
        place = np.empty(self.n, dtype=np.int64)
        place[self._order] = np.cumsum(self._is_last) - self._is_last
        below = (_before(self._misses) / n_neg)[place[positive]]
        above = 1 - (_before(self._hits) / self.n_pos)[place[~positive]]
        influence = np.empty(self.n)
        influence[positive] = mean_influence(below) * (self.n / self.n_pos)
        influence[~positive] = mean_influence(above) * (self.n / n_neg)
        return influence


def _steps(values: NDArray[np.int64], before: int) -> NDArray[np.int64]:
    """From each value to the next, the first from `before`; `np.diff` copies all of them for that."""
    steps = np.empty_like(values)
    steps[:1] = values[:1] - before
    np.subtract(values[1:], values[:-1], out=steps[1:])
    return steps


def _before(counts: NDArray[np.int64]) -> Floats:
    """How many come before each place, those that share it counted half."""
    before: Floats = np.cumsum(counts) - counts / 2
    return before


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
    Numerics: counts by distinct score instead of all pairs, O(n log n).
    Source: DeLong, DeLong & Clarke-Pearson 1988, equations 3 to 5; by ranks as in Sun & Xu 2014
    (doi:10.1109/LSP.2014.2337313); theirs is the covariance matrix, this keeps the summands.
    """
    return Ranking(scores, labels).auc_influence()


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
