"""The trivial predictor of clicks and conversions."""

from math import log

import numpy as np
import pytest

from sweeper_tasks.esmm.metrics import Logits, esmm_metrics
from sweeper_tasks.esmm.trivial import trivial_facts


def test_its_metrics_are_those_of_a_model_that_gives_every_impression_the_rate_of_training() -> None:
    """5 % conversions in training; on test 4 of 100 impressions are clicked, 3 of these convert."""
    click, conversion = np.arange(100) < 4, np.arange(100) < 3
    constant = np.full(100, log(0.05 / 0.95))
    facts = trivial_facts({"train": 200, "test": 100}, {"train": 20, "test": 4}, {"train": 10, "test": 3})
    expected = esmm_metrics(Logits(constant, constant, constant), click, conversion, pos_weight=1.0)
    assert facts["trivial"]["test"] == pytest.approx(expected)


def test_by_hand() -> None:
    """A quarter converts in training, half on test: AUCs 1/2, precision 1/2, a half as many as observed.

    bce = -(log 1/4 + log 3/4) / 2 = 0.8370 nats. All conversions are of the clicked half, whose every click
    converts: no AUC of conversions among clicks.
    """
    rows, clicks = {"train": 8, "test": 4}, {"train": 4, "test": 2}
    found = trivial_facts(rows, clicks, {"train": 2, "test": 2})["trivial"]["test"]
    assert found == pytest.approx(
        {
            "ctcvr_auc": 0.5,
            "ctr_auc": 0.5,
            "ctcvr_auprc": 0.5,
            "ctcvr_calibration": 0.5,
            "bce": 0.8370,
            "ctcvr_logloss": 0.8370,
        },
        abs=5e-5,
    )
