import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from sweeper.task.influence import Floats, Ranking, auc_influence, mean_influence

few_scores = st.lists(st.integers(0, 5), min_size=2, max_size=30)


def variance(influence: Floats) -> float:
    return float((influence**2).sum() / influence.size**2)


def delong_by_all_pairs(scores: Floats, labels: Floats) -> float:
    """DeLong et al. 1988, equations 3 to 5, as printed: psi of every pair, then two sample variances."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    psi = np.array([[1.0 if p > q else 0.5 if p == q else 0.0 for q in negatives] for p in positives])
    return float(
        psi.mean(axis=1).var(ddof=1) / positives.size + psi.mean(axis=0).var(ddof=1) / negatives.size
    )


def two_scorers(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Labels, and the scores of two models that agree in part; rounding makes ties."""
    labels = np.repeat([1.0, 0.0], [150, 250])
    common = rng.standard_normal(labels.size)
    one, other = (labels * lift + common + rng.standard_normal(labels.size) for lift in (1.0, 1.3))
    return labels, one.round(1), other.round(1)


def stratified_bootstrap_variance(labels: Floats, scores: list[Floats], rng: np.random.Generator) -> float:
    """Of the AUC of `scores[0]`, less that of `scores[1]` where there is one."""
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    drawn = []
    for _ in range(1500):
        p, q = rng.choice(positives, positives.size), rng.choice(negatives, negatives.size)
        aucs = [auc_by_ranks(score[p], score[q]) for score in scores]
        drawn.append(aucs[0] - sum(aucs[1:]))
    return float(np.var(drawn))


def auc_by_ranks(positives: Floats, negatives: Floats) -> float:
    ranks = rankdata(np.concatenate([positives, negatives]))[: positives.size]
    return float((ranks.mean() - (positives.size + 1) / 2) / negatives.size)


def test_the_mean_of_one_success_in_three_has_variance_one_ninth() -> None:
    """Mean 1/3; squares 1/9 + 1/9 + 4/9 = 2/3; over n - 1 = 2: 1/3; over n = 3: 1/9."""
    assert variance(mean_influence([0, 0, 1])) == pytest.approx(1 / 9)


def test_one_value_alone_has_no_influence() -> None:
    assert mean_influence([0.7]).tolist() == [0.0]


def test_auc_influence_of_four_examples_is_that_found_by_hand() -> None:
    """Positives 3, 1; negatives 1, 0. Shares below: 1 and (0.5 + 1) / 2 = 0.75, the AUC 0.875.

    Deviations 0.125 and -0.125, by sqrt(2 / 1) for the unbiased variance, by n / n_pos = 2. For the negatives
    the shares above are 0.75 and 1: the same with the signs changed.
    """
    expected = 0.125 * 2**0.5 * 2
    influence = auc_influence([3, 1, 1, 0], [1, 1, 0, 0])
    assert influence == pytest.approx([expected, -expected, -expected, expected])


@given(few_scores, few_scores)
def test_auc_influence_gives_the_variance_of_the_textbook_with_ties(
    positives: list[int], negatives: list[int]
) -> None:
    scores = np.array(positives + negatives, dtype=np.float64)
    labels = np.repeat([1.0, 0.0], [len(positives), len(negatives)])
    influence = auc_influence(scores, labels)
    assert variance(influence) == pytest.approx(delong_by_all_pairs(scores, labels), abs=1e-12)
    assert influence.sum() == pytest.approx(0, abs=1e-9)


@given(few_scores, few_scores)
def test_auc_influence_reads_only_the_order_of_the_scores(positives: list[int], negatives: list[int]) -> None:
    scores = np.array(positives + negatives, dtype=np.float64)
    labels = np.repeat([1, 0], [len(positives), len(negatives)])
    assert np.array_equal(auc_influence(scores, labels), auc_influence(np.exp(scores) - 7, labels))
    assert auc_influence(-scores, 1 - labels) == pytest.approx(auc_influence(scores, labels), abs=1e-9)


def test_auc_influence_agrees_with_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    labels, one, _ = two_scorers(rng)
    bootstrap = stratified_bootstrap_variance(labels, [one], rng)
    assert variance(auc_influence(one, labels)) == pytest.approx(bootstrap, rel=0.15)


def test_subtracted_influences_give_the_variance_of_the_difference_of_two_correlated_aucs() -> None:
    rng = np.random.default_rng(1)
    labels, one, other = two_scorers(rng)
    difference = auc_influence(one, labels) - auc_influence(other, labels)
    bootstrap = stratified_bootstrap_variance(labels, [one, other], rng)
    apart = variance(auc_influence(one, labels)) + variance(auc_influence(other, labels))
    assert variance(difference) == pytest.approx(bootstrap, rel=0.15)
    assert variance(difference) < 0.7 * apart


def test_removing_an_example_moves_the_auc_by_its_influence() -> None:
    """The jackknife: AUC without example i is about AUC - influence_i / n."""
    labels, scores, _ = two_scorers(np.random.default_rng(2))
    whole, influence = roc_auc_score(labels, scores), auc_influence(scores, labels)
    for i in (0, 77, 200, 399):
        without = roc_auc_score(np.delete(labels, i), np.delete(scores, i))
        assert whole - without == pytest.approx(influence[i] / labels.size, rel=0.02, abs=1e-6)


@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=2, max_size=80))
def test_what_one_sort_gives_is_what_a_sort_for_each_gives_to_the_bit(pairs: list[tuple[int, bool]]) -> None:
    """By mid-ranks of all, of the positives and of the negatives, and by falling score."""
    scores, labels = np.array([score / 7 for score, _ in pairs]), np.array([label for _, label in pairs])
    n, n_pos = labels.size, int(labels.sum())
    assume(0 < n_pos < n)
    ranking, ranks = Ranking(scores, labels), rankdata(scores)
    assert ranking.auc() == (ranks[labels].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * (n - n_pos))
    below = (ranks[labels] - rankdata(scores[labels])) / (n - n_pos)
    above = 1 - (ranks[~labels] - rankdata(scores[~labels])) / n_pos
    influence = ranking.auc_influence()
    assert np.array_equal(influence[labels], mean_influence(below) * (n / n_pos))
    assert np.array_equal(influence[~labels], mean_influence(above) * (n / (n - n_pos)))
    order = np.argsort(-scores)
    ends = np.append(np.flatnonzero(np.diff(scores[order])), n - 1)
    found = np.cumsum(labels[order])[ends]
    assert ranking.average_precision() == np.diff(found, prepend=0) @ (found / (ends + 1)) / n_pos


def test_scores_that_are_no_numbers_share_the_highest_place() -> None:
    ranking = Ranking([math.nan, 1.0, math.nan, 0.0], [1, 1, 0, 0])
    assert ranking.auc() == (1 + 0.5 + 0 + 1) / 4
    assert Ranking([math.nan] * 3, [1, 0, 0]).auc() == 0.5


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_an_auc_without_one_of_the_classes_is_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match=r"positives among 3 examples; expected both classes"):
        auc_influence([0.1, 0.2, 0.3], labels)
