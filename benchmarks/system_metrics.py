"""What `tracking.system_metrics=true` costs a run: CPU time of a sample over the time to the next.

    python benchmarks/system_metrics.py [--samples 200] [--processes 4]

Samples are taken as a run's worker takes them, with so many child processes as data loaders would be. The CPU
time of the sampling thread is counted, so that others on the machine do not matter. Ends with one JSON line.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from statistics import median, quantiles

from sweeper.worker.system_metrics import EVERY_S, Machine

SLEEPS = "import time; time.sleep(600)"


def cpu_ms(machine: Machine, n: int) -> list[float]:
    """CPU milliseconds of each of `n` samples."""
    found = []
    for _ in range(n):
        began = time.thread_time()
        machine.sample()
        found.append(1000 * (time.thread_time() - began))
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    with ExitStack() as stack:
        for _ in range(options.processes):
            child = stack.enter_context(subprocess.Popen([sys.executable, "-c", SLEEPS]))
            stack.callback(child.kill)
        found = cpu_ms(Machine("cpu"), options.samples)
    most = quantiles(found, n=20)[-1]
    figures = {
        "ms_per_sample": round(median(found), 2),
        "ms_per_sample_95": round(most, 2),
        "every_s": EVERY_S,
        "share_of_a_core": round(median(found) / (1000 * EVERY_S), 6),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
