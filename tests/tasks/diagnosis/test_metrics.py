"""Metrics of a diagnosis, of one class against the rest: by hand, against scikit-learn, ties and order."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import expit, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from sweeper_tasks.diagnosis.calibration import fitted_temperature
from sweeper_tasks.diagnosis.metrics import (
    Floats,
    Labels,
    calibration_error,
    diagnosis_metrics,
    one_vs_rest,
    reliability,
    sensitivity,
)

seeds = st.integers(0, 10_000)
few = settings(max_examples=10)


def drawn(seed: int, n: int = 150, n_classes: int = 2) -> tuple[Floats, Labels]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    return rng.standard_normal((n, n_classes)) + np.eye(n_classes)[labels], labels


def test_four_patients_by_hand() -> None:
    """P of being ill 0.9, 0.6, 0.4, 0.1; the first and third are ill.

    Average precision (1 + 2/3) / 2 = 5/6; 3 of 4 pairs in order; Brier (0.01 + 0.36 + 0.36 + 0.01) / 4;
    each patient is a bin: ECE (0.1 + 0.6 + 0.6 + 0.1) / 4; F1 1/2 for both classes.
    """
    p = np.array([0.9, 0.6, 0.4, 0.1])
    got = diagnosis_metrics(np.log(np.stack([1 - p, p], axis=1)), np.array([1, 0, 1, 0]))
    assert got["auprc"] == pytest.approx(5 / 6)
    assert got["auroc"] == pytest.approx(3 / 4)
    assert got["brier"] == pytest.approx(0.185)
    assert got["ece"] == pytest.approx(0.35)
    assert got["macro_f1"] == pytest.approx(0.5)
    assert got["sensitivity_at_95"] == pytest.approx(0.5)
    assert got["ce"] == pytest.approx(-np.log([0.9, 0.4, 0.4, 0.9]).mean())


@few
@given(seeds)
def test_of_two_classes_the_rare_one_is_judged_of_more_the_mean_of_all(seed: int) -> None:
    logits, labels = drawn(seed)
    p = softmax(logits, axis=1)
    assert diagnosis_metrics(logits, labels)["auprc"] == pytest.approx(
        average_precision_score(labels, p[:, 1])
    )
    logits, labels = drawn(seed, n_classes=3)
    p, got = softmax(logits, axis=1), diagnosis_metrics(logits, labels)
    each = [average_precision_score(labels == c, p[:, c]) for c in range(3)]
    assert got["auprc"] == pytest.approx(np.mean(each))
    assert got["auroc"] == pytest.approx(roc_auc_score(labels, p, multi_class="ovr"))


def test_a_score_is_the_logit_of_its_probability_and_never_rounds() -> None:
    logits, _ = drawn(0, n_classes=3)
    assert expit(one_vs_rest(logits)) == pytest.approx(softmax(logits, axis=1))
    sure = one_vs_rest(np.array([[0.0, 50.0, 0.0], [0.0, 51.0, 0.0]]))[:, 1]
    assert sure == pytest.approx([50 - np.log(2), 51 - np.log(2)])


@few
@given(seeds)
def test_the_calibration_error_has_scikit_learns_quantile_bins(seed: int) -> None:
    """150 patients, 15 bins of ten each; on the edge between two bins scikit-learn interpolates."""
    logits, labels = drawn(seed)
    p = softmax(logits, axis=1)[:, 1]
    observed, mean_p = calibration_curve(labels, p, n_bins=15, strategy="quantile")
    assert calibration_error(labels, p) == pytest.approx(np.abs(observed - mean_p).mean())


def test_equal_probabilities_share_their_positives_whatever_their_order() -> None:
    labels = np.repeat([1, 0], [30, 120])
    assert calibration_error(labels, np.full(150, 0.2)) == pytest.approx(0, abs=1e-12)
    mean_p, observed, n = reliability(labels, np.full(150, 0.5))
    assert mean_p == pytest.approx(np.full(15, 0.5))
    assert observed == pytest.approx(np.full(15, 0.2))
    assert n.tolist() == [10.0] * 15


@few
@given(seeds)
def test_the_order_of_patients_means_nothing(seed: int) -> None:
    logits, labels = drawn(seed, n_classes=3)
    logits = logits.round(1)  # ties
    order = np.random.default_rng(seed).permutation(len(labels))
    one, other = diagnosis_metrics(logits, labels), diagnosis_metrics(logits[order], labels[order])
    assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("n_above", "expected"),
    [(0, 1.0), (1, 1.0), (2, 0.5)],
    ids=["none", "one may", "two are too many"],
)
def test_sensitivity_allows_one_false_alarm_in_twenty(n_above: int, expected: float) -> None:
    """Ill patients score 3 and 1; of 20 healthy ones `n_above` score 2, the rest 0."""
    scores = np.array([3, 1, *[2] * n_above, *[0] * (20 - n_above)], dtype=np.float64)
    assert sensitivity(np.repeat([1, 0], [2, 20]), scores) == expected


def test_without_any_knowledge_the_average_precision_is_the_prevalence() -> None:
    labels = np.repeat([0, 1], [98, 2])
    got = diagnosis_metrics(np.tile(np.log([0.98, 0.02]), (100, 1)), labels)
    assert got["auprc"] == pytest.approx(0.02)
    assert got["auroc"] == 0.5
    assert got["ece"] == pytest.approx(0, abs=1e-12)
    assert got["sensitivity_at_95"] == 0


@few
@given(seeds, st.floats(0.2, 5))
def test_the_temperature_undoes_what_scaled_the_logits(seed: int, scale: float) -> None:
    logits, labels = drawn(seed, n=400)
    own = fitted_temperature(logits, labels)
    assert fitted_temperature(scale * logits, labels) == pytest.approx(scale * own, rel=1e-3)


def test_honest_probabilities_have_temperature_1() -> None:
    """Labels drawn from the probabilities themselves; the standard error of T at 40,000 is about 0.01."""
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal(40_000)
    labels = (rng.random(z.size) < expit(z)).astype(int)
    assert fitted_temperature(np.stack([np.zeros_like(z), z], axis=1), labels) == pytest.approx(1, abs=0.03)


def test_a_perfect_ranking_has_a_temperature_too() -> None:
    """Without a mistake colder is always better; at T = 0.15 the cross-entropy of 5 / T rounds to 0."""
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert 0.02 <= fitted_temperature(logits, np.array([0, 1])) < 0.2
