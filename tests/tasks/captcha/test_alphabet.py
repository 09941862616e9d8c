"""Texts and codes say the same."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper_tasks.captcha.alphabet import ANY_CASE, CHARACTERS, N_CLASSES, PADDING, decode, encode, ended

texts = st.text(CHARACTERS, max_size=6)


@given(texts)
def test_a_text_comes_back_from_its_codes(text: str) -> None:
    assert decode(encode(text, 6)) == text


def test_codes_are_places_in_the_alphabet_and_62_behind_the_end() -> None:
    """0-9 are 0 to 9, A-Z are 10 to 35, a-z are 36 to 61."""
    assert encode("9Az", 5).tolist() == [9, 10, 61, 62, 62]
    assert N_CLASSES == 63


@given(texts)
def test_any_case_makes_small_letters_of_capitals_and_nothing_else(text: str) -> None:
    assert decode(ANY_CASE[encode(text, 6)]) == text.lower()


def test_nothing_counts_behind_the_first_padding() -> None:
    codes = np.array([[1, PADDING, 2, 3], [1, 2, 3, 4]])
    assert ended(codes).tolist() == [[1, PADDING, PADDING, PADDING], [1, 2, 3, 4]]
    assert decode(codes[0]) == "1"


@pytest.mark.parametrize(
    ("text", "problem"), [("abcde", "got 5 characters; expected at most 4"), ("a-b", "substring")]
)
def test_a_text_that_does_not_fit_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        encode(text, 4)
