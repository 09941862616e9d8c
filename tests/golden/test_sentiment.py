"""Losses of the first 20 steps of every sentiment loss: a change that should not alter arithmetic keeps them.

To make them anew after a change that should: `python -m tests.golden.test_sentiment`. The tokenizer is
trained by `tokenizers`: another version of it may alter them too.
"""

import json
import math
import tempfile
from pathlib import Path

import pytest
import torch

from sweeper.proposals import drafts_of
from sweeper.schema import RunSettings
from sweeper.specs import SpecFactory
from sweeper.worker.training import Training
from tasks.base import config_of
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.task import SentimentTask
from tests.sweeper.small_esmm import read_line

GOLDEN = Path(__file__).with_name("sentiment.json")
N_STEPS = 20
FOCAL = "'loss=sentiment/multilabel_focal','loss.focal_gamma=2.0'"
SMALL = (
    *("sweep=sentiment_alpha", "data.n_train=300", "data.n_val=60", "data.n_test=60", "data.min_support=1"),
    *("data.max_tokens=16", "data.vocabulary_size=200", "data.typo_rate=0.05", "data.negation_rate=0.2"),
    *("trainer.max_steps=20", "trainer.batch_size=16", "trainer.schedule.lr_warmup_steps=2"),
    *("model.width=16", "model.dropout=0.1", "optimizer.lr=0.004", "tracking=none"),
    f"+study.trials.per-aspect=[{FOCAL},'loss.focal_alpha=per_aspect']",
    f"+study.trials.fourth-class=[{FOCAL},'loss.focal_alpha=auto','loss.absent=class']",
    f"+study.trials.textcnn=[{FOCAL},'loss.focal_alpha=auto','model=sentiment/textcnn']",
)


def losses(results: Path) -> dict[str, list[float]]:
    """By trial name, the training loss at each of the first steps, on seed 0, dropout on."""
    torch.set_num_threads(1)
    sweep = read_line(*SMALL, f"study.results_dir={results}", multirun=True)
    factory, device = SpecFactory(sweep), torch.device("cpu")
    found = {}
    for draft in drafts_of(sweep, factory):
        config = config_of(SentimentConfig, draft.config)
        assert isinstance(config, SentimentConfig)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        task = SentimentTask(config, factory.prepared_of(draft), device)
        training = Training(task, settings, 0, device)
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
        assert found[name] == pytest.approx(expected, rel=1e-4), name


def test_the_first_losses_follow_from_their_formulas() -> None:
    """An untrained model says about 1/3: ce is about ln 3, gamma 2 takes about half of it away."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    assert golden["baseline"] == pytest.approx(math.log(3), rel=0.2)
    assert golden["gamma-2-alpha-null"] == pytest.approx(golden["baseline"] / 2, rel=0.2)
    assert golden["gamma-3-alpha-auto"] < golden["gamma-2-alpha-auto"] < golden["gamma-1-alpha-auto"]
    assert len(set(golden.values())) == len(golden) == 9


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(losses(Path(folder)), indent=1) + "\n")
