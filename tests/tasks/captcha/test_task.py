"""The task behind the contract: what it inherits, what it reports, and what augmentation touches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.task.prepared import Prepared
from sweeper_tasks.captcha.alphabet import N_CLASSES
from sweeper_tasks.captcha.config import CaptchaConfig
from sweeper_tasks.captcha.model import Batch
from sweeper_tasks.captcha.task import CaptchaTask
from tests.contracts.test_task_contract import Parts, TaskContract, seeded
from tests.tasks.captcha.tiny import AUGMENTATION, LENGTH, LOSSES, tiny_config, tiny_prepared, tiny_task

STEP = torch.tensor(0)


def half_read(folder: Path, config: CaptchaConfig) -> Prepared:
    """Data of which an untrained model reads every other text, so that full_match is neither 0 nor 1."""
    task = tiny_task(tiny_prepared(folder / "drawn"), config)
    codes = {}
    for split in ("val", "test"):
        records = task.evaluate(seeded(task), split, task.coefficients(), STEP).records
        codes[split] = np.where(
            np.arange(len(records["read"]))[:, None] % 2, records["read"], records["true"]
        )
    return tiny_prepared(folder / "half", **codes)


@pytest.mark.parametrize("loss", sorted(LOSSES))
class TestCaptcha(TaskContract):
    """Every loss; without dropout and augmentation, which would draw alone what they draw stacked."""

    objective = "full_match"
    task_class = CaptchaTask

    @pytest.fixture
    def parts(self, tmp_path: Path, loss: str) -> Parts:
        config = tiny_config(loss)
        return config, half_read(tmp_path, config)


@pytest.mark.parametrize("option", [{"channel_attention": True}, {"head": "attention"}])
class TestCaptchaWithAttention(TaskContract):
    """The other networks."""

    objective = "full_match"
    task_class = CaptchaTask

    @pytest.fixture
    def parts(self, tmp_path: Path, option: dict[str, Any]) -> Parts:
        config = tiny_config(model=option)
        return config, half_read(tmp_path, config)


class Reads(nn.Module):
    """A model that reads the same texts whatever it sees, and is sure of it."""

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.logits = 40 * torch.nn.functional.one_hot(codes.long(), N_CLASSES).float() - 20

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the texts, row by row."""
        return self.logits[: len(batch.codes)]


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_a_model_that_reads_all_but_one_of_30_texts(tmp_path: Path, loss: str) -> None:
    """One character of one text is wrong: full_match 29 / 30, precision and recall 119 / 120.

    Its z is 20 at what it reads and -20 elsewhere: the wrong position costs 40 of ce (a mean over 120), and
    of bce twice 20 for sigmoids, twice 40 less log 62 for a softmax (a mean over 120 x 63 outputs).
    """
    prepared = tiny_prepared(tmp_path)
    codes = torch.tensor(prepared.array("val_codes"))
    codes[4, 0] = (codes[4, 0] + 1) % 62
    got = tiny_task(prepared, tiny_config(loss)).evaluate(Reads(codes), "val", zero_d(loss), STEP)
    bce = 2 * 40 if loss in ("ce", "focal_ce") else 2 * 20
    assert got.metrics["full_match"] == pytest.approx(29 / 30)
    assert got.metrics["precision"] == got.metrics["recall"] == pytest.approx(119 / 120)
    assert got.metrics["ce"] == pytest.approx(40 / 120)
    assert got.metrics["bce"] == pytest.approx(bce / (120 * N_CLASSES), rel=0.06)
    assert got.records["ce"].argmax() == 4
    assert (got.records["read"] != got.records["true"]).any(axis=1).nonzero()[0].tolist() == [4]


def zero_d(loss: str) -> dict[str, Tensor]:
    return {f"loss.{key}": torch.tensor(v) for key, v in LOSSES[loss].items() if isinstance(v, float)}


@pytest.mark.parametrize(("loss", "plain"), [("bce", "bce"), ("ce", "ce")])
def test_the_plain_losses_equal_the_plain_metrics(tmp_path: Path, loss: str, plain: str) -> None:
    task = tiny_task(tiny_prepared(tmp_path), tiny_config(loss))
    metrics = task.evaluate(seeded(task), "val", {}, STEP).metrics
    assert metrics["loss"] == pytest.approx(metrics[plain])


def test_every_loss_logs_the_same_metrics(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    found = [
        tiny_task(prepared, tiny_config(loss)).evaluate(Reads(torch.zeros(40, LENGTH)), "train", c, STEP)
        for loss, c in ((loss, zero_d(loss)) for loss in LOSSES)
    ]
    assert all(evaluation.metrics.keys() == found[0].metrics.keys() for evaluation in found)
    assert all(evaluation.records == {} for evaluation in found)


def test_the_influence_gives_the_variance_of_a_rate(tmp_path: Path) -> None:
    """For m of n matches sum(x**2) / n**2 is p (1 - p) / (n - 1)."""
    task = tiny_task(half_read(tmp_path, tiny_config()))
    got = task.evaluate(seeded(task), "val", {}, STEP)
    p, x = got.metrics["full_match"], got.records["influence_full_match"].astype(float)
    assert 0 < p < 1
    assert (x**2).sum() / 30**2 == pytest.approx(p * (1 - p) / 29)


def augmented(**changes: Any) -> dict[str, Any]:
    return {"augmentation": AUGMENTATION | {"enabled": True} | changes}


def test_training_images_vary_with_the_global_generator_and_their_codes_do_not(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    task, plain = tiny_task(prepared, tiny_config(data=augmented())), tiny_task(prepared)
    rows = torch.tensor([5, 0, 7])
    torch.manual_seed(3)
    one, other = task.train_batch(rows), task.train_batch(rows)
    torch.manual_seed(3)
    assert torch.equal(task.train_batch(rows).images, one.images)
    assert not torch.equal(one.images, other.images)
    assert torch.equal(one.codes, plain.train_batch(rows).codes)
    assert one.images.min() >= 0
    assert one.images.max() <= 1
    assert one.images.shape == (3, 1, 8, 16)


def test_evaluation_sees_images_as_they_are(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    augmenting, plain = tiny_task(prepared, tiny_config(data=augmented(noise=0.5))), tiny_task(prepared)
    model = seeded(plain)
    for split in ("train", "val"):
        one, other = (task.evaluate(model, split, {}, STEP).metrics for task in (augmenting, plain))
        assert one == other


def test_a_worker_moves_the_images_to_its_device_once(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    first = tiny_task(prepared)
    for split in ("train", "val", "test"):  # a second job must not need the files
        (tmp_path / f"{split}_images.npy").unlink()
    second = tiny_task(prepared, tiny_config("ce"))
    rows = torch.arange(4)
    assert torch.equal(first.train_batch(rows).images, second.train_batch(rows).images)
