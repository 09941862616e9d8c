"""Ranking and calibration of the three ESMM probabilities; undefined metrics are left out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweeper.task import Ranking

Floats = NDArray[np.float64]
Labels = NDArray[Any]


class Logits(NamedTuple):
    """Logits [n] of P(click), P(conversion | click) and P(click and conversion)."""

    ctr: Floats
    cvr: Floats
    ctcvr: Floats


class Rankings(NamedTuple):
    """The examples by what the two heads over impressions say of them."""

    ctr: Ranking
    ctcvr: Ranking


def rankings_of(logits: Logits, click: Labels, conversion: Labels) -> Rankings:
    """Sorted once for metrics and influence values."""
    return Rankings(Ranking(logits.ctr, click), Ranking(logits.ctcvr, conversion))


def esmm_metrics(
    logits: Logits, click: Labels, conversion: Labels, pos_weight: float, rankings: Rankings | None = None
) -> dict[str, float]:
    """All metrics of a split; `rankings` are of the same examples, where they are there already.

    `ctr_auc` and `ctcvr_auc` over impressions, `cvr_auc` over clicks, `ctcvr_auprc` (average precision),
    `bce` (plain, unweighted cross-entropy of CTCVR, nats); then, after undoing `pos_weight`: `ctcvr_logloss`
    (nats) and `ctcvr_calibration` (predicted / observed conversions).
    """
    clicked, honest = click.astype(bool), without_pos_weight(logits.ctcvr, pos_weight)
    ctr, ctcvr = rankings or rankings_of(logits, click, conversion)
    defined: dict[str, float | None] = {
        "ctcvr_auc": ctcvr.auc(),
        "ctr_auc": ctr.auc(),
        "cvr_auc": Ranking(logits.cvr[clicked], conversion[clicked]).auc(),
        "ctcvr_auprc": ctcvr.average_precision(),
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


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean of `log(1 + exp(z)) - y z`, nats.

    Numerics: `max(z, 0) + log1p(exp(-|z|))` never overflows.
    """
    return float(np.mean(np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - labels * logits))


def predicted_over_observed(logits: Floats, labels: Labels) -> float | None:
    """`sum(p) / sum(y)`; 1 is calibrated in the large, None without positives."""
    observed = int(labels.sum())
    return float(expit(logits).sum() / observed) if observed else None
