"""What training the default ESMM costs: the loop, the focal term, a DataLoader for contrast, and loading.

    python benchmarks/esmm.py [--rounds 200] [--rows 10000000]

- `loop_overhead`: time of a step of the real loop (`sweeper.worker.training.Training.advance`) over that of
  bare forward, backward and optimizer step on one fixed batch, minus 1.
- `focal_step_overhead`: the share of a step of the real loop that goes to the focal term.
- `throughput_ratio`: rows a second of the real loop over those of a shuffling DataLoader on a TensorDataset,
  with the same model, batch and optimizer, and the better of 0 and 2 loader processes.
- `load_peak_gib_beyond_columns`: memory that preparing `--rows` synthetic rows takes beside the columns.

The contenders take turns in short blocks; a figure is the median, over rounds, of the ratio within a round.
One torch thread. The first two compare CPU time, which other work on the machine stretches less; the third,
elapsed time.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch.utils.data import DataLoader, TensorDataset

from sweeper.config import validated
from sweeper.schema import RUN_SECTIONS, RunSettings
from sweeper.task import task_entry
from sweeper.worker import Training

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")
N_WARM_STEPS = 20
BLOCK_STEPS = 5
LOADER_STEPS = 60
LOADER_ROUNDS = 3
LOADER_WORKERS = (0, 2)
LOOP = "loop, elapsed"

Step = Callable[[], None]
Clock = Callable[[], float]
Blocks = dict[str, list[float]]


def training_of(overrides: list[str], results_dir: str, device: torch.device = CPU) -> Training:
    """The real thing at these overrides, past any warm-up.

    With next to no learning rate: the same arithmetic, but no model gets to memorise a batch that it sees for
    hundreds of steps, whose gradients would then be denormal numbers, twice as slow.
    """
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        composed = compose("config", [*overrides, "optimizer.lr=1e-12", f"study.results_dir={results_dir}"])
    config: Any = OmegaConf.to_container(composed, resolve=True)
    settings, task_config = validated(config, {})
    entry = task_entry(settings.task)
    prepared = entry.prepare_function()(task_config, Path(results_dir) / "cache")
    run_settings = RunSettings.model_validate({key: getattr(settings, key) for key in RUN_SECTIONS})
    training = Training(entry.task_class()(task_config, prepared, device), run_settings, 0, device)
    training.step = training.total_steps // 2
    return training


def bare_step(training: Training) -> Step:
    """Forward, backward and optimizer step on one batch, and nothing else."""
    batch = training.task.train_batch(training.batches.at(training.step))
    return lambda: descend(training, batch, torch.tensor(training.step))


def descend(training: Training, batch: Any, step: torch.Tensor) -> None:
    """What every training loop has to do for a batch that is there."""
    training.optimizer.zero_grad(set_to_none=True)
    loss, _ = training.task.loss(training.model(batch), batch, training.coefficients, step)
    loss.backward()  # type: ignore[no-untyped-call]
    training.optimizer.step()


def loader_step(training: Training, n_workers: int) -> Step:
    """The usual loop: rows picked one by one, stacked into batches by a DataLoader."""
    whole = training.task.train_batch(torch.arange(training.task.n_train))
    loader: DataLoader[tuple[torch.Tensor, ...]] = DataLoader(
        TensorDataset(*whole),
        batch_size=training.batches.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
    )
    endless: Iterator[Any] = chain.from_iterable(repeat(loader))
    step = torch.tensor(training.step)
    return lambda: descend(training, type(whole)(*next(endless)), step)


def seconds_a_step(step: Step, n_steps: int, clock: Clock) -> float:
    """Mean over a block of `n_steps`."""
    began = clock()
    for _ in range(n_steps):
        step()
    return (clock() - began) / n_steps


def interleaved(
    contenders: Mapping[str, Step],
    n_rounds: int,
    block_steps: int,
    clock: Clock,
    n_warm_steps: int = N_WARM_STEPS,
) -> Blocks:
    """Milliseconds a step of each in each round, the contenders taking turns, in another order each round."""
    names = list(contenders)
    for step in contenders.values():
        seconds_a_step(step, n_warm_steps, clock)
    blocks: Blocks = {name: [] for name in names}
    for turn in range(n_rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            blocks[name].append(1000 * seconds_a_step(contenders[name], block_steps, clock))
    return blocks


def ratio(blocks: Blocks, one: str, other: str) -> float:
    """Time of `one` over that of `other`: the median over rounds, in which the machine's load is alike."""
    return statistics.median(a / b for a, b in zip(blocks[one], blocks[other], strict=True))


def step_times(results_dir: str, n_rounds: int) -> Blocks:
    """CPU time of a step: bare, in the loop, and in the loop without the focal term."""
    contenders = {
        "bare": bare_step(training_of([], results_dir)),
        "loop": training_of([], results_dir).advance,
        "loop_without_focal": training_of(["aux_focal=disabled"], results_dir).advance,
    }
    return interleaved(contenders, n_rounds, BLOCK_STEPS, time.process_time)


def loader_times(results_dir: str) -> Blocks:
    """Elapsed time of a step of the loop and of DataLoader loops, in long blocks that empty their queues."""
    contenders = {LOOP: training_of([], results_dir).advance}
    for n_workers in LOADER_WORKERS:
        contenders[f"DataLoader, {n_workers} workers"] = loader_step(training_of([], results_dir), n_workers)
    return interleaved(contenders, LOADER_ROUNDS, LOADER_STEPS, time.perf_counter)


def load_peak(n_rows: int) -> float:
    """GiB beyond the columns while `n_rows` are prepared."""
    sys.path[:0] = [
        str(ROOT),
        str(ROOT / "tasks"),
    ]  # a script has its own folder there instead
    from benchmarks.esmm_load import load_peak_gib_beyond_columns

    return load_peak_gib_beyond_columns(n_rows)


def figures(steps: Blocks, loaders: Blocks) -> dict[str, float]:
    """The shares and ratios out of milliseconds a step."""
    return {
        "loop_overhead": ratio(steps, "loop", "bare") - 1,
        "throughput_ratio": min(ratio(loaders, peer, LOOP) for peer in loaders if peer != LOOP),
        "focal_step_overhead": 1 - ratio(steps, "loop_without_focal", "loop"),
    }


def main() -> None:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="blocks of each contender")
    parser.add_argument("--rows", type=int, default=10_000_000, help="synthetic rows to prepare; 0: none")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as results_dir:
        steps, loaders = step_times(results_dir, arguments.rounds), loader_times(results_dir)
    found = figures(steps, loaders)
    if arguments.rows:
        found["load_peak_gib_beyond_columns"] = load_peak(arguments.rows)
    step_ms = {name: round(statistics.median(times), 3) for name, times in {**steps, **loaders}.items()}
    for name, ms in step_ms.items():
        print(f"{name:28s} {ms:8.3f} ms a step")
    rounded = {name: round(value, 4) for name, value in found.items()}
    print(json.dumps({**rounded, "step_ms": step_ms, "threads": 1, "torch": str(torch.__version__)}))


if __name__ == "__main__":
    main()
