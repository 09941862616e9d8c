"""`python keeper.py COMMAND`: runs it, and keeps all that comes of it below itself until everything is gone.

A process whose parent dies becomes a child of this one instead of the machine's first, so that the tree below
is a node of a cluster, whatever its parts do to each other. SIGTERM, or the end of whoever started this, ends
the tree.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

SET_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36
"""Of `prctl`, as Linux numbers them."""


def below(pid: int) -> list[int]:
    """All that descends from a process and lives."""
    children = defaultdict(list)
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent, *_ = (place / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                children[int(parent)].append(int(place.name))
    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in children[parent]]
        found += new
    return found


def kill_below(pid: int) -> None:
    """Until nothing is left: what is just being started, too."""
    while pids := below(pid):
        for one in pids:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def end(*_: object) -> None:
    """All that came of the command, and this, at whatever moment it is asked for."""
    kill_below(os.getpid())
    os._exit(0)


def main() -> int:
    """The command's exit code, once all that came of it has ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(SET_CHILD_SUBREAPER, 1)
    libc.prctl(SET_DEATH_SIGNAL, signal.SIGTERM)
    signal.signal(signal.SIGTERM, end)
    kept = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    code = 0
    with suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid == kept.pid:
                code = os.waitstatus_to_exitcode(status)
    return code


if __name__ == "__main__":
    sys.exit(main())
