"""Images a second of the vision tasks in training, against a DataLoader that augments image by image.

    python benchmarks/vision.py [--rounds 5] [--steps 20] [--cores 1]     two minutes on an idle CPU
    python benchmarks/vision.py --device cuda --workers 0 2 8 12

- `throughput_ratio_segmentation`, `throughput_ratio_captcha`: images a second of the real training loop
  (`sweeper.worker.training.Training.advance`), over those of the usual one, with its best number of loader
  processes. The real loop has its data on the device and augments whole batches there. The usual one has a
  Dataset that takes an image out of the same memory map and augments it on the CPU, and a shuffling
  DataLoader that puts batches together.

Alike on both sides: model, loss, optimizer, batch size, and what an image goes through, down to the functions
of kornia (called without its containers, which would take twice as long for one small image). On a CPU: the
small presets, one torch thread a process, and `--cores` cores for the process and its loaders together; 1,
since that is what a run of a sweep has. With more, the usual loop augments on a core that ours leaves idle.
On a GPU: the full sizes, all cores, and for the usual loop pinned memory and copies that do not wait.

How it is measured: `benchmarks/throughput.py`.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.throughput import Comparison, Usual, compare
from sweeper.task import Task

CHOICES = {
    "segmentation": {
        "cpu": ["data.augmentation.rotation_deg=5.0", "data.augmentation.scale=[0.95,1.05]"],
        "cuda": ["data=segmentation/synthetic_faces_full"],
    },
    "captcha": {
        "cpu": ["data.n_train=2000", "data.height=32", "data.width=80", "data.augmentation.enabled=true"],
        "cuda": ["data=captcha/generated_mixed", "data.n_train=8000"],
    },
}
"""Which data, by task and device: varied ones; few captchas will do, since none is seen twice."""


class OneByOne(Dataset[Any]):
    """The training images of a task on the CPU, each taken and augmented by itself."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __len__(self) -> int:
        """Number of training images."""
        return self._task.n_train

    def __getitem__(self, index: int) -> Any:
        """A batch of one image."""
        return self._task.train_batch(torch.tensor([index]))


def together(batches: Sequence[Any]) -> Any:
    """One batch out of several, of the task's own type."""
    return type(batches[0])(*(torch.cat(column) for column in zip(*batches, strict=True)))


def usual(task: Task) -> Mapping[str, Usual]:
    """Image by image."""
    return {"DataLoader": Usual(OneByOne(task), together)}


if __name__ == "__main__":
    compare(__doc__, Comparison(CHOICES, usual, "images"))
