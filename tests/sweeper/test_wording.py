"""Counts in words."""

import pytest

from sweeper.wording import plural


@pytest.mark.parametrize(
    ("n", "noun", "words"),
    [(0, "run", "0 runs"), (1, "more run", "1 more run"), (2, "fresh seed", "2 fresh seeds")],
)
def test_only_one_is_no_plural(n: int, noun: str, words: str) -> None:
    assert plural(n, noun) == words
