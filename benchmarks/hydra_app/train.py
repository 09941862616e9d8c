"""A Hydra app as an outsider writes it; it sleeps, long and short in turn, and says when it began and ended.

The n-th run to begin takes the n-th duration, whoever started it, so that two sweepers have the same work.
"""

import atexit
import fcntl
import os
import time

import hydra
from omegaconf import DictConfig


def began_s() -> float:
    """When this process was made, in seconds since the epoch; to a hundredth of a second."""
    with open("/proc/self/stat") as stat:
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def turn(path: str) -> int:
    """How many runs have begun before this one."""
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        n = len(file.readlines())
        file.write(f"{os.getpid()}\n")
    return n


def say(kind: str, at: float) -> None:
    """Add a line to the file of all runs."""
    with open(os.environ["RUNS"], "a") as file:
        file.write(f"{kind} {at}\n")


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config: DictConfig) -> float:
    """The squared distance of `x` from 0.3."""
    say("start", time.time())
    durations = [float(text) for text in os.environ["DURATIONS"].split(",")]
    time.sleep(durations[turn(os.environ["TURNS"]) % len(durations)])
    say("end", time.time())
    return float((config.x - 0.3) ** 2)


if __name__ == "__main__":
    atexit.register(lambda: say("left", time.time()))
    say("made", began_s())
    main()
