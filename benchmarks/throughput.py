"""Samples a second of the real training loop against those of a DataLoader: what the scripts have in common.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.esmm import CPU, Blocks, Clock, Step, descend, interleaved, ratio, training_of
from sweeper.task import Task
from sweeper.worker import Training

OURS = "ours"


class Usual(NamedTuple):
    """Where a DataLoader takes samples from, on the CPU, and how it puts a batch together."""

    samples: Dataset[Any]
    collate: Callable[[Any], Any]


@dataclass(frozen=True)
class Comparison:
    """What a script compares.

    `choices`: overrides by task and kind of device. `usual`: the DataLoaders that a task is compared with, by
    name. `unit`: what is counted, in the plural.
    """

    choices: Mapping[str, Mapping[str, list[str]]]
    usual: Callable[[Task], Mapping[str, Usual]]
    unit: str


def loader_step(training: Training, usual: Usual, n_workers: int) -> Step:
    """The usual loop."""
    loader: DataLoader[Any] = DataLoader(
        usual.samples,
        batch_size=training.batches.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        collate_fn=usual.collate,
        pin_memory=training.device.type == "cuda",
    )
    endless: Iterator[Any] = chain.from_iterable(repeat(loader))
    step = torch.tensor(training.step, device=training.device)

    def advance() -> None:
        batch = next(endless)
        moved = type(batch)(*(column.to(training.device, non_blocking=True) for column in batch))
        descend(training, moved, step)

    return advance


def contenders(
    comparison: Comparison, task: str, folder: str, device: torch.device, workers: Sequence[int]
) -> tuple[int, dict[str, Step]]:
    """The batch size, and a step of each by name."""
    choices = [f"task={task}", *comparison.choices[task][device.type]]
    real, on_cpu = (training_of(choices, folder, place) for place in (device, CPU))
    steps = {
        f"{name}, {n} workers": loader_step(training_of(choices, folder, device), usual, n)
        for name, usual in comparison.usual(on_cpu.task).items()
        for n in workers
    }
    return real.batches.batch_size, {OURS: real.advance, **steps}


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


def described(task: str, unit: str, batch_size: int, blocks: Blocks) -> dict[str, float]:
    """Print a row for each contender; units a second by name."""
    speeds = {name: 1000 * batch_size / statistics.median(ms) for name, ms in blocks.items()}
    for name, speed in speeds.items():
        gain = "" if name == OURS else f"   ours is {ratio(blocks, name, OURS):.2f} x as fast"
        print(f"{task:14s} {name:30s} {speed:9.1f} {unit}/s{gain}", flush=True)
    return speeds


def figures(task: str, unit: str, batch_size: int, blocks: Blocks) -> dict[str, float]:
    """The entries of a task in the JSON line, after its rows."""
    speeds, peer = described(task, unit, batch_size, blocks), best_peer(blocks)
    return {
        f"throughput_ratio_{task}": round(ratio(blocks, peer, OURS), 3),
        f"{unit}_per_s_{task}": round(speeds[OURS], 1),
        f"{unit}_per_s_{task}_peer": round(speeds[peer], 1),
    }


def at_least(least: int) -> Callable[[str], int]:
    """Reads a whole number from the command line."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"got {text}; expected a whole number >= {least}")
        return int(text)

    return read


def arguments_of(description: str | None, tasks: Sequence[str], words: Sequence[str]) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    once, never = at_least(1), at_least(0)
    parser.add_argument("--rounds", type=once, default=5, help="times that each contender has its turn")
    parser.add_argument("--steps", type=once, default=20, help="of a turn, and to warm up")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--workers", type=never, nargs="+", default=[0, 2], help="loader processes to try")
    parser.add_argument("--cores", type=once, default=1, help="for each side, on a CPU under Linux")
    parser.add_argument("--tasks", nargs="+", default=list(tasks), choices=list(tasks))
    arguments = parser.parse_args(words)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device: got cuda; expected an NVIDIA GPU, and there is none. Use --device cpu.")
    return arguments


def compare(description: str | None, comparison: Comparison) -> None:
    """Measure as the command line says, print a table and one JSON line."""
    arguments = arguments_of(description, list(comparison.choices), sys.argv[1:])
    device, n_steps = torch.device(arguments.device), arguments.steps
    found: dict[str, float] = {}
    if device.type == "cpu":
        confine(arguments.cores)
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.tasks:
            batch_size, steps = contenders(comparison, task, folder, device, arguments.workers)
            blocks = interleaved(steps, arguments.rounds, n_steps, clock_of(device), n_warm_steps=n_steps)
            found |= figures(task, comparison.unit, batch_size, blocks)
    on_cpu = {"device": "cpu", "cores": arguments.cores}
    where = {"device": torch.cuda.get_device_name()} if device.type == "cuda" else on_cpu
    print(json.dumps({**found, **where}))
