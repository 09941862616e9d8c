"""Metrics of reading, by hand and against scikit-learn and torch."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn.metrics import precision_score, recall_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sweeper_tasks.captcha.alphabet import N_CLASSES, Codes, encode
from sweeper_tasks.captcha.facts import facts_of, most_frequent
from sweeper_tasks.captcha.metrics import (
    Confusion,
    Floats,
    confusions,
    cross_entropies,
    one_against_rest,
    one_hot,
    output_metrics,
    reading_metrics,
)
from tests.tasks.captcha.tiny import tiny_codes


def codes(*texts: str) -> Codes:
    return np.stack([encode(text, 4) for text in texts])


def drawn_logits(n: int = 20, scale: float = 3.0) -> Floats:
    return scale * np.random.default_rng(0).normal(size=(n, 4, N_CLASSES))


def test_reading_by_hand() -> None:
    """Of "12ab", "12" and "0000", read as "12aB", "12" and "0O0": 1 of 3 texts is right, 2 whatever the case.

    Of 4 + 2 + 4 = 10 characters 3 + 2 + 2 = 7 stand at their place.
    """
    metrics = reading_metrics(codes("12aB", "12", "0O0"), codes("12ab", "12", "0000"))
    assert metrics == pytest.approx(
        {"full_match": 1 / 3, "full_match_any_case": 2 / 3, "character_accuracy": 0.7}
    )


def test_what_is_read_behind_the_end_does_not_count() -> None:
    read, true = codes("12"), codes("12")
    read[0, 3] = 5
    assert reading_metrics(read, true)["full_match"] == 1


def test_outputs_are_judged_as_scikit_learn_and_torch_judge_them() -> None:
    logits, true = drawn_logits() - 2, tiny_codes(20, seed=1)
    labels = one_hot(true)
    logits[labels] += 4
    metrics = output_metrics(logits, true)
    answers = (expit(logits) > 0.5).ravel()
    assert metrics["precision"] == pytest.approx(precision_score(labels.ravel(), answers))
    assert metrics["recall"] == pytest.approx(recall_score(labels.ravel(), answers))
    bce = binary_cross_entropy_with_logits(torch.tensor(logits), torch.tensor(labels.astype(float)))
    assert metrics["bce"] == pytest.approx(bce.item())


def test_precision_and_recall_are_0_where_every_answer_is_no() -> None:
    metrics = output_metrics(np.full((2, 4, N_CLASSES), -1.0), codes("1", "2"))
    assert metrics["precision"] == metrics["recall"] == 0


def test_the_cross_entropy_of_an_image_is_the_mean_over_its_positions() -> None:
    logits, true = drawn_logits(), tiny_codes(20, seed=2)
    expected = cross_entropy(
        torch.tensor(logits).transpose(1, 2), torch.tensor(true, dtype=torch.int64), reduction="none"
    ).mean(dim=1)
    np.testing.assert_allclose(cross_entropies(logits, true), expected.numpy())


def test_one_against_rest_is_the_logit_of_the_softmax() -> None:
    logits = drawn_logits()
    np.testing.assert_allclose(expit(one_against_rest(logits)), softmax(logits, axis=-1), rtol=1e-10)


def test_one_against_rest_stays_exact_where_a_probability_rounds_to_1() -> None:
    """One z is 100, all 62 others 0: its logit is 100 - log 62, that of another about -100."""
    logits = np.zeros((1, 1, N_CLASSES))
    logits[0, 0, 7] = 100
    against = one_against_rest(logits)[0, 0]
    assert against[7] == pytest.approx(100 - np.log(62))
    assert against[8] == pytest.approx(-100)


def test_the_commonest_confusions_come_first() -> None:
    """Twice l as K, once O as 0, and once a text that was read as shorter."""
    found = confusions(codes("K1", "K", "0", "ab"), codes("l1", "l", "O", "abc"))
    assert found[0] == Confusion("l", "K", 2)
    assert set(found[1:]) == {Confusion("O", "0", 1), Confusion("c", "", 1)}


def test_the_trivial_predictor_says_the_commonest_character_of_each_position() -> None:
    """Of "11", "12" and "32" it makes "12": one of three texts and 4 of 6 characters are right."""
    train = codes("11", "12", "32")
    assert most_frequent(train).tolist() == encode("12", 4).tolist()
    facts = facts_of({"train": train, "val": codes("12"), "test": codes("1", "99")})
    assert facts["trivial"]["train"]["full_match"] == pytest.approx(1 / 3)
    assert facts["trivial"]["train"]["character_accuracy"] == pytest.approx(4 / 6)
    assert facts["trivial"]["val"]["full_match"] == 1
    assert facts["trivial"]["test"]["full_match"] == 0
    assert facts["characters"] == {"train": 6, "val": 2, "test": 3}
