"""Why the worker of a slot is not loky's, and what a warm one is worth.

    python benchmarks/warm_workers.py [--rounds 3]

loky, as shipped with joblib, measures a worker's memory after its first job and looks again after later ones,
at most once a second. A worker that has grown by 300 MB since then ends, and the next job gets a new process.
For a worker that trains that is no leak but its purpose: prepared data and the device's context stay. It
cannot be turned off: limit and check are private constants of `joblib.externals.loky.process_executor`
(`_MAX_MEMORY_LEAK_SIZE`, `_USE_PSUTIL`), and `timeout=None` is about idle workers only. The check needs
psutil, which joblib does not require. Where psutil is missing, loky calls `gc.collect()` now and then instead
and keeps its workers: the same sweep keeps its state on one machine and loses it on another. (joblib 1.6)

- `loky_retires_grown_worker`: a single-worker executor gets three jobs, the second of which leaves 400 MB
  behind. Whether the third runs in another process, without them.
- `loky_without_psutil_retires`: the same as it would be if psutil were not installed.
- `fresh_s`, `kept_s`, `fresh_over_kept`: the first job of a new process (start, import of torch, a small
  model, one optimizer step), and the same job again in that process; medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

GROWTH_BYTES = 400_000_000
LOOK_S = 1.2
"""Longer than loky waits between two looks at a worker's memory."""

kept: list[bytes] = []
"""What a worker has from earlier jobs."""


def without_psutil() -> None:
    """What loky decides on import where psutil is missing."""
    from joblib.externals.loky import process_executor

    process_executor._USE_PSUTIL = False


def grow(n_bytes: int) -> tuple[int, int]:
    """A job that leaves `n_bytes` behind: its process, and all the bytes that there are now."""
    time.sleep(LOOK_S)
    kept.append(os.urandom(1 << 10) * (n_bytes >> 10))
    return os.getpid(), sum(map(len, kept))


def loky_retires(initializer: Callable[[], None] | None) -> bool:
    """Whether the job after one that has grown its worker finds another process, without what was kept."""
    from joblib.externals import loky

    from benchmarks import warm_workers  # by name: `__main__` would be sent along with each job, `kept` too

    options: dict[str, Any] = {"max_workers": 1, "timeout": None, "initializer": initializer}
    with loky.ProcessPoolExecutor(**options) as executor:
        results = [executor.submit(warm_workers.grow, n).result() for n in (0, GROWTH_BYTES, 0)]
    (_, _), (grown, n_before), (last, n_after) = results
    assert (grown == last) == (n_before == n_after), results
    return bool(grown != last)


def job() -> None:
    """The least that a training job does."""
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(4, 8)).sum().backward()
    optimizer.step()


def first_and_second_job() -> tuple[float, float]:
    """Seconds of two jobs, of which the first has to start a process."""
    words = [sys.executable, __file__, "--worker", str(time.time())]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found["fresh"], found["kept"]


def work(began: float) -> None:
    """In a new process that was ordered at `began`: do both jobs, print their times."""
    job()
    first_done = time.time()
    job()
    print(json.dumps({"fresh": first_done - began, "kept": time.time() - first_done}))


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="new processes to time")
    parser.add_argument("--worker", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        return work(arguments.worker)
    from benchmarks import warm_workers

    fresh, kept_warm = zip(*(first_and_second_job() for _ in range(arguments.rounds)), strict=True)
    fresh_s, kept_s = statistics.median(fresh), statistics.median(kept_warm)
    found = {
        "loky_retires_grown_worker": loky_retires(None),
        "loky_without_psutil_retires": loky_retires(warm_workers.without_psutil),
        "fresh_s": round(fresh_s, 3),
        "kept_s": round(kept_s, 5),
        "fresh_over_kept": round(fresh_s / kept_s),
    }
    print(json.dumps(found))
    return None


if __name__ == "__main__":
    main()
