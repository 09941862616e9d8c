"""Losses of the first 20 steps: a change that should not alter arithmetic leaves them alone.

To make them anew after a change that should: `python -m tests.golden.test_esmm`.
"""

import json
import tempfile
from pathlib import Path

import pytest
import torch

from sweeper.schema import RunSettings
from sweeper.study.proposals import drafts_of
from sweeper.study.specs import TaskSpecs
from sweeper.task.base import config_of
from sweeper.worker.training import Training
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.task import EsmmTask
from tests.sweeper.small_esmm import small_sweep

GOLDEN = Path(__file__).with_name("esmm.json")
N_STEPS = 20


def losses(results: Path) -> dict[str, list[float]]:
    """By trial name, the training loss at each of the first steps, on seed 0."""
    torch.set_num_threads(1)
    sweep = small_sweep(results, "aux_focal.gamma=1,2", "trainer.batch_size=256")
    factory = TaskSpecs(sweep)
    found = {}
    for draft in drafts_of(sweep, factory):
        config = config_of(EsmmConfig, draft.config)
        assert isinstance(config, EsmmConfig)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        device = torch.device("cpu")
        task = EsmmTask(config, factory.prepared_of(draft), device)
        training = Training(task, settings, 0, device)
        found[draft.name] = [_step(training) for _ in range(N_STEPS)]
    return found


def _step(training: Training) -> float:
    batch = training.task.train_batch(training.batches.at(training.step))
    with torch.no_grad():
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


def test_variants_part_from_the_baseline_only_after_their_warmup(tmp_path: Path) -> None:
    """The warm-up is 4 steps: losses 0 to 3 are equal, the one of step 4 holds the focal term."""
    golden = json.loads(GOLDEN.read_text())
    for name in ("gamma=1", "gamma=2"):
        assert golden[name][:4] == golden["baseline"][:4]
        assert golden[name][4] > golden["baseline"][4]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(losses(Path(folder)), indent=1) + "\n")
