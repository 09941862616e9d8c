"""The segmentation task: metrics and records add up, variants are what they say, pictures vary by chance."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sweeper.task.prepared import Prepared
from sweeper_tasks.segmentation.config import SegmentationConfig
from tests.tasks.segmentation.tiny import LOSSES, N_CLASSES, Painter, tiny_config, tiny_prepared, tiny_task

STEP = torch.tensor(0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return tiny_prepared(tmp_path_factory.mktemp("prepared"))


def loss_and_gradient(prepared: Prepared, config: SegmentationConfig) -> tuple[Tensor, Tensor]:
    task = tiny_task(prepared, config)
    batch = task.train_batch(torch.arange(8))
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(8, N_CLASSES, 16, 16, generator=draw, requires_grad=True)
    loss, _ = task.loss(logits, batch, task.coefficients(), STEP)
    return loss, torch.autograd.grad(loss, logits)[0]


def test_focal_with_gamma_0_and_no_alpha_is_cross_entropy_bit_by_bit(prepared: Prepared) -> None:
    for focal, plain in (("focal", "ce"), ("focal_dice", "ce_dice")):
        off = tiny_config(loss=focal, focal_gamma=0.0, focal_alpha=None)
        one, other = (loss_and_gradient(prepared, config) for config in (off, tiny_config(loss=plain)))
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("loss", ["ce_dice", "focal_dice", "focal_dice_weighted"])
def test_a_weight_of_0_removes_its_term(prepared: Prepared, loss: str) -> None:
    pixels = tiny_config(loss=loss, dice_weight=0.0)
    alone = {"ce_dice": "ce", "focal_dice": "focal"}.get(loss)
    if alone is not None:
        torch.testing.assert_close(
            loss_and_gradient(prepared, pixels), loss_and_gradient(prepared, tiny_config(loss=alone))
        )
    dice = tiny_config(loss=loss, ce_weight=0.0, dice_weight=2.0)
    expected = loss_and_gradient(prepared, tiny_config(ce_weight=0.0, dice_weight=2.0))
    torch.testing.assert_close(loss_and_gradient(prepared, dice), expected)


def test_ones_as_alpha_and_class_weights_are_none(prepared: Prepared) -> None:
    ones = [1.0] * N_CLASSES
    plain = loss_and_gradient(prepared, tiny_config(loss="focal_dice", focal_alpha=None))
    weighted = tiny_config(loss="focal_dice_weighted", focal_alpha=ones, class_weights=ones)
    assert torch.equal(plain[0], loss_and_gradient(prepared, weighted)[0])


def test_one_alpha_is_for_the_parts_and_the_rest_for_background(prepared: Prepared) -> None:
    coefficients = tiny_task(prepared, tiny_config(loss="focal", focal_alpha=0.25)).coefficients()
    assert coefficients["loss.focal_alpha.0"].item() == 0.75
    assert {coefficients[f"loss.focal_alpha.{c}"].item() for c in range(1, N_CLASSES)} == {0.25}


@pytest.mark.parametrize("alpha", [None, 0.5, "auto", [0.1] * N_CLASSES])
def test_siblings_may_differ_in_the_kind_of_alpha(prepared: Prepared, alpha: object) -> None:
    """All kinds make the same coefficients, so that one stacked step can serve them."""
    names = tiny_task(prepared, tiny_config(loss="focal", focal_alpha=alpha)).coefficients().keys()
    assert names == {"loss.focal_gamma", *(f"loss.focal_alpha.{c}" for c in range(N_CLASSES))}


def test_an_ignored_class_has_no_gradient(prepared: Prepared) -> None:
    task = tiny_task(prepared, tiny_config())
    masks = task.train_batch(torch.arange(8)).masks
    for loss in LOSSES:
        _, gradient = loss_and_gradient(prepared, tiny_config(loss=loss, ignore_index=0))
        by_pixel = gradient.abs().sum(dim=1)
        assert by_pixel[masks == 0].max() == 0, loss
        assert by_pixel[masks == 1].max() > 0, loss


def test_the_truth_scores_1_and_all_background_almost_nothing(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    right = task.evaluate(Painter(), "val", task.coefficients(), STEP).metrics
    blank = task.evaluate(Painter(only=0), "val", task.coefficients(), STEP).metrics
    perfect = [name for name in right if name[:2] == "f_" or name in ("miou", "pixel_accuracy")]
    assert {right[name] for name in perfect} == {1.0}
    assert blank["f_score"] < 0.15
    assert blank["f_small"] == 0
    assert blank["ce"] > right["ce"] > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_ce_is_logged_unweighted_over_all_pixels_for_every_variant(prepared: Prepared, loss: str) -> None:
    """The painter of class 0 has logits 8 and 0: CE is log(e^8 + 18) - 8 where it is right, else 8 more."""
    task = tiny_task(prepared, tiny_config(loss=loss, ignore_index=3))
    metrics = task.evaluate(Painter(only=0), "test", task.coefficients(), STEP).metrics
    wrong = float((np.asarray(prepared.array("test_masks")) != 0).mean())
    assert metrics["ce"] == pytest.approx(np.log(np.exp(8) + 18) - 8 + 8 * wrong, rel=1e-5)


def test_records_are_one_an_image_and_explain_the_objective(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    found = task.evaluate(task.build_model(), "test", task.coefficients(), STEP)
    scores, by_class = found.records["f_score"], found.records["f_by_class"]
    assert by_class.shape == (6, N_CLASSES)
    assert scores.mean() == pytest.approx(found.metrics["f_score"], rel=1e-6)
    assert found.records["ce"].mean() == pytest.approx(found.metrics["ce"], rel=1e-6)
    for score, row in zip(scores, by_class, strict=True):
        assert row[row >= 0].mean() == pytest.approx(score, rel=1e-5)
    n = len(scores)
    variance = (found.records["influence_f_score"].astype(float) ** 2).sum() / n**2
    assert variance == pytest.approx(scores.astype(float).var(ddof=1) / n, rel=1e-4)


def test_masks_of_test_are_kept_and_those_of_other_splits_or_of_too_many_pixels_are_not(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tiny_task(prepared)
    model = task.build_model()
    kept = task.evaluate(model, "test", task.coefficients(), STEP).records["read"]
    assert (kept.shape, kept.dtype) == (prepared.array("test_masks").shape, np.uint8)
    assert "read" not in task.evaluate(model, "val", task.coefficients(), STEP).records
    monkeypatch.setattr("sweeper_tasks.segmentation.task.MAX_READ", kept.size - 1)
    assert "read" not in task.evaluate(model, "test", task.coefficients(), STEP).records


def test_the_loss_of_an_evaluation_is_that_of_a_step(prepared: Prepared) -> None:
    task = tiny_task(prepared, tiny_config(loss="ce"))
    model = task.build_model()
    metrics = task.evaluate(model, "train", task.coefficients(), STEP).metrics
    batch = task.train_batch(torch.arange(task.n_train))
    with torch.no_grad():
        expected = cross_entropy(model(batch), batch.masks).item()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["loss"] == pytest.approx(metrics["ce"], rel=1e-5)


def test_training_pictures_vary_and_the_seed_decides_how(prepared: Prepared) -> None:
    task, rows = tiny_task(prepared, tiny_config(augment=True)), torch.arange(8)
    torch.manual_seed(0)
    first, second = task.train_batch(rows), task.train_batch(rows)
    torch.manual_seed(0)
    again = task.train_batch(rows)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.masks, again.masks)
    assert not torch.equal(first.images, second.images)
    assert first.images.abs().max() <= 1


def test_evaluation_never_varies_a_picture(prepared: Prepared) -> None:
    varied, plain = (tiny_task(prepared, tiny_config(augment=augment)) for augment in (True, False))
    torch.manual_seed(0)
    model = plain.build_model()
    one, other = (task.evaluate(model, "train", plain.coefficients(), STEP) for task in (varied, plain))
    assert one.metrics == other.metrics


def test_the_pictures_of_a_split_are_moved_to_the_device_once(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    one, other = tiny_task(prepared), tiny_task(prepared, tiny_config(loss="focal"))
    assert one._splits is other._splits
