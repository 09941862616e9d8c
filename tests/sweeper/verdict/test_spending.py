"""The errors of looks against the design's tables, and against simulated sums."""

import numpy as np
import pytest
from scipy.special import ndtri

from sweeper.verdict.spending import nominal_errors, power_family, share

TABLES = {
    20: ".0014 .0016 .0022 .0028 .0035 .0043 .0052 .0061 .0070 .0080 .0091 .0102 .0114 .0127 .0140 .0153 "
    ".0167 .0182 .0197",
    10: ".0040 .0048 .0066 .0086 .0110 .0135 .0163 .0193 .0225",
    5: ".0114 .0144 .0201 .0269",
}
"""Nominal errors times 0.9 from the second pair on, of a spending of 0.05 (n / N)**1.5."""


@pytest.mark.parametrize("n_pairs", TABLES)
def test_errors_are_those_of_the_table(n_pairs: int) -> None:
    errors = nominal_errors(tuple(range(2, n_pairs + 1)), power_family(2, n_pairs, 0.05))
    assert [0.9 * error for error in errors] == pytest.approx(
        [float(text) for text in TABLES[n_pairs].split()], abs=5.1e-5
    )


def test_sums_that_leave_the_boundary_by_a_look_are_as_many_as_is_spent_by_then() -> None:
    """Looks at 3, 5 and 9 draws that spend 0.1, 0.15 and 0.4; 200,000 walks, four standard errors."""
    looks, spent = (3, 5, 9), (0.10, 0.15, 0.40)
    errors = nominal_errors(looks, spent)
    sums = np.random.default_rng(3).standard_normal((200_000, 9)).cumsum(axis=1)
    has_left = np.zeros(len(sums), dtype=bool)
    for n, error, expected in zip(looks, errors, spent, strict=True):
        has_left |= np.abs(sums[:, n - 1]) > -ndtri(error / 2) * n**0.5
        assert has_left.mean() == pytest.approx(expected, abs=4 * (0.25 / len(sums)) ** 0.5)


def test_one_look_has_all_that_is_spent() -> None:
    assert nominal_errors((5,), (0.05,)) == pytest.approx((0.05,))


def test_a_look_that_spends_nothing_more_decides_nothing() -> None:
    assert nominal_errors((2, 4), (0.05, 0.05))[1] < 1e-30


def test_all_claims_together_spend_no_more_than_there_is() -> None:
    assert share(0) == 0.8
    assert 0.99 < sum(share(number) for number in range(2000)) < 1.0
