"""The size of gradients where it acts, and losses that are multiplied by a number."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.messages import Finished
from sweeper.schema import RUN_SECTIONS, RunSettings
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.gradient_norms import GradientNorms
from sweeper.worker.serve import run_job
from tests.sweeper.worker.toy_jobs import CONFIG, NONE, Changes, Listener, folder_of, toy_config, toy_job

SGD: dict[str, Any] = {
    "optimizer": {"name": "sgd", "lr": 0.25, "weight_decay": 0.0, "momentum": 0.0, "nesterov": False}
}


def metrics_of(folder: Path, changes: Changes = NONE) -> dict[str, float]:
    listener = Listener(())
    run_job(toy_job(folder, changes=changes), listener)
    assert isinstance(listener.last, Finished), listener.last
    return listener.last.metrics


def test_the_mean_leaves_out_what_is_not_finite_and_survives_an_interruption() -> None:
    """(3 + 5) / 2; a step that fp16 leaves out has an infinite norm."""
    cpu = torch.device("cpu")
    before, after = GradientNorms(cpu, is_on=True), GradientNorms(cpu, is_on=True)
    assert before.mean is None
    before.see(torch.tensor(3.0))
    before.see(torch.tensor(float("inf")))
    after.load_state_dict(before.state_dict())
    after.see(torch.tensor(5.0))
    assert after.mean == 4.0
    after.load_state_dict(None)  # a checkpoint of before there were norms
    assert after.mean is None


def test_a_run_tells_the_norm_where_its_size_acts(tmp_path: Path) -> None:
    assert "train/grad_norm" not in metrics_of(tmp_path / "adamw")
    clipped = metrics_of(tmp_path / "clipped", {"trainer.grad_clip_norm": 1e-6})
    assert clipped["train/grad_norm"] > 1e-3  # before clipping
    assert metrics_of(tmp_path / "sgd", SGD)["train/grad_norm"] > 0


def test_under_plain_descent_a_loss_twice_as_large_is_a_rate_twice_as_large(tmp_path: Path) -> None:
    """To the last bit, since 2 is a power of 2."""
    scaled = toy_job(tmp_path / "scaled", changes={**SGD, "trainer.loss_scale": 2.0})
    faster = toy_job(tmp_path / "faster", changes={"optimizer": {**SGD["optimizer"], "lr": 0.5}})
    for job in (scaled, faster):
        run_job(job, Listener(()))
    one, other = (read_checkpoint(folder_of(job).best)["model"] for job in (scaled, faster))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("scale", "is_told"), [(1.0, False), (2.0, True)])
def test_a_fingerprint_tells_of_a_scale_only_where_there_is_one(scale: float, is_told: bool) -> None:
    config = toy_config({"trainer.loss_scale": scale})
    settings = RunSettings.model_validate({name: config[name] for name in RUN_SECTIONS})
    assert ("loss_scale" in settings.trainer.without_cosmetics()) is is_told
    assert "loss_scale" not in CONFIG["trainer"]  # configurations of before there was one are read as 1
