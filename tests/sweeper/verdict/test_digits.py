"""Two significant digits of an error, and no bare zero that is none."""

import pytest

from sweeper.verdict.digits import decimals, percent


@pytest.mark.parametrize(
    ("error", "expected"),
    [(0.0123, 3), (0.5, 2), (12.0, 0), (4e-7, 8), (0.0, 4), (float("inf"), 4), (1e-30, 9), (-0.02, 3)],
)
def test_two_digits_of_the_error_are_shown(error: float, expected: int) -> None:
    assert decimals(error) == expected


def test_a_number_that_would_read_as_zero_gets_up_to_two_digits_more() -> None:
    assert decimals(0.013, -0.026, -0.0004) == 4
    assert decimals(0.013, 0.00003) == 5
    assert decimals(0.013, 1e-9) == 5
    assert decimals(0.013, 0.0) == 3


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.95, "95 %"), (0.99391, "99.39 %"), (0.99997, "over 99.99 %")]
)
def test_a_confidence_is_never_called_certain(confidence: float, text: str) -> None:
    assert percent(confidence) == text
