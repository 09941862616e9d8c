"""How well a diagnosis ranks patients, and what its probabilities are worth. No torch here.

Shapes: n patients, C classes; class 0 is the commonest. Metrics of one class against the rest are those of
the rare class where there are two classes, else their mean over all classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score, roc_curve

from sweeper_tasks.diagnosis.judged import judged_classes
from sweeper_tasks.diagnosis.names import PROBABILITY_METRICS

Floats = NDArray[np.float64]
Labels = NDArray[Any]
N_BINS = 15
SPECIFICITY = 0.95


def diagnosis_metrics(logits: Floats, labels: Labels) -> dict[str, float]:
    """All metrics of a head's softmax logits [n, C] for classes `labels` [n].

    Of one class against the rest: `auprc` (average precision; the objective), `auroc`, `brier`
    (`mean[(p - y)^2]`), `ece` (see `calibration_error`), `sensitivity_at_95` (at 95 % specificity). Of
    all classes: `macro_f1` of the likeliest class, `ce` (plain cross-entropy, nats).
    """
    scores = one_vs_rest(logits)
    every = range(logits.shape[1])
    return {
        "auprc": _mean_over_classes(average_precision_score, labels, scores),
        "auroc": _mean_over_classes(roc_auc_score, labels, scores),
        **probability_metrics(logits, labels),
        "macro_f1": float(
            f1_score(labels, logits.argmax(axis=1), labels=every, average="macro", zero_division=0)
        ),
        "sensitivity_at_95": _mean_over_classes(sensitivity, labels, scores),
    }


def probability_metrics(logits: Floats, labels: Labels) -> dict[str, float]:
    """What a temperature changes: `brier`, `ece` and `ce`."""
    p = expit(one_vs_rest(logits))
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    values = (
        _mean_over_classes(lambda y, q: np.mean((q - y) ** 2), labels, p),
        _mean_over_classes(calibration_error, labels, p),
        float(-np.mean(log_p[np.arange(len(labels)), labels])),
    )
    return dict(zip(PROBABILITY_METRICS, values, strict=True))


def one_vs_rest(logits: Floats) -> Floats:
    """[n, C] the logit of each class's probability: `z_c - logsumexp(all other z)`; never rounds to 1."""
    others = [logsumexp(np.delete(logits, c, axis=1), axis=1) for c in range(logits.shape[1])]
    against: Floats = logits - np.stack(others, axis=1)
    return against


def sensitivity(is_positive: Labels, scores: Floats, specificity: float = SPECIFICITY) -> float:
    """The largest share of positives found by a threshold that clears `specificity` of the negatives."""
    false_alarms, found, _ = roc_curve(is_positive, scores, drop_intermediate=False)
    return float(found[false_alarms <= 1 - specificity + 1e-12].max())


def calibration_error(is_positive: Labels, p: Floats) -> float:
    """Expected calibration error: `sum_b n_b / n |mean(p) - share of positives|` over bins of equal mass.

    Bins instead of equal width would hold nearly all patients of a rare disease in the first one.
    Source: Naeini et al. 2015 (doi:10.1609/aaai.v29i1.9602), with the bins of Nguyen & O'Connor 2015
    (arXiv:1508.05154).
    """
    mean_p, observed, n = reliability(is_positive, p)
    return float(np.abs(mean_p - observed) @ n / n.sum())


def reliability(is_positive: Labels, p: Floats, n_bins: int = N_BINS) -> tuple[Floats, Floats, Floats]:
    """By bin of equal mass, from the lowest p: mean p, share of positives, number of patients.

    Patients with equal p share their positives out evenly, so that their order means nothing.
    """
    values, group = np.unique(p, return_inverse=True)
    share = np.bincount(group, weights=is_positive) / np.bincount(group)
    order = np.argsort(group, kind="stable")
    bins = [rows for rows in np.array_split(order, n_bins) if rows.size]
    mean_p = np.array([values[group[rows]].mean() for rows in bins])
    observed = np.array([share[group[rows]].mean() for rows in bins])
    return mean_p, observed, np.array([float(rows.size) for rows in bins])


def _mean_over_classes(metric: Callable[[Labels, Floats], Any], labels: Labels, columns: Floats) -> float:
    """The metric of (is class c, column c), a mean over the judged classes."""
    judged = judged_classes(columns.shape[1])
    return float(np.mean([metric((labels == c).astype(np.int64), columns[:, c]) for c in judged]))
