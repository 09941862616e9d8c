"""A program's processes under their supervisor, seen from the worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sweeper.client import MARK
from sweeper.worker.ending import HINTS

SUPERVISOR = Path(__file__).with_name("supervisor.py")
ENDED_UNSEEN = "its supervisor was killed"
PATIENCE_S = 10.0
"""A supervisor that was told to end everything and has not is killed itself."""


class Supervised(Protocol):
    """A program that runs, or has run."""

    status: int
    """The descriptor from which the supervisor's word can be read: there is something when it ends."""

    @property
    def pid(self) -> int:
        """The supervisor's: all processes of the program are below it."""

    def ask_to_leave(self) -> None:
        """SIGTERM to every process of it."""

    def end(self) -> None:
        """SIGTERM, and two seconds later SIGKILL; returns at once."""

    def ended(self) -> str | int | None:
        """None while it runs; then its exit code, below zero for a signal, or why it could not be run."""

    def close(self) -> None:
        """End it, by force if need be, and let go of everything."""


class ProgramProcess:
    """A process of its own for one run; follows `Supervised`.

    When this process dies, however that is, the supervisor ends the program. `held` are descriptors that it
    keeps open for as long.
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str,
        environment: Mapping[str, str],
        log: int,
        leftover: Path,
        held: Iterable[int] = (),
    ) -> None:
        theirs, self._leash = os.pipe()
        self.status, status = os.pipe()
        os.set_blocking(self.status, False)
        self._mark = environment[MARK]
        self._words = b""
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", SUPERVISOR, str(theirs), str(status), leftover, *argv],
                cwd=cwd,
                env=environment,
                pass_fds=[theirs, status, *held],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._leash)
            os.close(self.status)
            raise
        finally:
            os.close(theirs)
            os.close(status)

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._process.pid

    def ask_to_leave(self) -> None:
        """SIGTERM to every process of it."""
        with suppress(OSError):
            os.write(self._leash, b"t")

    def end(self) -> None:
        """SIGTERM, and two seconds later SIGKILL."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1

    def ended(self) -> str | int | None:
        """Its exit code once nothing of it runs any more; None before."""
        with suppress(BlockingIOError):
            while part := os.read(self.status, 4096):
                self._words += part
            return self._outcome()
        return None

    def close(self) -> None:
        """End it, by force if need be."""
        self.end()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            kill_marked(self._mark)
        os.close(self.status)

    def _outcome(self) -> str | int:
        *problems, last = self._words.decode(errors="replace").splitlines() or [""]
        if problems:
            return problems[0]
        if last.startswith("exit "):
            return int(last.split()[1])
        self._process.wait(PATIENCE_S)
        kill_marked(self._mark)
        return ENDED_UNSEEN


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
