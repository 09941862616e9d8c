"""Sessions that write to one place take turns, and each learns whether another has been there meanwhile."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.locks import file_lock


class Turns:
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
