"""Influence values of the average precision: by hand, against the delete-one jackknife, and many samples."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from sweeper.task.influence import auc_influence, average_precision_influence
from sweeper_tasks.diagnosis.influence import influences
from sweeper_tasks.diagnosis.metrics import Floats, probability_metrics

Flags = NDArray[np.bool_]


def drawn(rng: np.random.Generator, n: int, prevalence: float, lift: float) -> tuple[Floats, Flags]:
    labels = rng.random(n) < prevalence
    return rng.standard_normal(n) + lift * labels, labels


def jackknife(scores: Floats, labels: Flags) -> Floats:
    """N - 1 times what the average precision loses without each patient."""
    whole, n = average_precision_score(labels, scores), labels.size
    without = [
        average_precision_score(np.delete(labels, i), np.delete(scores, i)) for i in range(labels.size)
    ]
    lost: Floats = (n - 1) * (whole - np.array(without))
    return lost


def variance(influence: Floats) -> float:
    return float((influence**2).sum() / influence.size**2)


def test_three_patients_by_hand() -> None:
    """Scores 3, 2, 1, ill: first and third. G = (1, 2, 3) / 3, T = (1, 1, 2) / 3, precisions 1, 1/2, 2/3.

    AP = 5/6, pi = 2/3. U sums 1 / (3 G) over ill patients from below: 1/3, 1/3, 4/3. V sums T / (3 G^2):
    2/9, 2/9, 11/9. x = [y (P + U - AP) - V] / pi, times sqrt(3 / 2): first (1 + 4/3 - 5/6 - 11/9) 3/2 = 5/12,
    second -2/9 x 3/2 = -1/3, third (2/3 + 1/3 - 5/6 - 2/9) 3/2 = -1/12.
    """
    x = average_precision_influence(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    assert x == pytest.approx(np.array([5 / 12, -1 / 3, -1 / 12]) * np.sqrt(3 / 2))


@pytest.mark.parametrize(("digits", "seed"), [(1, 0), (1, 1), (8, 2), (8, 3)])
def test_removing_a_patient_moves_the_average_precision_by_its_influence(digits: int, seed: int) -> None:
    """To first order: of 400 patients, 60 of them ill, removal is not yet infinitesimal.

    Over 50 such cohorts, half of them with ties, the worst patient was off by up to 18 % of the largest
    influence, the correlation at least 0.9977, the variance 3 to 10 % below the jackknife's, which tends to
    be too large (Efron & Stein 1981). In one cohort of 2400 the worst patient was off by 2 %.
    """
    scores, labels = drawn(np.random.default_rng(seed), 400, 0.15, 1.5)
    scores = scores.round(digits)
    x, by_removal = average_precision_influence(scores, labels), jackknife(scores, labels)
    centred = by_removal - by_removal.mean()
    assert np.corrcoef(x, by_removal)[0, 1] > 0.995
    assert np.abs(x - by_removal).max() < 0.25 * np.abs(x).max()
    assert 0.85 < variance(x) / ((centred**2).sum() / labels.size / (labels.size - 1)) < 1


def test_the_variance_is_that_of_many_samples_of_a_rare_disease() -> None:
    """2000 patients at 1 : 50: some 40 ill; the spread over 300 cohorts has a relative error of 4 %."""
    rng = np.random.default_rng(4)
    found, estimated = [], []
    for _ in range(300):
        scores, labels = drawn(rng, 2000, 0.02, 2.0)
        found.append(average_precision_score(labels, scores))
        estimated.append(variance(average_precision_influence(scores, labels)))
    assert np.sqrt(np.mean(estimated)) == pytest.approx(np.std(found), rel=0.13)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=40))
def test_influences_sum_to_0_and_read_only_the_order(patients: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([s for s, _ in patients], float), np.array([y for _, y in patients])
    if not labels.any():
        labels[0] = True
    x = average_precision_influence(scores, labels)
    assert x.sum() == pytest.approx(0, abs=1e-9)
    assert average_precision_influence(np.exp(scores), labels) == pytest.approx(x)


def test_of_three_classes_the_influence_is_the_mean_of_all() -> None:
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 3, 90), rng.standard_normal((90, 3))
    of_three, of_two = influences(scores, labels), influences(scores[:, :2], labels % 2)
    for name, alone in (("auprc", average_precision_influence), ("auroc", auc_influence)):
        each = [alone(scores[:, c], labels == c) for c in range(3)]
        assert of_three[name] == pytest.approx(np.mean(each, axis=0))
        assert of_two[name] == pytest.approx(alone(scores[:, 1], labels % 2 == 1))


def test_the_influence_on_the_brier_score_is_what_leaving_a_patient_out_changes() -> None:
    rng = np.random.default_rng(6)
    labels, logits = rng.integers(0, 2, 40), rng.standard_normal((40, 2))
    x = influences(np.stack([logits[:, 0] - logits[:, 1], logits[:, 1] - logits[:, 0]], axis=1), labels)
    whole = probability_metrics(logits, labels)["brier"]
    lost = [
        39 * (whole - probability_metrics(np.delete(logits, i, 0), np.delete(labels, i))["brier"])
        for i in range(40)
    ]
    assert x["brier"] == pytest.approx(np.array(lost) * np.sqrt(40 / 39))


def test_without_a_positive_there_is_nothing_to_move() -> None:
    with pytest.raises(ValueError, match="got no positive among 3 examples; expected at least one"):
        average_precision_influence(np.arange(3.0), np.zeros(3, dtype=bool))
