"""Ranking and calibration of the three ESMM probabilities; undefined metrics are left out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweeper.task import midranks

Floats = NDArray[np.float64]
Labels = NDArray[Any]


class Logits(NamedTuple):
    """Logits [n] of P(click), P(conversion | click) and P(click and conversion)."""

    ctr: Floats
    cvr: Floats
    ctcvr: Floats


def esmm_metrics(logits: Logits, click: Labels, conversion: Labels, pos_weight: float) -> dict[str, float]:
    """All metrics of a split.

    `ctr_auc` and `ctcvr_auc` over impressions, `cvr_auc` over clicks, `ctcvr_auprc` (average precision),
    `bce` (plain, unweighted cross-entropy of CTCVR, nats); then, after undoing `pos_weight`: `ctcvr_logloss`
    (nats) and `ctcvr_calibration` (predicted / observed conversions).
    """
    clicked, honest = click.astype(bool), without_pos_weight(logits.ctcvr, pos_weight)
    defined: dict[str, float | None] = {
        "ctcvr_auc": auc(logits.ctcvr, conversion),
        "ctr_auc": auc(logits.ctr, click),
        "cvr_auc": auc(logits.cvr[clicked], conversion[clicked]),
        "ctcvr_auprc": average_precision(logits.ctcvr, conversion),
        "bce": cross_entropy(logits.ctcvr, conversion),
        "ctcvr_logloss": cross_entropy(honest, conversion),
        "ctcvr_calibration": predicted_over_observed(honest, conversion),
    }
    return {name: value for name, value in defined.items() if value is not None}


def without_pos_weight(logits: Floats, pos_weight: float) -> Floats:
    """Logits of probabilities from which training with `pos_weight` w is undone: `p / (p + w (1 - p))`.

    A cross-entropy with positives weighted by w is least at w times the odds, a logit that is log w too high.
    What an auxiliary focal term shifts beyond that stays.
    """
    shifted: Floats = logits - np.log(pos_weight)
    return shifted


def auc(scores: Floats, labels: Labels) -> float | None:
    """P(a positive scores higher than a negative) + P(tie) / 2; None where one class is missing.

    As `sklearn.metrics.roc_auc_score`, which takes several times as long; so with `average_precision`.
    """
    positive = labels.astype(bool)
    n_pos = int(positive.sum())
    n_neg = positive.size - n_pos
    if n_pos == 0 or n_neg == 0:
        return None
    return float((midranks(scores)[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def average_precision(scores: Floats, labels: Labels) -> float | None:
    """`sum_k (R_k - R_{k-1}) P_k` over distinct thresholds k, with recall R and precision P.

    None without positives.
    """
    order = np.argsort(-scores)
    ranked = scores[order]
    is_threshold = np.append(ranked[1:] != ranked[:-1], True)
    found = np.cumsum(labels[order], dtype=np.int64)[is_threshold]
    if found[-1] == 0:
        return None
    precision = found / (np.flatnonzero(is_threshold) + 1)
    return float(np.diff(found, prepend=0) @ precision / found[-1])


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean of `log(1 + exp(z)) - y z`, nats."""
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def predicted_over_observed(logits: Floats, labels: Labels) -> float | None:
    """`sum(p) / sum(y)`; 1 is calibrated in the large, None without positives."""
    observed = int(labels.sum())
    return float(expit(logits).sum() / observed) if observed else None
