"""A file that one process holds at a time. The kernel lets go of it when the process ends, in any way.

On NFS, Linux asks the server for the lock, which lets go when the client's lease ends. The package filelock
was tried instead: it takes ten times as long, empties the file in some versions, and removes it or falls
back to a lock that outlives its process in others (`benchmarks/libraries.py`).
"""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

POLL_S = 0.05


@contextmanager
def file_lock(path: Path, timeout_s: float) -> Iterator[int]:
    """Hold `path`, created when missing. Raises TimeoutError where another holds it for `timeout_s`.

    The descriptor: a child process that inherits it holds the lock as well. Threads of one process exclude
    each other too. The file stays: to remove it would let two hold "the" lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, time.monotonic() + timeout_s)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{path}: held by another process") from None
            time.sleep(POLL_S)


class Turns(Protocol):
    """One session's share in what several do in turn."""

    def take(self) -> AbstractContextManager[bool]:
        """Nobody else's turn; whether one was since our last, or this is our first.

        Raises TimeoutError where another keeps its turn for too long.
        """


class TurnLock:
    """One session's share in a file that all lock in turn, and that names the one who had it last."""

    def __init__(self, lock: Path, timeout_s: float) -> None:
        self._lock, self._timeout_s = lock, timeout_s
        self._name = uuid.uuid4().hex

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Nobody else's turn; whether one was since our last, or this is our first.

        Raises TimeoutError where another keeps its turn for too long.
        """
        with file_lock(self._lock, self._timeout_s):
            has_changed = self._lock.read_text() != self._name
            if has_changed:
                self._lock.write_text(self._name)
            yield has_changed
