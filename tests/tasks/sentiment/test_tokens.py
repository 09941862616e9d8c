"""Texts as tokens: trained on what it is given only, the same every time, cut and padded."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sweeper_tasks.sentiment.tokens import padded, trained_tokens

TEXTS = ["the camera is good", "the battery is not good", "good camera , bad battery ?"] * 4


def ids(text: str, lowercase: bool = True) -> list[int]:
    return next(trained_tokens(TEXTS, 120, lowercase).encode([text]))


def test_common_words_are_one_token_each_and_punctuation_stands_alone() -> None:
    assert len(ids("good camera")) == 2
    assert [ids("good , camera")[0], len(ids("good?"))] == [*ids("good"), 2]
    assert ids("good") == ids("  good\n")


def test_a_letter_that_training_does_not_hold_is_unknown() -> None:
    assert 1 in ids("z")
    assert 1 not in ids("camera")


def test_capital_letters_mean_nothing_in_lower_case() -> None:
    assert ids("GOOD") == ids("good")
    assert ids("GOOD", lowercase=False) != ids("good", lowercase=False)


def test_two_ways_to_write_a_letter_are_one() -> None:
    """Vietnamese is written with composed and with combining marks: e with circumflex and dot below."""
    tokens = trained_tokens(["m\u1ec7t qu\u00e1"] * 3, 60, True)
    composed, combining = tokens.encode(["m\u1ec7t", "me\u0323\u0302t"])
    assert composed == combining


def test_the_words_of_a_review_are_no_marks_of_the_tokenizer() -> None:
    assert 0 not in ids("[PAD]")


def test_rows_are_cut_and_padded(tmp_path: Path) -> None:
    tokens = trained_tokens(TEXTS, 120, True)
    rows, lengths, n_unknown = padded(tokens, ["good", "the camera is good z"], 3)
    assert rows.dtype == np.uint16
    assert rows[0].tolist() == [*ids("good"), 0, 0]
    assert rows[1].tolist() == ids("the camera is good")[:3]
    assert lengths.tolist() == [1, 4 + len(ids("z"))]
    assert n_unknown == 1


@pytest.mark.parametrize("threads", ["1", "2"])
def test_every_process_trains_the_same_tokenizer(threads: str) -> None:
    """Hash maps are ordered anew in each process: ties between merges must not follow them."""
    code = (
        "from tests.tasks.sentiment.test_tokens import TEXTS; from sweeper_tasks.sentiment.tokens import *; "
        "print(list(trained_tokens(TEXTS, 70, True).encode(['batter cam aaa good ttery a n ot'])))"
    )
    root = Path(__file__).parents[3]
    environment = {"RAYON_NUM_THREADS": threads, "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    here = list(trained_tokens(TEXTS, 70, True).encode(["batter cam aaa good ttery a n ot"]))
    assert result.stdout.strip() == str(here)
