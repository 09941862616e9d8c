"""The stream from an app to the worker that runs it: JSON lines over a UNIX socket that has a name.

The name is in the environment, so that a process reaches it through `bash`, `uv run` or `torchrun`, and each
process has a connection of its own. A stream that breaks never breaks the app: it goes on as one outside of a
study.
"""

import atexit
import json
import os
import socket
import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

CHANNEL = "SWEEPER_CHANNEL"
"""The environment variable that holds the path of the socket to the worker."""
MARK = "SWEEPER_RUN"
"""The environment variable that holds the run's folder, for every process of a run to be known by."""
RESUME = "SWEEPER_RESUME_DIR"
"""The environment variable that holds the output folder of the attempt that an app may go on from."""
RANKS = ("RANK", "LOCAL_RANK")
"""The environment variables by which the processes of one distributed program are told apart."""


class Wire:
    """The connection of a process, made when first needed. Any thread may speak."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: socket.socket | None = None
        self._is_broken = False
        atexit.register(self._close)
        # a fork neither shares its parent's connection, nor a lock that another thread of it holds
        os.register_at_fork(after_in_child=self.start_afresh)

    def start_afresh(self) -> None:
        """Forget the connection there was."""
        self._lock = Lock()
        self._is_broken = False
        self._close()

    def is_open(self) -> bool:
        """Whether anybody listens."""
        return CHANNEL in os.environ and not self._is_broken

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say it, and wait for nothing."""
        self._exchange(message, has_answer=False)

    def ask(self, message: Mapping[str, Any]) -> str:
        """The answer: `continue`, also where nobody listens, `prune` or `stop`."""
        return self._exchange(message, has_answer=True)

    def _exchange(self, message: Mapping[str, Any], has_answer: bool) -> str:
        if not self.is_open():
            return "continue"
        with self._lock:
            try:
                connection = self._connected()
                _send(connection, json.dumps(message).encode() + b"\n")
                return _answer_from(connection) if has_answer else "continue"
            except OSError as error:
                self._is_broken = True
                self._close()
                print(f"sweeper: the study cannot be reached ({error}); goes on without it", file=sys.stderr)
                return "continue"

    def _connected(self) -> socket.socket:
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.connect(os.environ[CHANNEL])
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _send(connection: socket.socket, raw: bytes) -> None:
    """All of it; an app may have asked to be killed by a broken pipe, which this one is not worth."""
    rest = memoryview(raw)
    while rest:
        rest = rest[connection.send(rest, getattr(socket, "MSG_NOSIGNAL", 0)) :]


def _answer_from(connection: socket.socket) -> str:
    """The next line. Raises OSError where there is none."""
    line = b""
    while not line.endswith(b"\n"):
        if not (part := connection.recv(64)):
            raise ConnectionError("the stream has ended")
        line += part
    return line.decode().strip()


wire = Wire()


def is_in_study() -> bool:
    """Whether this process speaks for a run of a study: of a distributed program only its first one does."""
    return wire.is_open() and all(os.environ.get(name) in (None, "", "0") for name in RANKS)
