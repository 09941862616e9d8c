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

The contenders take turns in blocks, long enough to empty a loader's queue; a figure is the median, over
rounds, of what it is within a round. Elapsed time.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.esmm import Blocks, Clock, Step, descend, interleaved, ratio, training_of
from sweeper.worker.training import Training
from tasks.base import Task

OURS = "ours"
CHOICES = {
    "segmentation": {"cpu": [], "cuda": ["data=segmentation/synthetic_faces_full"]},
    "captcha": {"cpu": ["data.n_train=2000"], "cuda": ["data=captcha/generated_mixed", "data.n_train=8000"]},
}
"""Which data, by task and device; captchas fewer than there could be, since none is seen twice anyway."""


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


def loader_step(training: Training, on_cpu: Task, n_workers: int) -> Step:
    """The usual loop."""
    is_cuda = training.device.type == "cuda"
    loader: DataLoader[Any] = DataLoader(
        OneByOne(on_cpu),
        batch_size=training.batches.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        collate_fn=together,
        pin_memory=is_cuda,
    )
    endless: Iterator[Any] = chain.from_iterable(repeat(loader))
    step = torch.tensor(training.step, device=training.device)

    def advance() -> None:
        batch = next(endless)
        moved = type(batch)(*(column.to(training.device, non_blocking=True) for column in batch))
        descend(training, moved, step)

    return advance


def contenders(
    task: str, folder: str, device: torch.device, workers: Sequence[int]
) -> tuple[int, dict[str, Step]]:
    """The batch size, and a step of each by name."""
    choices = [f"task={task}", *CHOICES[task][device.type]]
    real, on_cpu = (training_of(choices, folder, place) for place in (device, torch.device("cpu")))
    usual = {
        f"DataLoader, {n} workers": loader_step(training_of(choices, folder, device), on_cpu.task, n)
        for n in workers
    }
    return real.batches.batch_size, {OURS: real.advance, **usual}


def confine(n_cores: int) -> None:
    """Give each process from here on one torch thread, and all of them together `n_cores` cores."""
    torch.set_num_threads(1)
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-n_cores:])
    # more loader processes than cores are what is to be compared
    warnings.filterwarnings("ignore", message="This DataLoader will create")


def clock_of(device: torch.device) -> Clock:
    """Elapsed seconds, once the device has done all that it was asked for."""

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return clock


def best_peer(blocks: Blocks) -> str:
    """The usual loop that ours gains least against."""
    return min((name for name in blocks if name != OURS), key=lambda name: ratio(blocks, name, OURS))


def described(task: str, batch_size: int, blocks: Blocks) -> dict[str, float]:
    """Print a row for each contender; images a second by name."""
    speeds = {name: 1000 * batch_size / statistics.median(ms) for name, ms in blocks.items()}
    for name, speed in speeds.items():
        gain = "" if name == OURS else f"   ours is {ratio(blocks, name, OURS):.2f} x as fast"
        print(f"{task:14s} {name:24s} {speed:9.1f} images/s{gain}", flush=True)
    return speeds


def main() -> None:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that each contender has its turn")
    parser.add_argument("--steps", type=int, default=20, help="of a turn")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes to try")
    parser.add_argument("--cores", type=int, default=1, help="for each side, on a CPU under Linux")
    parser.add_argument("--tasks", nargs="+", default=list(CHOICES), choices=list(CHOICES))
    arguments = parser.parse_args()
    device, found = torch.device(arguments.device), {}
    if device.type == "cpu":
        confine(arguments.cores)
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.tasks:
            batch_size, steps = contenders(task, folder, device, arguments.workers)
            blocks = interleaved(steps, arguments.rounds, arguments.steps, clock_of(device))
            speeds, peer = described(task, batch_size, blocks), best_peer(blocks)
            found[f"throughput_ratio_{task}"] = round(ratio(blocks, peer, OURS), 3)
            found[f"images_per_s_{task}"] = round(speeds[OURS], 1)
            found[f"images_per_s_{task}_peer"] = round(speeds[peer], 1)
    on_cpu = {"device": "cpu", "cores": arguments.cores}
    where = {"device": torch.cuda.get_device_name()} if device.type == "cuda" else on_cpu
    print(json.dumps({**found, **where}))


if __name__ == "__main__":
    main()
