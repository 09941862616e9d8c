"""A file that one process holds at a time. The kernel lets go of it when the process ends, in any way."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.05


@contextmanager
def file_lock(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold `path`, created when missing. Raises TimeoutError where another holds it for `timeout_s`.

    Threads of one process exclude each other too. The file stays: to remove it would let two hold "the" lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, time.monotonic() + timeout_s)
        yield
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
