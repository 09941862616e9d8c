"""Weights of classes: by hand, of mean 1 over pixels, and with sensible limits."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper_tasks.class_weights import inverse_frequency
from sweeper_tasks.segmentation.class_weights import alpha_of, effective_number, weights_of

counts = st.lists(st.integers(0, 10**7), min_size=2, max_size=19).filter(lambda n: sum(n) > 0)


@given(counts)
def test_pixels_weigh_1_on_average_and_rare_ones_never_less(pixels: list[int]) -> None:
    for weights in (inverse_frequency(pixels), effective_number(pixels)):
        assert weights @ np.array(pixels) / sum(pixels) == pytest.approx(1)
        there = np.array(pixels) > 0
        order = np.argsort(np.array(pixels)[there], kind="stable")
        assert (np.diff(weights[there][order]) <= 1e-9 * weights.max()).all()
        assert (weights[~there] == 0).all()


def test_the_effective_number_is_cuis_for_many_pixels() -> None:
    """(1 - beta) / (1 - beta^n) with beta = 1 - 1 / (v N), up to the common factor."""
    pixels, share = np.array([6_000_000, 3_900_000, 100_000]), 0.01
    beta = 1 - 1 / (share * pixels.sum())
    cui = (1 - beta) / (1 - beta ** pixels.astype(float))
    ratio = effective_number(list(pixels), share) / cui
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_classes_far_above_the_effective_share_count_alike_and_far_below_by_frequency() -> None:
    weights = effective_number([600_000, 399_000, 900, 100], effective_share=0.01)
    assert weights[1] / weights[0] == pytest.approx(1, rel=1e-6)
    assert weights[3] / weights[2] == pytest.approx(9, rel=0.05)


def test_a_choice_by_name_number_or_list() -> None:
    pixels = list(range(1, 20))
    np.testing.assert_array_equal(weights_of("inverse_frequency", pixels), inverse_frequency(pixels))
    np.testing.assert_array_equal(weights_of("effective_number", pixels), effective_number(pixels))
    np.testing.assert_array_equal(alpha_of("auto", pixels, 0), effective_number(pixels))
    np.testing.assert_array_equal(alpha_of(None, pixels, 0), np.ones(19))
    np.testing.assert_array_equal(alpha_of(0.25, pixels, 0), [0.75] + 18 * [0.25])
    np.testing.assert_array_equal(alpha_of((2.0,) * 19, pixels, 0), np.full(19, 2.0))


def test_without_a_background_one_number_is_for_all_classes() -> None:
    np.testing.assert_array_equal(alpha_of(0.25, [3, 2, 1], None), [0.25, 0.25, 0.25])
