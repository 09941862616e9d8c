"""Weights of classes from their counts: by hand, and the total weight of each class."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper_tasks.class_weights import inverse_frequency

COUNTS = st.lists(st.integers(0, 10**7), min_size=2, max_size=19).filter(any)


def test_by_hand() -> None:
    """Counts 60, 30, 10: 100 / (3 x 60) = 5/9, 100 / 90, 100 / 30; an absent class weighs 0."""
    assert inverse_frequency([60, 30, 10, 0]).tolist() == [100 / 180, 100 / 90, 100 / 30, 0]


def test_rows_are_weighed_each_by_itself() -> None:
    assert inverse_frequency([[1, 3], [5, 5]]).tolist() == [[2.0, 4 / 6], [1.0, 1.0]]


def test_a_class_that_is_absent_may_keep_its_part() -> None:
    """Counts 10, 5, 0 of 3 classes: 15 / 30 and 15 / 15."""
    assert inverse_frequency([10, 5, 0], n_classes=3).tolist() == [0.5, 1.0, 0.0]


@given(COUNTS)
def test_classes_that_occur_have_equal_parts_of_a_mean_weight_of_1(counts: list[int]) -> None:
    n = np.array(counts)
    parts = inverse_frequency(counts) * n / n.sum()
    assert parts.sum() == pytest.approx(1)
    assert parts[n > 0] == pytest.approx(1 / (n > 0).sum())
