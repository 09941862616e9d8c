"""Losses of the first 20 steps of every strategy: a change that should not alter arithmetic leaves them.

To make them anew after a change that should: `python -m tests.golden.test_diagnosis`.
"""

import json
import tempfile
from pathlib import Path

import pytest
import torch

from sweeper.proposals import drafts_of
from sweeper.schema import RunSettings
from sweeper.specs import SpecFactory
from sweeper.worker.training import Training
from tasks.base import config_of
from tasks.diagnosis.config import DiagnosisConfig
from tasks.diagnosis.task import DiagnosisTask
from tests.sweeper.small_esmm import read_line

GOLDEN = Path(__file__).with_name("diagnosis.json")
N_STEPS = 20
SMALL = (
    *("sweep=diagnosis_strategies", "data.n_train=1000", "data.n_val=400", "data.n_test=400"),
    *("trainer.max_steps=20", "trainer.batch_size=64", "model.width=16", "tracking=none"),
)


def losses(results: Path) -> dict[str, list[float]]:
    """By trial name, the training loss at each of the first steps, on seed 0, dropout on."""
    torch.set_num_threads(1)
    sweep = read_line(*SMALL, f"study.results_dir={results}", multirun=True)
    factory = SpecFactory(sweep)
    found = {}
    for draft in drafts_of(sweep, factory):
        config = config_of(DiagnosisConfig, draft.config)
        assert isinstance(config, DiagnosisConfig)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        device = torch.device("cpu")
        training = Training(DiagnosisTask(config, factory.prepared_of(draft), device), settings, 0, device)
        found[draft.name] = [_step(training) for _ in range(N_STEPS)]
    return found


def _step(training: Training) -> float:
    """The loss of the step, as `advance` sees it: the same chance is drawn again for it."""
    before = torch.get_rng_state()
    batch = training.task.train_batch(training.batches.at(training.step))
    with torch.no_grad():
        step = torch.tensor(training.step)
        loss, _ = training.task.loss(training.model(batch), batch, training.coefficients, step)
    torch.set_rng_state(before)
    training.advance()
    return float(loss)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = losses(tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():
        assert found[name] == pytest.approx(expected, rel=1e-4, abs=1e-6), name


def test_an_untrained_model_that_knows_the_prevalence_has_next_to_no_focal_loss() -> None:
    """At p = 0.98 for the 98 % healthy F is 0.8 x 0.02^2.5 x 0.02, and the few ill have nearly all of it."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    assert golden["baseline"] < 0.05
    assert golden["baseline"] < golden["balanced"] < golden["focal_smooth"] < 0.3
    assert golden["focal_smooth"] != golden["focal_smooth-common"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(losses(Path(folder)), indent=1) + "\n")
