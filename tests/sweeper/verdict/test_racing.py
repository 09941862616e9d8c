"""Who is out of a race: by hand."""

import pytest
from scipy.stats import t

from sweeper.verdict.racing import LEAST_CHANCE, beaten


def test_nobody_is_out_after_one_seed_or_after_the_last() -> None:
    assert beaten({1: [9.0], 2: [0.0]}, 5) == {}
    assert beaten({1: [9.0, 9.1], 2: [0.0, 0.0]}, 2) == {}
    assert beaten({1: [9.0, 9.1]}, 5) == {}


def test_the_chance_is_students_for_what_the_seeds_to_come_can_turn() -> None:
    """Differences 1, 2, 3 after 3 of 5 seeds: mean 2, sd 1, so 2 / sqrt(1/3 - 1/5) at 2 degrees of freedom.

    With one rival the typical variance is its own over the median of a chi-square's mean: 1 / 0.693 = 1.44.
    """
    found = beaten({4: [1.0, 2.0, 3.0], 7: [0.0, 0.0, 0.0]}, 5)[7]
    assert (found.leader, found.behind) == (4, 2.0)
    sd = (1.4427 * (1 / 3 - 1 / 5)) ** 0.5
    assert found.chance == pytest.approx(float(t.sf(2 / sd, 2)), rel=1e-3)


def test_who_is_close_stays_and_who_is_far_is_out() -> None:
    out = beaten({1: [0.50, 0.52], 2: [0.51, 0.50], 3: [0.10, 0.11], 4: [0.12, 0.09]}, 5)
    assert out.keys() == {3, 4}
    assert all(one.chance < LEAST_CHANCE for one in out.values())


def test_equal_candidates_stay() -> None:
    assert beaten({1: [0.5, 0.6], 2: [0.5, 0.6]}, 3) == {}
