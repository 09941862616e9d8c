"""Losses of the first 20 steps of every captcha loss: a change that should not alter arithmetic leaves them.

To make them anew after a change that should: `python -m tests.golden.test_captcha`. The images are drawn by
`captcha` and Pillow: another version of these may alter them too.
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
from tasks.captcha.config import CaptchaConfig
from tasks.captcha.task import CaptchaTask
from tests.sweeper.small_esmm import read_line

GOLDEN = Path(__file__).with_name("captcha.json")
N_STEPS = 20
SMALL = (
    *("task=captcha", "data.n_train=128", "data.n_val=8", "data.n_test=8", "data.height=16", "data.width=40"),
    *("trainer.max_steps=20", "trainer.batch_size=16", "trainer.schedule.lr_warmup_steps=5"),
    *("model.widths=[4,8]", "tracking=none"),
    "loss=captcha/weighted_bce,captcha/binary_focal,captcha/ce,captcha/focal_ce",
)


def losses(results: Path) -> dict[str, list[float]]:
    """By trial name, the training loss at each of the first steps, on seed 0, augmentation and dropout on."""
    torch.set_num_threads(1)
    sweep = read_line(*SMALL, f"study.results_dir={results}", multirun=True)
    factory = SpecFactory(sweep)
    found = {}
    for draft in drafts_of(sweep, factory):
        config = config_of(CaptchaConfig, draft.config)
        assert isinstance(config, CaptchaConfig)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        device = torch.device("cpu")
        training = Training(CaptchaTask(config, factory.prepared_of(draft), device), settings, 0, device)
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
    for name, expected in golden.items():  # kinds of CPUs differ by up to 1e-4
        assert found[name] == pytest.approx(expected, rel=5e-4), name


def test_all_variants_see_the_same_first_batch_and_model() -> None:
    """An untrained model says about 1 / 63: bce is about H = 0.082, ce ln 63 = 4.14, focal losses less."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    bce, focal = golden["baseline"], golden["loss=captcha/binary_focal"]
    assert bce == pytest.approx(0.0816, rel=0.1)
    assert focal < 0.25 * bce
    assert golden["loss=captcha/focal_ce"] < golden["loss=captcha/ce"] == pytest.approx(4.14, rel=0.1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(losses(Path(folder)), indent=1) + "\n")
