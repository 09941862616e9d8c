"""The arithmetic of the benchmark of ten thousand trials, which takes minutes itself."""

import subprocess
import sys

import pytest

from benchmarks.grid import Watched, block_ms, command_of, figures_of, watched

PAUSE = "import time; time.sleep(1)"


def test_a_moment_in_which_the_machine_does_something_else_counts_little() -> None:
    """A hundred starts 10 ms apart, one gap of them of 5 s: nine blocks of ten have means of 10 ms."""
    starts = [0.01 * n + (5 if n > 42 else 0) for n in range(101)]
    assert block_ms(starts, 0, 100) == pytest.approx(10)


def test_growth_is_that_of_the_last_tenth_over_the_second_hundredth_and_what_follows() -> None:
    """By hand: 10 ms a run until trial 1,100 of 10,000, 13 ms after 9,000; the command began 7 s before.

    Of the processor 8 ms a run all the time: 1 s before the first run, then in proportion to the runs.
    """
    starts = [7.0]
    for n in range(10_000):
        starts.append(starts[-1] + (0.010 if n < 1100 else 0.013))
    seen = Watched(321.0, starts, [1 + 0.008 * n for n in range(len(starts))])
    found = figures_of(10_000, began=0.0, starts=starts, seen=seen)
    assert found == {
        "per_run_growth": pytest.approx(1.3),
        "per_run_growth_cpu": pytest.approx(1),
        "first_start_s_10000": pytest.approx(7),
        "parent_mib_10000": 321.0,
    }


def test_the_grid_has_as_many_points_as_asked_for() -> None:
    (swept,) = [word for word in command_of(10_000, ()) if word.startswith("loss.x")]
    assert swept == "loss.x=range(0,1,0.0001)"


def test_the_peak_and_the_processor_of_a_process_are_its_own() -> None:
    """A child of 120 MiB that computes for a while is not in them."""
    work = "x = bytearray(120 * 2**20); sum(range(10**7))"
    code = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {work!r}]); time.sleep(1)"
    seen, own = (watched(subprocess.Popen([sys.executable, "-c", c])) for c in (code, f"{work}; {PAUSE}"))
    assert 3 < seen.peak_mib < 80
    assert own.peak_mib > 120
    assert own.cpu_s[-1] > 2 * seen.cpu_s[-1]
    assert own.cpu_between(own.times[0], own.times[-1]) == pytest.approx(own.cpu_s[-1] - own.cpu_s[0])
