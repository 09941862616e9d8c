"""How much each patient moves a metric of one class against the rest. No torch here."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweeper.task import auc_influence, mean_influence
from sweeper_tasks.diagnosis.judged import judged_classes
from sweeper_tasks.diagnosis.metrics import Floats, Labels


def influences(scores: Floats, labels: Labels) -> dict[str, Floats]:
    """Influence values [n] by metric, from one-vs-rest scores [n, C] and classes `labels` [n].

    Of `auprc`, `auroc` and `brier`, each a mean over the judged classes. The other metrics have none: bins
    and thresholds move with the patients (`ece`, `sensitivity_at_95`).
    """
    of_one: dict[str, Callable[[Floats, NDArray[np.bool_]], Floats]] = {
        "auprc": average_precision_influence,
        "auroc": auc_influence,
        "brier": lambda score, is_positive: mean_influence((expit(score) - is_positive) ** 2),
    }
    judged = judged_classes(scores.shape[1])
    return {
        name: np.mean([influence(scores[:, c], labels == c) for c in judged], axis=0)
        for name, influence in of_one.items()
    }


def average_precision_influence(scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """Influence values [n] of the average precision: its infinitesimal jackknife.

    With pi the prevalence, G(s) the share of patients that score s or more, T(s) the share that do so and are
    positive, AP = E[y T(S) / G(S)] / pi. A patient at s with label y has, besides its own precision T / G,
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
    n, n_pos = is_positive.size, int(is_positive.sum())
    if n_pos == 0:
        raise ValueError(f"labels: got no positive among {n} patients; expected at least one")
    _, group = np.unique(scores, return_inverse=True)  # by rising score
    size, hits = np.bincount(group), np.bincount(group, weights=is_positive)
    above, hits_above = (np.cumsum(counts[::-1])[::-1] / n for counts in (size, hits))  # G and T
    gained = np.cumsum(hits / n / above)
    lost = np.cumsum(hits / n * hits_above / above**2)
    precision = hits_above / above
    average = hits @ precision / n_pos
    own = np.where(is_positive, (precision + gained)[group] - average, 0.0)
    influence: Floats = (own - lost[group]) * (n / n_pos) * np.sqrt(n / max(n - 1, 1))
    return influence
