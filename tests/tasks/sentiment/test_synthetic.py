"""The grammar: documented shares, determinism, and that its words decide what its labels say."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper_tasks.sentiment.data import prepare
from sweeper_tasks.sentiment.data_config import SyntheticReviews
from sweeper_tasks.sentiment.phrases import ASPECTS
from sweeper_tasks.sentiment.polarities import counts_of
from sweeper_tasks.sentiment.reviews import Review
from sweeper_tasks.sentiment.synthetic_reviews import misspelt, review, shares_of, source
from tests.tasks.sentiment.tiny import DATA, tiny_config


def data_with(**changes: Any) -> SyntheticReviews:
    return SyntheticReviews.model_validate(DATA | changes)


@cache
def many(**changes: Any) -> list[Review]:
    return source(data_with(n_train=3000, **changes)).read().splits["train"]


def test_polarities_have_the_documented_shares() -> None:
    """57 / 29 / 14 % of some 10,000 opinions, to 1.5 %; an aspect's own may differ."""
    found = [c for written in many() for c in written.opinions.values()]
    assert np.bincount(found) / len(found) == pytest.approx([0.57, 0.29, 0.14], abs=0.015)
    assert len(found) / 3000 == pytest.approx(3.4, abs=0.2)


def test_shares_of_aspects_are_those_of_the_data_on_average_and_differ() -> None:
    shares = np.array([shares_of(data_with(), aspect) for aspect in ASPECTS])
    rates = np.array([aspect.named_rate for aspect in ASPECTS])
    assert rates @ shares / rates.sum() == pytest.approx([0.57, 0.29, 0.14])
    assert shares.sum(axis=1) == pytest.approx(1)
    assert np.ptp(shares[:, 0]) > 0.2


def test_all_eleven_aspects_are_named() -> None:
    assert {aspect for written in many() for aspect in written.opinions} == {a.name for a in ASPECTS}
    assert len(ASPECTS) == 11


def test_a_review_depends_on_seed_split_and_position_only() -> None:
    data = data_with()
    assert review(data, "train", 3) == review(data_with(n_train=9), "train", 3)
    others = [
        review(data, "val", 3),
        review(data, "train", 4),
        review(data_with(generator_seed=1), "train", 3),
    ]
    assert all(other != review(data, "train", 3) for other in others)


def test_no_text_of_val_or_test_stands_in_another_split() -> None:
    """Of 3,000 short reviews some are alike; within a split they may be."""
    splits = source(data_with(n_train=3000, n_val=400, n_test=400, typo_rate=0.0)).read().splits
    texts = {split: {one.text for one in written} for split, written in splits.items()}
    assert not texts["train"] & (texts["val"] | texts["test"])
    assert not texts["val"] & texts["test"]
    again = [one for i, one in enumerate(splits["val"]) if one != review(data_with(typo_rate=0.0), "val", i)]
    assert 0 < len(again) < 40


def test_no_mark_of_the_grammar_is_left_in_a_text() -> None:
    texts = [written.text for written in many(typo_rate=0.0, negation_rate=0.5)]
    assert not [text for text in texts if "*" in text or "+" in text or " N" in text or " - " in text]
    assert any("not bad at all" in text for text in texts)
    assert any("neither" in text for text in texts)


def test_negation_turns_words_around() -> None:
    """With negation only, 'not really good' is what is said of what is negative."""
    negative = [
        written
        for written in many(typo_rate=0.0, negation_rate=1.0)
        if len(written.opinions) == 1 and "not really" in written.text
    ]
    assert len(negative) > 5
    assert {c for written in negative for c in written.opinions.values()} == {1}


@given(st.text("abcdefgh", min_size=1, max_size=12), st.integers(0, 1000))
def test_a_mistake_swaps_loses_or_doubles_one_letter(word: str, seed: int) -> None:
    from random import Random

    wrong = misspelt(word, 1.0, Random(seed))
    assert abs(len(wrong) - len(word)) <= 1
    if len(word) < 4 or len(wrong) == len(word):
        assert sorted(wrong) == sorted(word)
    assert misspelt(word, 0.0, Random(seed)) == word


def test_words_of_the_rate_are_misspelt() -> None:
    pairs = zip(many(typo_rate=0.0), many(typo_rate=0.06), strict=True)
    first = [(one.text.split()[0], other.text.split()[0]) for one, other in pairs]
    long = [one != other for one, other in first if len(one) >= 4]
    assert np.mean(long) == pytest.approx(0.06 * 0.95, abs=0.02)  # a swap of equal letters shows nothing


def test_prepared_data_hold_tokens_labels_and_facts(tmp_path: Path) -> None:
    config = tiny_config(data={"n_train": 300, "max_tokens": 40, "vocabulary_size": 300})
    prepared = prepare(config, tmp_path)
    tokens, labels = prepared.array("train_tokens"), prepared.array("train_labels")
    assert (tokens.shape, tokens.dtype, labels.shape, labels.dtype) == (
        (300, 40),
        "uint16",
        (300, 11),
        "int8",
    )
    assert prepared.n_train == 300
    assert not prepared.real
    assert prepared.facts["aspects"] == sorted(aspect.name for aspect in ASPECTS)
    assert prepared.facts["counts"]["train"] == counts_of(labels).tolist()
    assert tokens.max() < prepared.facts["vocabulary_size"] == 300
    first = review(config.data, "train", 0)  # type: ignore[arg-type]
    assert {prepared.facts["aspects"][a]: c for a, c in enumerate(labels[0]) if c >= 0} == first.opinions


def test_the_digest_knows_the_grammar_and_the_tokenizer_not_the_place(tmp_path: Path) -> None:
    digest = prepare(tiny_config(), tmp_path / "a").digest
    assert prepare(tiny_config(data={"cache_dir": "elsewhere"}), tmp_path / "b").digest == digest
    for changes in ({"generator_seed": 5}, {"vocabulary_size": 71}, {"lowercase": False}, {"min_support": 2}):
        assert prepare(tiny_config(data=changes), tmp_path / "a").digest != digest
