"""Whether a program still does anything: prints, reports, or computes."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

BUSY_RATE = 0.02
"""The share of one core that counts as computing: threads that only look whether there is work take less."""
N_LOOKS = 20
"""How often within the time that is allowed the processes are looked at."""


class Silence:
    """How long a program has done nothing at all.

    `n_bytes` tells how much it has printed, `cpu_s` how much its processes have computed, or None where
    nobody can know, and then nothing is silent. Looking at processes takes milliseconds, so it is done only
    where nothing was printed meanwhile.
    """

    def __init__(
        self,
        limit_s: float,
        n_bytes: Callable[[], int],
        cpu_s: Callable[[], float | None],
        now: Callable[[], float],
    ) -> None:
        self._limit_s, self._n_bytes, self._cpu_s, self._now = limit_s, n_bytes, cpu_s, now
        self._bytes, self._cpu = n_bytes(), 0.0
        self._since = self._looked = now()

    def heard(self) -> None:
        """It has just reported."""
        self._since = self._now()

    def is_too_long(self) -> bool:
        """Whether nothing has happened for longer than is allowed."""
        now = self._now()
        if now - self._looked >= self._limit_s / N_LOOKS:
            self._looked = now
            if self._has_done_something(now):
                self._since = now
        return now - self._since > self._limit_s

    def _has_done_something(self, now: float) -> bool:
        before, self._bytes = self._bytes, self._n_bytes()
        if self._bytes != before:
            return True
        used = self._cpu_s()
        if used is None or abs(used - self._cpu) >= BUSY_RATE * max(now - self._since, 0.05):
            self._cpu = self._cpu if used is None else used
            return True
        return False


def cpu_seconds(root: int) -> float | None:
    """What all processes below `root` have computed, those that have ended included; None without /proc."""
    times: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_bytes().rpartition(b")")[2].split()
            times[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    if os.getpid() not in times:
        return None
    level, ticks = {root}, 0.0
    while level := {pid for pid, (parent, _) in times.items() if parent in level}:
        ticks += sum(times[pid][1] for pid in level)
    return ticks / os.sysconf("SC_CLK_TCK")
