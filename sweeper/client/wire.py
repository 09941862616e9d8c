"""The stream from an app to the worker that runs it: JSON lines over a UNIX socket that has a name.

The name is in the environment, so that a process reaches it through `bash`, `uv run` or `torchrun`, and each
process has a connection of its own. A stream that breaks never breaks the app: it goes on as one outside of a
study.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping
from io import RawIOBase
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
        self.start_afresh()
        # a fork neither shares its parent's connection, nor a lock that another thread of it holds
        os.register_at_fork(after_in_child=self.start_afresh)

    def start_afresh(self) -> None:
        """Forget the connection there was."""
        self._lock = Lock()
        self._stream: RawIOBase | None = None
        self._is_broken = False

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
                return self._over(self._connected(), message, has_answer)
            except OSError as error:
                self._is_broken = True
                print(f"sweeper: the study cannot be reached ({error}); goes on without it", file=sys.stderr)
                return "continue"

    def _connected(self) -> RawIOBase:
        if self._stream is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(os.environ[CHANNEL])
            self._stream = connection.makefile("rwb", buffering=0)
        return self._stream

    def _over(self, stream: RawIOBase, message: Mapping[str, Any], has_answer: bool) -> str:
        line = memoryview(json.dumps(message).encode() + b"\n")
        while line:
            line = line[stream.write(line) :]
        if not has_answer:
            return "continue"
        if not (answer := stream.readline()):
            raise ConnectionError("the stream has ended")
        return answer.decode().strip()


wire = Wire()


def is_in_study() -> bool:
    """Whether this process speaks for a run of a study: of a distributed program only its first one does."""
    return wire.is_open() and all(os.environ.get(name) in (None, "", "0") for name in RANKS)
