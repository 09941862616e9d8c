"""Losses of the first 20 steps: a change that should not alter arithmetic leaves them alone.

To make them anew after a change that should: `python -m tests.golden.test_segmentation`.
"""

import copy
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from sweeper.proposals import drafts_of
from sweeper.schema import RunSettings
from sweeper.specs import SpecFactory
from sweeper.worker.training import Training
from tasks.base import config_of
from tasks.segmentation.config import SegmentationConfig
from tasks.segmentation.task import SegmentationTask
from tests.sweeper.small_esmm import read_line

GOLDEN = Path(__file__).with_name("segmentation.json")
N_STEPS = 20
PRESET = {  # pinned: another preset is no other arithmetic
    "batch_size": 4,
    "batch_size_small": 3,
    "epochs": 5,
    "epochs_long": 6,
    "lr_warmup_steps": 16,
    "lr_warmup_steps_small": 21,
    "lr": 4e-3,
    "lr_focal": 2.5e-3,
    "lr_aggressive": 1.5e-3,
    "first_stride": 4,
}
SMALL = (
    *(f"data.preset.{name}={value}" for name, value in PRESET.items()),
    *("sweep=segmentation_focal", "data.n_train=24", "data.n_val=4", "data.n_test=4", "data.image_size=32"),
    *("model.widths=[8,8,16,16]", "model.decoder_width=16", "tracking=none"),
)


def losses(results: Path) -> dict[str, list[float]]:
    """By trial name, the training loss at each of the first steps, on seed 0, pictures varied by chance."""
    return {
        name: [_step(training) for _ in range(N_STEPS)]
        for name, start in trainings(results).items()
        for training in [start()]
    }


def trainings(results: Path) -> dict[str, Callable[[], Training]]:
    """By trial name, what starts its run on seed 0."""
    torch.set_num_threads(1)
    sweep = read_line(*SMALL, f"study.results_dir={results}", multirun=True)
    factory, cpu = SpecFactory(sweep), torch.device("cpu")
    found: dict[str, Callable[[], Training]] = {}
    for draft in drafts_of(sweep, factory):
        config = config_of(SegmentationConfig, draft.config)
        assert isinstance(config, SegmentationConfig)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        task = SegmentationTask(config, factory.prepared_of(draft), cpu)
        found[draft.name] = partial(Training, task, settings, 0, cpu)
    return found


def _step(training: Training) -> float:
    with torch.random.fork_rng(), torch.no_grad():  # the step draws the same pictures and dropouts again
        batch = training.task.train_batch(training.batches.at(training.step))
        step = torch.tensor(training.step)
        loss, _ = training.task.loss(training.model(batch), batch, training.coefficients, step)
    training.advance()
    return float(loss)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = losses(tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():
        assert found[name] == pytest.approx(expected, rel=1e-4), name


def test_a_run_that_resumes_goes_on_bit_by_bit_with_the_same_pictures(tmp_path: Path) -> None:
    start = trainings(tmp_path)["lmsa_aggressive"]
    whole = start()
    for _ in range(3):
        whole.advance()
    state = copy.deepcopy(whole.state_dict())
    expected = [_step(whole) for _ in range(3)]
    resumed = start()
    resumed.load_state_dict(state)
    assert [_step(resumed) for _ in range(3)] == expected
    for one, other in zip(whole.parameters, resumed.parameters, strict=True):
        assert torch.equal(one, other)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(losses(Path(folder)), indent=1) + "\n")
