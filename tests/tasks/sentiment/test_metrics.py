"""F1 of cells: by hand, against scikit-learn, and influence values against a jackknife."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import f1_score

from sweeper.task.influence import mean_influence
from sweeper_tasks.sentiment.facts import commonest, facts_of, slugs_of
from sweeper_tasks.sentiment.metrics import cells_of, macro_f1_influence, sentiment_metrics
from sweeper_tasks.sentiment.polarities import Labels, counts_of
from tests.tasks.sentiment.tiny import tiny_labels

some = settings(max_examples=25)
seeds = st.integers(0, 2**31)


def i8(rows: list[list[int]]) -> Labels:
    return np.array(rows, dtype=np.int8)


def guessed(true: Labels, seed: int, *, masked: bool) -> Labels:
    """Predictions that are right about every other time."""
    draw = np.random.default_rng(seed)
    other = draw.choice([0, 1, 2] if masked else [-1, 0, 1, 2], true.shape)
    guess = np.where(draw.random(true.shape) < 0.5, true, other)
    return np.where((true == -1) & masked, -1, guess).astype(np.int8)


def test_four_reviews_by_hand() -> None:
    """Aspect 1: true + + - 0, predicted + - - +. F1 of +: 2 1 / (2 + 2) = 1/2, of -: 2 1 / (2 + 1) = 2/3, 0.

    Aspect 2: true - - . ., predicted - - . .: F1 1 of -. Support of at least 2 have: aspect 1 +, aspect 2 -.
    macro (1/2 + 1) / 2 = 3/4; micro and accuracy 4 of 6.
    """
    true, predicted = i8([[0, 1], [0, 1], [1, -1], [2, -1]]), i8([[0, 1], [1, 1], [1, -1], [0, -1]])
    f1 = cells_of(true, predicted).f1()
    assert f1.ravel() == pytest.approx([1 / 2, 2 / 3, 0, 0, 1, 0])
    assert sentiment_metrics(true, predicted, ("a", "b"), min_support=2) == pytest.approx(
        {
            "macro_f1": 3 / 4,
            "micro_f1": 4 / 6,
            "accuracy": 4 / 6,
            "f1_positive": 1 / 2,
            "f1_negative": 1,
            "f1_a": 1 / 2,
            "f1_b": 1,
        }
    )


def test_a_polarity_for_an_aspect_that_is_not_named_is_a_false_positive() -> None:
    """True + . ., predicted + + . (four classes): F1 of + is 2 1 / (2 + 1); accuracy 1 of 1 named."""
    got = sentiment_metrics(i8([[0], [-1], [-1]]), i8([[0], [0], [-1]]), ("a",), min_support=1)
    assert got["macro_f1"] == got["micro_f1"] == pytest.approx(2 / 3)
    assert got["accuracy"] == 1


@some
@given(seeds, st.booleans())
def test_f1_is_scikit_learns(seed: int, masked: bool) -> None:
    true = tiny_labels(60, seed)
    predicted = guessed(true, seed, masked=masked)
    f1 = cells_of(true, predicted).f1()
    expected = [
        f1_score(t, p, labels=[0, 1, 2], average=None, zero_division=0)
        for t, p in zip(true.T, predicted.T, strict=True)
    ]
    assert f1 == pytest.approx(np.array(expected))
    metrics = sentiment_metrics(true, predicted, ("a", "b", "c"), min_support=1)
    assert metrics["macro_f1"] == pytest.approx(f1[counts_of(true) > 0].mean())
    micro = f1_score(true.ravel(), predicted.ravel(), labels=[0, 1, 2], average="micro")
    assert metrics["micro_f1"] == pytest.approx(micro)


@some
@given(seeds)
def test_micro_f1_is_accuracy_where_only_named_aspects_are_judged(seed: int) -> None:
    true = tiny_labels(40, seed)
    metrics = sentiment_metrics(true, guessed(true, seed, masked=True), ("a", "b", "c"), min_support=2)
    assert metrics["micro_f1"] == metrics["accuracy"]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_influence_is_what_leaving_a_review_out_changes(seed: int, masked: bool) -> None:
    """The jackknife: (n - 1) (F - F without i), and its variance (n - 1) / n sum (F_i - mean)^2."""
    n, least = 600, 20
    true = tiny_labels(n, seed)
    predicted = guessed(true, seed, masked=masked)
    counted = counts_of(true) >= least
    everyone = np.arange(n)
    without = np.array(
        [cells_of(true[everyone != i], predicted[everyone != i]).f1()[counted].mean() for i in everyone]
    )
    whole = cells_of(true, predicted).f1()[counted].mean()
    got = macro_f1_influence(true, predicted, least)
    assert got.sum() == pytest.approx(0, abs=1e-9)
    assert got == pytest.approx((n - 1) * (whole - without), rel=0.05, abs=0.03)
    variance = (n - 1) / n * ((without - without.mean()) ** 2).sum()
    assert (got**2).sum() / n**2 == pytest.approx(variance, rel=0.03)


def test_the_variance_is_that_of_splits_drawn_again() -> None:
    """400 splits of 500 reviews: the spread of macro_f1 is the mean standard error, to 4 % of chance."""
    scores, variances = [], []
    for seed in range(400):
        true = tiny_labels(500, seed)
        predicted = guessed(true, 10_000 + seed, masked=True)
        scores.append(sentiment_metrics(true, predicted, ("a", "b", "c"), min_support=1)["macro_f1"])
        variances.append((macro_f1_influence(true, predicted, 1) ** 2).sum() / 500**2)
    assert np.sqrt(np.mean(variances)) == pytest.approx(np.std(scores, ddof=1), rel=0.1)


def test_for_a_single_cell_that_everybody_is_and_that_is_predicted_it_is_a_mean() -> None:
    """All are + and h are found: F = 2 h / (n + h), which moves by 2 n / (n + h)^2 times what h does."""
    true, predicted = i8([[0]] * 10), i8([[0]] * 6 + [[1]] * 4)
    slope = 2 * 10 * 10 / 16**2
    expected = slope * mean_influence([1.0] * 6 + [0.0] * 4)
    assert macro_f1_influence(true, predicted, 5) == pytest.approx(expected)


def test_the_trivial_predictor_says_the_commonest_polarity_of_each_aspect() -> None:
    """Training: + for food, - for staff. On test 3 of 4 named aspects are so; F1 of + is 2/3, of - is 1."""
    labels = {
        "train": i8([[0, 1], [0, 1], [1, 0], [0, 1]]),
        "val": i8([[0, 1]]),
        "test": i8([[0, 1], [1, 1], [-1, -1]]),
    }
    facts = facts_of(labels, ("food", "staff"), min_support=1)
    assert commonest(counts_of(labels["train"]), labels["test"]).tolist() == [[0, 1], [0, 1], [-1, -1]]
    assert facts["trivial"]["test"]["accuracy"] == 3 / 4
    assert facts["trivial"]["test"]["macro_f1"] == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_names_of_metrics_are_plain_and_no_two_alike() -> None:
    aspects = ["SER&ACC", "FOOD#QUALITY", "food quality", "giá", "价格", "neutral"]
    assert slugs_of(aspects) == ("ser_acc", "food_quality", "food_quality_2", "gi", "aspect", "neutral_5")
