"""The trivial predictor of face parsing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sweeper_tasks.segmentation.facts import all_one_class, prepared_facts
from sweeper_tasks.segmentation.metrics import confusions
from tests.tasks.segmentation.tiny import N_CLASSES, Painter, class_facts, tiny_prepared, tiny_task

BACKGROUND = 0


def test_all_background_by_hand(tmp_path: Path) -> None:
    """One picture of 3 background pixels and 1 of skin (class 1), one of 4 of background.

    F of background: 2 * 3 / (4 + 3) = 6/7 and 1, of skin 0: images score 3/7 and 1, a mean of 5/7. 7 of 8
    pixels are right.
    """
    masks = np.zeros((2, 2, 2), dtype=np.uint8)
    masks[0, 1, 1] = 1
    for split in ("train", "val", "test"):
        np.save(tmp_path / f"{split}_masks.npy", masks)
    found = prepared_facts(tmp_path, class_facts())["trivial"]["test"]
    assert found["f_score"] == pytest.approx(5 / 7)
    assert found["pixel_accuracy"] == pytest.approx(7 / 8)
    assert (found["f_background"], found["f_skin"]) == (pytest.approx(13 / 14), 0)


def test_its_confusions_are_those_of_a_network_that_says_background_everywhere() -> None:
    masks = np.random.default_rng(0).integers(0, 19, (5, 6, 7)).astype(np.uint8)
    truth = torch.from_numpy(masks.astype(np.int64))
    expected = confusions(truth, torch.full_like(truth, BACKGROUND), N_CLASSES)
    assert np.array_equal(all_one_class(masks, BACKGROUND, N_CLASSES), expected.numpy())


@pytest.mark.parametrize("split", ["val", "test"])
def test_its_metrics_are_those_that_evaluation_gives_to_such_a_network(tmp_path: Path, split: str) -> None:
    prepared = tiny_prepared(tmp_path)
    task = tiny_task(prepared)
    measured = task.evaluate(Painter(BACKGROUND), split, task.coefficients(), torch.tensor(0)).metrics
    found = prepared_facts(prepared.folder, class_facts())["trivial"][split]
    assert found == pytest.approx({name: measured[name] for name in found})
    assert {"f_score", "miou", "f_small", "f_large", "f_skin"} <= found.keys()
