"""A program's processes under their supervisor, seen from the worker."""

import os
import py_compile
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sweeper.client import MARK
from sweeper.worker.ending import HINTS

SUPERVISOR = Path(__file__).with_name("supervisor.py")
ENDED_UNSEEN = "its supervisor was killed"
PATIENCE_S = 10.0
"""A supervisor that was told to end everything and has not is killed itself."""


class Supervised:
    """A program under its supervisor, the process `pid`, which ends it when this process dies, in any way.

    `leash` and `status` are our ends of the two pipes to it, and become this object's; from `status`
    something can be read when it ends. `reap` lets go of what else there is of it.
    """

    def __init__(
        self, pid: int, leash: int, status: int, mark: str, reap: Callable[[], object] = lambda: None
    ) -> None:
        self.pid, self.status = pid, status
        self._leash, self._mark, self._reap = leash, mark, reap
        self._words = b""
        self._is_over = False
        os.set_blocking(status, False)

    def ask_to_leave(self) -> None:
        """SIGTERM to every process of it."""
        with suppress(OSError):
            os.write(self._leash, b"t")

    def kill(self) -> None:
        """SIGKILL to every process of it; returns at once."""
        with suppress(OSError):
            os.write(self._leash, b"k")

    def end(self) -> None:
        """SIGTERM, and two seconds later SIGKILL; returns at once."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1

    def ended(self) -> str | int | None:
        """None while it runs; then its exit code, below zero for a signal, or why it could not be run."""
        with suppress(BlockingIOError):
            while part := os.read(self.status, 4096):
                self._words += part
            self._is_over = True
            return self._outcome()
        return None

    def close(self) -> None:
        """End it, by force if need be, and let go of everything."""
        self.end()
        until = time.monotonic() + PATIENCE_S
        while self.ended() is None and time.monotonic() < until:
            select.select([self.status], [], [], until - time.monotonic())
        if not self._is_over:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            kill_marked(self._mark)
        self._reap()
        os.close(self.status)

    def _outcome(self) -> str | int:
        *problems, last = self._words.decode(errors="replace").splitlines() or [""]
        if problems:
            return problems[0]
        if last.startswith("exit "):
            return int(last.split()[1])
        kill_marked(self._mark)
        return ENDED_UNSEEN


@dataclass(frozen=True)
class Start:
    """What a program is started with: everything that a process of its own would have."""

    argv: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    log: int
    folder: Path
    """Where the channel is; the supervisor removes it in the end."""
    lock: int
    """The descriptor of the run folder's lock: the supervisor holds the folder for as long as it lives."""

    @property
    def mark(self) -> str:
        """By which its processes are known."""
        return self.environment[MARK]


@cache
def compiled() -> str:
    """The supervisor as Python starts it fastest: compiled, where that may be kept."""
    with suppress(OSError, py_compile.PyCompileError):
        if not sys.dont_write_bytecode and (made := py_compile.compile(str(SUPERVISOR), doraise=True)):
            return made
    return str(SUPERVISOR)


def start_process(start: Start) -> Supervised:
    """A process of its own. Raises OSError where the folder that it runs in is not there."""
    theirs, leash = os.pipe()
    status, its_status = os.pipe()
    command = [sys.executable, "-I", "-S", compiled(), str(theirs), str(its_status), str(start.folder)]
    try:
        process = subprocess.Popen(
            [*command, *start.argv],
            cwd=start.cwd,
            env=start.environment,
            pass_fds=[theirs, its_status, start.lock],
            stdin=subprocess.DEVNULL,
            stdout=start.log,
            stderr=start.log,
            start_new_session=True,
        )
    except BaseException:
        os.close(leash)
        os.close(status)
        raise
    finally:
        os.close(theirs)
        os.close(its_status)
    return Supervised(process.pid, leash, status, start.mark, process.wait)


def kill_marked(folder: str) -> None:
    """Kill the processes of the run in `folder` whose supervisor can do so no more; Linux only."""
    mark = f"{MARK}={folder}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if int(path.parent.name) != os.getpid() and mark in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)


def code_in_words(code: int) -> str:
    """`exit code 3`, `killed by SIGSEGV (...)`; a shell adds 128 to the signal that killed its child."""
    number = -code if code < 0 else code - 128
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    hint = f" ({HINTS[signal.Signals(number)]})" if number in HINTS else ""
    if code < 0:
        return f"killed by {name}{hint}"
    return f"exit code {code}" + (f", as a shell says of {name}{hint}" if number in HINTS else "")
