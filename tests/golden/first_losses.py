"""The training losses of a sweep's first steps, which golden files keep."""

from collections.abc import Iterator
from pathlib import Path

import torch

from sweeper.schema import RunSettings
from sweeper.study.proposals import drafts_of
from sweeper.study.specs import TaskSpecs
from sweeper.task.base import config_of
from sweeper.task.entry import task_entry
from sweeper.worker.training import Training
from tests.sweeper.small_esmm import read_line

N_STEPS = 20


def first_losses(words: tuple[str, ...], results: Path) -> dict[str, list[float]]:
    """By trial name, the loss at each of the first steps on seed 0, with all that is drawn by chance."""
    return {
        name: [step_loss(training) for _ in range(N_STEPS)] for name, training in trainings(words, results)
    }


def trainings(words: tuple[str, ...], results: Path) -> Iterator[tuple[str, Training]]:
    """The trials of the command line `words`, each ready to train on one thread of the CPU, on seed 0."""
    torch.set_num_threads(1)
    sweep = read_line(*words, f"study.results_dir={results}", multirun=True)
    factory, entry, cpu = TaskSpecs(sweep), task_entry(sweep.settings.task), torch.device("cpu")
    for draft in drafts_of(sweep, factory):
        config = config_of(entry.config_class(), draft.config)
        settings = RunSettings.model_validate({key: draft.config[key] for key in RunSettings.model_fields})
        task = entry.task_class()(config, factory.prepared_of(draft), cpu)
        yield draft.name, Training(task, settings, 0, cpu)


def step_loss(training: Training) -> float:
    """The loss of the step, as `advance` sees it: the same chance is drawn again for it."""
    with torch.random.fork_rng(), torch.no_grad():
        batch = training.task.train_batch(training.batches.at(training.step))
        step = torch.tensor(training.step)
        loss, _ = training.task.loss(training.model(batch), batch, training.coefficients, step)
    training.advance()
    return float(loss)
