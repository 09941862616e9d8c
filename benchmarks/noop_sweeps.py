"""Sweeps of runs that do nothing, timed from one run's start to the next: ours, and a peer's."""

import resource
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import ROOT, called, import_path, sweeper_command

BENCHMARKS = ROOT / "benchmarks"
STARTS = "NOOP_STARTS"
NO_PAGE, DEFAULT_PAGE = "null", "4"
"""Values of study.page_every_s."""


@dataclass(frozen=True)
class Timing:
    """One command: from its beginning to the first start, between starts, from the last one to its end.

    `cpu_s`: processor time of the command, its workers included, where it has waited for their ends.
    """

    n_runs: int
    startup_s: float
    ms_per_run: float
    tail_s: float
    cpu_s: float = 0.0


def timing_of(began: float, starts: Sequence[float], ended: float, cpu_s: float = 0.0) -> Timing:
    """The timing of a command that began and ended then; all in seconds since the epoch."""
    first, last = min(starts), max(starts)
    ms_per_run = 1000 * (last - first) / (len(starts) - 1)
    return Timing(len(starts), first - began, ms_per_run, ended - last, cpu_s)


def timed(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Timing:
    """Run a sweep of no-op trials in an empty `folder`."""
    starts, began, cpu_s = folder / "starts.txt", time.time(), _cpu_of_children_s()
    called(command, folder, {**environment, STARTS: str(starts)})
    found = [float(line) for line in starts.read_text().split()]
    return timing_of(began, found, time.time(), _cpu_of_children_s() - cpu_s)


def ours(
    folder: Path, n_runs: int, tracking: str, executor: Sequence[str], page_every_s: str = NO_PAGE
) -> Timing:
    """Our side, a task from outside the repository; the baseline is one of the runs."""
    shutil.copytree(BENCHMARKS / "noop", folder / "noop", ignore=shutil.ignore_patterns("__pycache__"))
    words = ("-m", "task=noop", "loss.x=interval(0,1)", "study.n_seeds=1", "study.confirm_seeds=0")
    page = f"study.page_every_s={page_every_s}"
    chosen = (f"study.n_trials={n_runs - 1}", f"tracking={tracking}", page, *executor)
    command = sweeper_command("--config-dir", "noop/conf", *words, *chosen)
    return timed(command, folder, import_path(folder))


def theirs(python: Path, folder: Path, n_runs: int) -> Timing:
    """A peer's side, as its users would write it."""
    for name in ("app.py", "config.yaml"):
        shutil.copy(BENCHMARKS / "peer_noop" / name, folder)
    return timed([str(python), "app.py", "-m", f"hydra.sweeper.n_trials={n_runs}"], folder, {})


def described(name: str, found: Timing) -> str:
    """One line about a contender."""
    return (
        f"{name:44s} {found.ms_per_run:7.1f} ms a run ({found.n_runs} runs; first start after "
        f"{found.startup_s:.1f} s, end {found.tail_s:.1f} s after the last; processors {found.cpu_s:.1f} s)"
    )


def _cpu_of_children_s() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime
