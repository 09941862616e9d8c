"""What is cut off and what is unknown: told where there is any, warned of where there is much."""

from typing import Any

import numpy as np
import pytest

from sweeper_tasks.sentiment.lengths import length_facts, length_lines, length_warnings
from sweeper_tasks.sentiment.tokens import Padded


def facts(n_long: int, n_unknown: int = 0) -> dict[str, Any]:
    """100 texts of 10 tokens in each split, `n_long` of those of test 30 long; 20 tokens are read."""
    lengths = np.full(100, 10)
    test = np.where(np.arange(100) < n_long, 30, 10)
    found = {s: Padded(np.empty((0, 0)), lengths, 0) for s in ("train", "val")}
    found["test"] = Padded(np.empty((0, 0)), test, n_unknown)
    return length_facts(found, 20) | {"rows": dict.fromkeys(("train", "val", "test"), 100)}


def test_what_is_cut_is_told_by_split() -> None:
    assert length_lines(facts(0)) == length_lines({}) == []
    assert length_lines(facts(3)) == [
        "texts longer than 20 tokens are cut (data.max_tokens): 0.0% of train (0), 0.0% of val (0), "
        "3.0% of test (3)"
    ]


@pytest.mark.parametrize(("n_long", "is_much"), [(0, False), (10, False), (11, True), (100, True)])
def test_more_than_a_tenth_is_a_warning_with_the_key_to_change(n_long: int, is_much: bool) -> None:
    told = length_warnings(facts(n_long))
    assert bool(told) == is_much
    if told:
        assert told[0].startswith(
            f"data.max_tokens: got 20, to which 0% of train, 0% of val, {n_long}% of test"
        )
        assert "data.max_tokens=30 would hold 95 % of them" in told[0]


@pytest.mark.parametrize(("n_unknown", "is_much"), [(50, False), (51, True)])
def test_more_than_a_twentieth_of_unknown_tokens_is_a_warning(n_unknown: int, is_much: bool) -> None:
    """1,000 tokens in test."""
    told = length_warnings(facts(0, n_unknown))
    assert bool(told) == is_much
    assert all("as tokens that the tokenizer does not know; expected 5% or less" in line for line in told)


def test_what_an_earlier_version_prepared_says_nothing() -> None:
    assert length_warnings({"cut_to_max_tokens": {"train": 5}}) == []
