"""How far one gets without looking at an impression: one score for all of them."""

from collections.abc import Mapping
from math import log
from typing import Any

Counts = Mapping[str, int]


def trivial_facts(rows: Counts, clicks: Counts, conversions: Counts) -> dict[str, Any]:
    """What the trivial predictor is, and its metrics by split, from counts by split.

    The metrics are those of `esmm_metrics` for a constant, in closed form: a constant ranks nothing
    (an AUC of one half, an average precision of the share of positives).
    """
    rate = conversions["train"] / rows["train"]
    return {
        "trivial_predictor": "one score for every impression, the conversion rate in training",
        "trivial": {split: _metrics(rows[split], clicks[split], conversions[split], rate) for split in rows},
    }


def _metrics(rows: int, clicks: int, conversions: int, rate: float) -> dict[str, float]:
    """Of a split with these counts; an AUC is left out where all are positive."""
    aucs = {"ctcvr_auc": conversions < rows, "ctr_auc": clicks < rows, "cvr_auc": conversions < clicks}
    share = conversions / rows
    return {
        **{name: 0.5 for name, is_defined in aucs.items() if is_defined},
        "ctcvr_auprc": share,
        **({"bce": _nats(share, rate), "ctcvr_logloss": _nats(share, rate)} if 0 < rate < 1 else {}),
        "ctcvr_calibration": rate / share,
    }


def _nats(share: float, rate: float) -> float:
    """Cross-entropy of a share of positives, all predicted with the same probability."""
    return -share * log(rate) - (1 - share) * log(1 - rate)
