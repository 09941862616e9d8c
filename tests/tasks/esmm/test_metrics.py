"""Metrics of the three probabilities against scikit-learn, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from sweeper.task import Ranking
from sweeper_tasks.esmm.metrics import (
    Logits,
    cross_entropy,
    esmm_metrics,
    predicted_over_observed,
    without_pos_weight,
)

# Few distinct scores, so that ties are common.
ranked = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=60)


@given(ranked)
def test_ranking_metrics_equal_scikit_learns_ties_included(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array(pairs, dtype=np.float64).T
    assume(0 < labels.sum() < len(labels))
    ranking = Ranking(scores, labels)
    assert ranking.auc() == pytest.approx(roc_auc_score(labels, scores))
    assert ranking.average_precision() == pytest.approx(average_precision_score(labels, scores))


@given(ranked)
def test_cross_entropy_equals_scikit_learns_log_loss(pairs: list[tuple[int, bool]]) -> None:
    logits, labels = np.array(pairs, dtype=np.float64).T
    assert cross_entropy(logits, labels) == pytest.approx(log_loss(labels, expit(logits), labels=[0, 1]))


@given(st.floats(0.001, 0.999), st.floats(0.1, 5000))
def test_undoing_the_pos_weight_is_p_over_p_plus_w_times_1_minus_p(p: float, w: float) -> None:
    undone = expit(without_pos_weight(logit(np.array([p])), w))
    assert undone[0] == pytest.approx(p / (p + w * (1 - p)))


def test_even_odds_learnt_with_positives_counted_three_times_are_one_in_four() -> None:
    """At p = 0.5, w = 3: 0.5 / (0.5 + 3 x 0.5) = 0.25. One of four converted: predicted / observed = 1.

    The honest log-loss is -(ln 0.25 + 3 ln 0.75) / 4 = 0.5623; the plain one, of p = 0.5, is ln 2 = 0.6931.
    """
    zeros, conversion = np.zeros(4), np.array([1.0, 0, 0, 0])
    metrics = esmm_metrics(Logits(zeros, zeros, zeros), np.ones(4), conversion, pos_weight=3.0)
    assert metrics["ctcvr_calibration"] == pytest.approx(1)
    assert metrics["ctcvr_logloss"] == pytest.approx(0.5623, abs=5e-5)
    assert metrics["bce"] == pytest.approx(math.log(2))
    assert metrics["ctcvr_auc"] == metrics["cvr_auc"] == 0.5
    assert metrics["ctcvr_auprc"] == 0.25


def test_cvr_is_judged_on_clicks_only() -> None:
    """Of two clicks the converted one scores higher: 1. With the unclicked above both it would be 1/3."""
    cvr, click, conversion = np.array([2.0, 1, 5, 5]), np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 0, 0])
    metrics = esmm_metrics(Logits(np.zeros(4), cvr, np.zeros(4)), click, conversion, pos_weight=1.0)
    assert metrics["cvr_auc"] == 1


def test_what_a_split_without_conversions_does_not_define_is_left_out() -> None:
    zeros, click = np.zeros(4), np.array([1.0, 1, 0, 0])
    metrics = esmm_metrics(Logits(zeros, zeros, zeros), click, np.zeros(4), pos_weight=1.0)
    assert set(metrics) == {"ctr_auc", "bce", "ctcvr_logloss"}
    assert predicted_over_observed(zeros, np.zeros(4)) is None
