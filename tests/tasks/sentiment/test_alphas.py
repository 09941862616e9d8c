"""Weights of classes: the documented numbers, what they are for, and the table that a study begins with."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper_tasks.sentiment.alphas import alpha_of, auto_alpha, distribution_table, training_counts
from sweeper_tasks.sentiment.facts import facts_of
from tests.tasks.sentiment.tiny import tiny_config

COUNTS = np.array([[15_000, 9_000, 1_000], [5_000, 1_000, 4_000]])
FACTS = facts_of(
    {
        "train": np.array([[0, 0], [0, -1], [1, 2], [-1, 0]], dtype=np.int8),
        "val": np.array([[0, 0], [0, -1]], dtype=np.int8),
        "test": np.array([[0, 0], [1, 1]], dtype=np.int8),
    },
    ["food", "staff"],
    min_support=2,
)


def test_the_documented_counts_give_the_documented_alphas() -> None:
    """20,000 / 10,000 / 5,000: 35,000 / (3 x 20,000) = 0.5833, then twice and four times that."""
    assert auto_alpha([20_000, 10_000, 5_000]) == pytest.approx([0.5833, 1.1667, 2.3333], abs=1e-4)
    assert alpha_of("auto", COUNTS) == pytest.approx(np.array([[0.5833, 1.1667, 2.3333]] * 2), abs=1e-4)


def test_each_aspect_alone() -> None:
    """25,000 / (3 x 15,000) = 0.5556; 10,000 / (3 x 1,000) = 3.3333."""
    got = alpha_of("per_aspect", COUNTS)
    assert got[0, 0] == pytest.approx(25 / 45)
    assert got[1, 1] == pytest.approx(10 / 3)


def test_a_list_holds_for_all_aspects_and_null_is_1() -> None:
    assert alpha_of((0.8, 1.0, 2.5), COUNTS).tolist() == [[0.8, 1.0, 2.5]] * 2
    assert alpha_of(None, COUNTS).tolist() == [[1, 1, 1]] * 2


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=4))
def test_each_class_has_the_same_total_weight_and_examples_weigh_1_on_average(counts: list[int]) -> None:
    totals = auto_alpha(counts) * counts
    assert totals == pytest.approx(np.full(len(counts), totals[0]))
    assert totals.sum() == pytest.approx(sum(counts))


def test_a_class_without_examples_weighs_nothing() -> None:
    assert auto_alpha([10, 5, 0]).tolist() == [0.5, 1.0, 0.0]


def test_reviews_without_the_aspect_are_counted_as_its_fourth_class() -> None:
    assert training_counts(FACTS, 3).tolist() == [[2, 1, 0], [2, 0, 1]]
    assert training_counts(FACTS, 4).tolist() == [[2, 1, 0, 1], [2, 0, 1, 1]]


def test_the_table_shows_the_distribution_and_the_alphas() -> None:
    """4 positive, 1 negative, 1 neutral of 6: 66.7 %, alpha 6 / 12 = 0.5 and twice 6 / 3 = 2."""
    lines = distribution_table(tiny_config("multilabel_focal", focal_alpha=[0.8, 1.0, 2.5]).loss, FACTS)
    assert [line.split() for line in lines[1:]] == [
        ["positive", "4", "66.7%", "0.5000", "0.8000"],
        ["negative", "1", "16.7%", "2.0000", "1.0000"],
        ["neutral", "1", "16.7%", "2.0000", "2.5000"],
    ]


def test_the_table_of_a_loss_with_four_classes_has_four_rows_and_ranges_where_aspects_differ() -> None:
    loss = tiny_config("multilabel_focal", focal_alpha="per_aspect", absent="class").loss
    lines = distribution_table(loss, FACTS)
    assert lines[4].split()[:3] == ["not", "named", "2"]
    assert "0.5000" in lines[1]
    assert "0.0000 to 1.0000" in lines[2]


def test_plain_cross_entropy_uses_1() -> None:
    assert [line.split()[-1] for line in distribution_table(tiny_config().loss, FACTS)[1:]] == ["1.0000"] * 3
