"""A worker on this machine: one process of our own, in the words of an executor."""

import time
from collections.abc import Callable, Mapping

from sweeper.agent import SlotProcess
from sweeper.executors.pool import Worker
from sweeper.messages import Message
from sweeper.trial import Runner
from sweeper.worker import read_message


class WorkerProcess(Worker):
    """What the process says comes from a thread of its own."""

    def __init__(
        self,
        environment: Mapping[str, str],
        on_message: Callable[["WorkerProcess", Message], None],
        on_end: Callable[["WorkerProcess", str | None], None],
        runner: Runner | None = None,
    ) -> None:
        """`runner`: of what kind its jobs will be, where that is known."""
        self.heard_at = time.monotonic()
        self._on_message, self._on_end = on_message, on_end
        self._process = SlotProcess(
            environment, self._hear, lambda problem: on_end(self, problem), runner=runner
        )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.is_running()

    def send(self, raw: bytes) -> None:
        """Hand it a frame."""
        self._process.send(raw)

    def finish(self) -> None:
        """No more jobs: it leaves, after its present step."""
        self._process.finish()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within `timeout_s`."""
        return self._process.wait(timeout_s)

    def reap(self) -> str:
        """See it to its end, by force if need be; how it ended, in words."""
        return self._process.reap()

    def _hear(self, raw: bytes) -> None:
        self.heard_at = time.monotonic()
        self._on_message(self, read_message(raw))
