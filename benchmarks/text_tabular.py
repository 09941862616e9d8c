"""Samples a second of sentiment and diagnosis in training, against a DataLoader that takes rows one by one.

    python benchmarks/text_tabular.py [--rounds 5] [--steps 20] [--cores 1]     a minute on an idle CPU
    python benchmarks/text_tabular.py --device cuda --workers 0 2 8

- `throughput_ratio_sentiment`, `throughput_ratio_diagnosis`: reviews or patients a second of the real
  training loop (`sweeper.worker.training.Training.advance`), over those of the best of the usual ones. The
  real loop has its data on the device and takes a batch out of each column by its indices. The usual ones
  have a Dataset that takes one review or patient, and a shuffling DataLoader that puts batches together: rows
  of tensors by its default, as with a TensorDataset, or rows of NumPy arrays by `numpy.stack`, which takes
  half the time. Each is tried with every number of loader processes; the best of all counts.

Alike on both sides: model, loss, optimizer, batch size and the prepared data, wholly in memory. The usual
ones hold tokens in int64, as the model wants them; ours holds int32 and converts each batch. Every review is
padded to `data.max_tokens` on both sides, since the network takes no other length. Padding to the longest of
a batch would save nothing here: one review in seven is that long. Only the real loop draws its order from the
seed, sets a learning rate and watches for a loss that is not a number.

On a CPU: one torch thread a process, and `--cores` cores for the process and its loaders together; 1, since
that is what a run of a sweep has. On a GPU: all cores, and for the usual ones pinned memory and copies that
do not wait. How it is measured: `benchmarks/throughput.py`.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.throughput import Comparison, Usual, compare
from sweeper.task import Task

SENTIMENT = [
    *("data=sentiment/synthetic_reviews", "data.n_train=10000"),
    *("model=sentiment/transformer_small", "trainer.batch_size=64"),
]
DIAGNOSIS = ["data=diagnosis/synthetic_cohort"]
CHOICES = {
    "sentiment": {"cpu": SENTIMENT, "cuda": SENTIMENT},
    "diagnosis": {"cpu": DIAGNOSIS, "cuda": DIAGNOSIS},
}
"""Which data, by task and device."""


class Rows(Dataset[Any]):
    """Samples out of columns, tensors or arrays: a row of each, as the task's own type of batch."""

    def __init__(self, columns: Any) -> None:
        self._columns = columns

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._columns[0])

    def __getitem__(self, index: int) -> Any:
        """One review or patient."""
        return type(self._columns)(*(column[index] for column in self._columns))


def stacked(rows: Sequence[Any]) -> Any:
    """A batch of tensors out of rows of arrays."""
    return type(rows[0])(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def usual(task: Task) -> Mapping[str, Usual]:
    """Row by row, the training data of a task that is on the CPU."""
    columns = task.train_batch(torch.arange(task.n_train))
    arrays = type(columns)(*(column.numpy() for column in columns))
    return {
        "DataLoader": Usual(Rows(columns), default_collate),
        "DataLoader, NumPy": Usual(Rows(arrays), stacked),
    }


if __name__ == "__main__":
    compare(__doc__, Comparison(CHOICES, usual, "samples"))
