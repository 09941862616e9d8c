"""Segmentation metrics: by hand, and against scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from sklearn.metrics import f1_score, jaccard_score

from sweeper_tasks.segmentation.metrics import (
    confusions,
    f_by_class,
    f_by_image,
    segmentation_metrics as metrics_of,
)
from tests.tasks.segmentation.tiny import LARGE, N_CLASSES, SMALL, class_facts

FACES = class_facts()
untimed = settings(deadline=None, max_examples=20)


def segmentation_metrics(counts: np.ndarray) -> dict[str, float]:
    return metrics_of(counts, FACES, [1] * N_CLASSES)


def counts_of(truth: list[list[int]], predicted: list[list[int]]) -> np.ndarray:
    """Confusions of images of one row."""
    true, said = (torch.tensor(rows).unsqueeze(1) for rows in (truth, predicted))
    return confusions(true, said, N_CLASSES).numpy()


def test_two_images_by_hand() -> None:
    """First image: truth 0 0 1 1, said 0 1 1 1: F of 0 is 2/3, of 1 is 4/5; the mean is 11/15.

    Second: truth 0 0 0 0, said 0 0 0 2: F of 0 is 6/7; class 2 is not in the truth and counts nowhere.
    f_score = (11/15 + 6/7) / 2; accuracy 6/8. IoU of 0: 4 / 6, of 1: 2 / 3; the mean is 2/3.
    """
    found = segmentation_metrics(counts_of([[0, 0, 1, 1], [0, 0, 0, 0]], [[0, 1, 1, 1], [0, 0, 0, 2]]))
    assert found["f_score"] == pytest.approx((11 / 15 + 6 / 7) / 2)
    assert found["pixel_accuracy"] == pytest.approx(6 / 8)
    assert found["miou"] == pytest.approx(2 / 3)
    assert found["f_background"] == pytest.approx((2 / 3 + 6 / 7) / 2)
    assert found["f_skin"] == pytest.approx(4 / 5)
    assert found["f_large"] == pytest.approx(((2 / 3 + 6 / 7) / 2 + 4 / 5) / 2)
    assert "f_nose" not in found
    assert "f_small" not in found


@untimed
@given(st.integers(0, 2**31))
def test_against_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, N_CLASSES, (2, 3, 5, 8))
    counts = confusions(torch.from_numpy(truth), torch.from_numpy(predicted), N_CLASSES).numpy()
    expected = [
        f1_score(t.ravel(), p.ravel(), labels=np.unique(t), average="macro", zero_division=0)
        for t, p in zip(truth, predicted, strict=True)
    ]
    np.testing.assert_allclose(f_by_image(f_by_class(counts)), expected)
    pixels, there = (truth.ravel(), predicted.ravel()), np.unique(truth)
    iou = jaccard_score(*pixels, labels=there, average="macro", zero_division=0)
    assert segmentation_metrics(counts)["miou"] == pytest.approx(iou)


@untimed
@given(st.integers(0, 2**31))
def test_the_objective_is_the_mean_over_images_whatever_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, (4, N_CLASSES, N_CLASSES))
    shuffled = segmentation_metrics(counts[rng.permutation(4)])
    assert segmentation_metrics(counts) == pytest.approx(shuffled)
    by_image = [segmentation_metrics(counts[i : i + 1])["f_score"] for i in range(4)]
    assert segmentation_metrics(counts)["f_score"] == pytest.approx(np.mean(by_image))


def test_every_class_is_either_large_or_small() -> None:
    assert sorted((*LARGE, *SMALL)) == list(range(N_CLASSES))
