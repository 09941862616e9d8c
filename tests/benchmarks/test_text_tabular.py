"""The benchmark of texts and tables: its usual loops train on the same batches as ours, and it runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks import text_tabular
from benchmarks.esmm import training_of
from benchmarks.text_tabular import CHOICES, usual
from benchmarks.throughput import loader_step
from sweeper.worker.training import Training
from tests.sweeper.small_esmm import read_line

SMALL = {
    "sentiment": [
        "data.n_train=128",
        "trainer.batch_size=64",
        "data.n_val=40",
        "data.n_test=40",
        "data.min_support=1",
    ],
    "diagnosis": ["data.n_train=512", "data.n_val=200", "data.n_test=200", "data.prevalence=0.2"],
}
TINY = ["--rounds", "1", "--steps", "1", "--workers", "0", "1"]
KINDS = ("DataLoader", "DataLoader, NumPy")


class Watched(nn.Module):
    """A model that keeps the batches it is called with."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.batches = model, list[Any]()

    def forward(self, batch: Any) -> Any:
        """What the model says."""
        self.batches.append(batch)
        return self.model(batch)


@pytest.fixture(params=CHOICES)
def training(request: pytest.FixtureRequest, tmp_path: Path) -> Training:
    return training_of([f"task={request.param}", *SMALL[request.param]], str(tmp_path))


def rows_of(columns: Any) -> list[list[float]]:
    """Sorted rows, so that batches of another order can be told to be the same."""
    return sorted(torch.cat([column.double().reshape(len(column), -1) for column in columns], dim=1).tolist())


def trained_weights(training: Training) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in training.parameters]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_put_together_are_the_tasks_own_batch(training: Training, kind: str) -> None:
    loader, expected = usual(training.task)[kind], training.task.train_batch(torch.tensor([5, 0, 99]))
    found = loader.collate([loader.samples[i] for i in (5, 0, 99)])
    assert type(found) is type(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_of_the_usual_loop_learns_from_every_row_once(training: Training, kind: str) -> None:
    model = Watched(training.model)
    training.model, before = model, trained_weights(training)
    training.optimizer.param_groups[0]["lr"] = 0.01
    step = loader_step(training, usual(training.task)[kind], n_workers=0)
    for _ in range(2):
        step()
    whole = training.task.train_batch(torch.arange(training.task.n_train))
    assert rows_of(torch.cat(column) for column in zip(*model.batches, strict=True)) == rows_of(whole)
    assert all(not torch.equal(a, b) for a, b in zip(before, trained_weights(training), strict=True))


@pytest.mark.slow
def test_the_script_prints_a_row_for_each_contender_and_one_line_of_numbers() -> None:
    command = [sys.executable, text_tabular.__file__, *TINY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *rows, last = done.stdout.splitlines()
    found = json.loads(last)
    assert set(found) == {"device", "cores"} | {
        key
        for task in CHOICES
        for key in (
            f"throughput_ratio_{task}",
            f"samples_per_s_{task}",
            f"samples_per_s_{task}_peer",
        )
    }
    assert len(rows) == len(CHOICES) * (1 + 2 * len(KINDS))
    assert all(found[f"throughput_ratio_{task}"] > 0 for task in CHOICES)


def test_what_is_compared_composes_on_every_device() -> None:
    for task, choices in CHOICES.items():
        for overrides in choices.values():
            read_line(f"task={task}", *overrides, multirun=False)
