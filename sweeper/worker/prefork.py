"""An app that is imported once by each worker, and forked for each run: what a run saves is the import."""

import atexit
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweeper.client import CHANNEL, MARK
from sweeper.errors import SweeperError
from sweeper.worker.program_channel import folder_with_us
from sweeper.worker.program_process import Start, Supervised

ZYGOTE = Path(__file__).with_name("zygote.py")
POLL_S = 0.05
Key = tuple[str, tuple[str, ...], str]


class CannotForkError(SweeperError):
    """A run cannot be forked, so that it needs a process of its own."""


class Zygote:
    """The process that has imported an app."""

    def __init__(self, python: str, target: Sequence[str], start: Start) -> None:
        self._folder = folder_with_us()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs_fd = str(theirs.fileno())
        own = {name: value for name, value in start.environment.items() if name not in (CHANNEL, MARK)}
        path = own["PYTHONPATH"].removesuffix(str(start.folder)) + str(self._folder)
        with theirs:
            self._process = subprocess.Popen(
                [python, ZYGOTE, theirs_fd, self._folder, *target],
                cwd=start.cwd,
                env={**own, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=start.log,
                stderr=start.log,
                start_new_session=True,
            )
        self._unread = b""

    def wait_until_ready(self, must_leave: Callable[[], bool], limit_s: float) -> None:
        """Wait for the import. Raises CannotForkError where it fails, takes too long, or nobody wants it."""
        until = time.monotonic() + limit_s
        while (word := self._hear(POLL_S)) is None:
            if must_leave() or time.monotonic() > until:
                raise CannotForkError(f"importing it took longer than {limit_s:g} s, or was stopped")
        _checked(word)

    def fork(self, start: Start, arguments: Sequence[str]) -> Supervised:
        """A run. Raises CannotForkError."""
        theirs, leash = os.pipe()
        status, its_status = os.pipe()
        run = {"arguments": list(arguments), "environment": dict(start.environment)}
        request = json.dumps({**run, "cwd": start.cwd, "folder": str(start.folder)}).encode() + b"\n"
        try:
            socket.send_fds(self._control, [request], [theirs, its_status, start.log, start.lock])
            word = _checked(self._hear(None))
        except (OSError, CannotForkError) as error:
            os.close(leash)
            os.close(status)
            raise CannotForkError(str(error)) from error
        finally:
            os.close(theirs)
            os.close(its_status)
        return Supervised(word["pid"], leash, status, start.mark)

    def close(self) -> None:
        """End it; runs that it has forked go on."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._process.kill()
        self._process.wait()

    def _hear(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Its next word; None where there is none in time."""
        self._control.settimeout(timeout_s)
        while b"\n" not in self._unread:
            try:
                part = self._control.recv(2**16)
            except TimeoutError:
                return None
            if not part:
                return {"cannot": f"the process that imported it has ended (code {self._process.wait()})"}
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        word: dict[str, Any] = json.loads(line)
        return word


class Nursery:
    """The one zygote of this process: a worker runs one app after another, nearly always the same."""

    def __init__(self) -> None:
        self._key: Key | None = None
        self._zygote: Zygote | None = None
        self._problem = ""
        atexit.register(self.close)

    def fork(self, start: Start, must_leave: Callable[[], bool], limit_s: float) -> Supervised:
        """A run of the app that `start` names. Raises CannotForkError, at once where it did so before."""
        python, target, arguments = parts_of(start.argv)
        key = (python, target, start.cwd)
        if key != self._key:
            self.close()
            self._key, self._problem = key, ""
        if self._problem:
            raise CannotForkError(self._problem)
        try:
            if self._zygote is None:
                self._zygote = Zygote(python, target, start)
                self._zygote.wait_until_ready(must_leave, limit_s)
            return self._zygote.fork(start, arguments)
        except CannotForkError as error:
            self.close()
            self._key, self._problem = key, str(error)
            raise

    def close(self) -> None:
        """Forget it."""
        zygote, self._zygote, self._key = self._zygote, None, None
        if zygote is not None:
            zygote.close()


NURSERY = Nursery()


def parts_of(argv: Sequence[str]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The Python, the script or module, and its arguments. Raises CannotForkError for any other command."""
    python, *rest = argv
    n = 2 if rest[:1] == ["-m"] else 1
    is_python = Path(python).name.startswith("python")
    if not is_python or len(rest) < n or (n == 1 and not rest[0].endswith(".py")):
        raise CannotForkError("its command line is no `python script.py` and no `python -m module`")
    return python, tuple(rest[:n]), tuple(rest[n:])


def _checked(word: dict[str, Any] | None) -> dict[str, Any]:
    if word is None or "cannot" in word:
        raise CannotForkError(str((word or {}).get("cannot", "it does not answer")))
    return word
