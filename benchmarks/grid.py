"""Whether a study of ten thousand trials costs more a run than a small one, and how soon it begins.

    python benchmarks/grid.py [--points 10000] [--executor "executor=local ..."]

One sweep over a grid of one number, runs that do nothing (see `overhead.py`), one seed, nothing confirmed,
not tracked, report.html kept up to date as it is by default.

- `per_run_growth`: the time from one run's start to the next between trials 9,000 and 10,000, over the same
  between trials 100 and 1,100. Each is the median of ten means of a hundred runs, so that a moment in which
  the machine does something else counts little.
- `per_run_growth_cpu`: the same of the processor time of the process of the command, its workers left out,
  which other programs on the machine hardly touch; the means over the windows.
- `first_start_s_10000`: seconds from the command's beginning to the first run's start.
- `parent_mib_10000`: the peak of the resident memory of the process of the command, until its end; that of
  its workers is not in it. Linux only.

With other `--points` the windows shrink with them, and so do the numbers in the keys.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.noop_sweeps import BENCHMARKS, DEFAULT_PAGE, STARTS
from benchmarks.peers import import_path, in_environment, sweeper_command

N_POINTS = 10_000
N_BLOCKS = 10
LOCAL = "executor=local executor.devices=cpu executor.n_slots=2"
LOOK_S = 0.2


def command_of(n_points: int, executor: Sequence[str]) -> list[str]:
    """The sweep over `n_points` values of `loss.x`; the baseline is 0.5."""
    words = (
        "-m",
        "task=noop",
        f"loss.x=range(0,1,{1 / n_points})",
        "study.n_seeds=1",
        "study.confirm_seeds=0",
    )
    page = f"study.page_every_s={DEFAULT_PAGE}"
    return sweeper_command("--config-dir", "noop/conf", *words, "tracking=none", page, *executor)


@dataclass
class Watched:
    """A process to its end: the peak of its resident memory in MiB, and when it had had how much processor.

    `times` in seconds since the epoch, `cpu_s` of itself alone. Of a system without /proc there is nothing.
    """

    peak_mib: float = math.nan
    times: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def look(self, pid: int) -> None:
        """How it is now."""
        try:
            status, stat = (Path(f"/proc/{pid}/{name}").read_text() for name in ("status", "stat"))
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak_mib = int(line.split()[1]) / 1024
        ticks = stat.rpartition(")")[2].split()[11:13]
        self.times.append(time.time())
        self.cpu_s.append(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))

    def cpu_between(self, began: float, ended: float) -> float:
        """Seconds of processor between two times, as far as the looks tell."""
        if not self.times:
            return math.nan
        return float(np.diff(np.interp((began, ended), self.times, self.cpu_s))[0])


def watched(process: "subprocess.Popen[bytes]") -> Watched:
    """A process that runs, watched to its end."""
    found = Watched()
    while process.poll() is None:
        found.look(process.pid)
        time.sleep(LOOK_S)
    return found


def block_ms(starts: Sequence[float], first: int, last: int) -> float:
    """Milliseconds from one start to the next between these two: the median of the means of ten blocks."""
    size = (last - first) // N_BLOCKS
    ends = [first + size * n for n in range(N_BLOCKS + 1)]
    return statistics.median(
        1000 * (starts[after] - starts[before]) / size for before, after in pairwise(ends)
    )


def grid_figures(n_points: int, executor: Sequence[str], folder: Path) -> dict[str, float]:
    """All keys, measured in an empty `folder`. Raises RuntimeError where runs are missing."""
    shutil.copytree(BENCHMARKS / "noop", folder / "noop", ignore=shutil.ignore_patterns("__pycache__"))
    file, began = folder / "starts.txt", time.time()
    process = subprocess.Popen(
        command_of(n_points, executor),
        cwd=folder,
        env=in_environment({**import_path(folder), STARTS: str(file)}),
        stdout=(folder / "said.txt").open("wb"),
        stderr=subprocess.STDOUT,
    )
    seen = watched(process)
    starts = sorted(float(line) for line in file.read_text().split()) if file.exists() else []
    if process.returncode or len(starts) < n_points:
        said = (folder / "said.txt").read_text()[-2000:]
        raise RuntimeError(f"exit code {process.returncode}, {len(starts)} of {n_points} runs:\n{said}")
    print(f"end {time.time() - starts[-1]:.1f} s after the last start", flush=True)
    return figures_of(n_points, began, starts, seen)


def figures_of(n_points: int, began: float, starts: Sequence[float], seen: Watched) -> dict[str, float]:
    """All keys, of a command that began then, of its runs' starts in order, and of its process."""
    hundredth = n_points // 100
    windows = ((hundredth, 11 * hundredth), (90 * hundredth, len(starts) - 1))
    early, late = (block_ms(starts, *window) for window in windows)
    cpu_ms = [
        1000 * seen.cpu_between(starts[first], starts[last]) / (last - first) for first, last in windows
    ]
    opening_s = seen.cpu_between(began, starts[0])
    print(
        f"grid of {n_points}: {early:.1f} ms a run at first, {late:.1f} ms at last; of the parent's "
        f"processor {cpu_ms[0]:.1f} and {cpu_ms[1]:.1f} ms, and {opening_s:.1f} s before the first run",
        flush=True,
    )
    return {
        "per_run_growth": late / early,
        "per_run_growth_cpu": cpu_ms[1] / cpu_ms[0],
        f"first_start_s_{n_points}": starts[0] - began,
        f"parent_mib_{n_points}": seen.peak_mib,
    }


def main() -> None:
    """Measure, print a line and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=N_POINTS, help="of the grid, 1000 at least")
    parser.add_argument("--executor", default=LOCAL, help="our executor's overrides")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = grid_figures(arguments.points, arguments.executor.split(), Path(work))
    print(json.dumps({key: round(value, 3) for key, value in found.items()}))


if __name__ == "__main__":
    main()
