"""Work for a server that may be slow or down, in a thread: nobody waits for it or fails with it."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Session = TypeVar("Session")


class Background(Generic[Session]):
    """Runs actions in order on a session that is opened by the first one, all in one thread.

    After a failure nothing is tried for `retry_s`, so that a server that does not answer is not asked a
    thousand times; actions put `at_all_events` are. `on_failure` is called from the thread.
    """

    def __init__(
        self,
        open_session: Callable[[], Session],
        finish: Callable[[Session], None],
        on_failure: Callable[[Exception], None],
        retry_s: float,
    ) -> None:
        self._open, self._finish, self._on_failure, self._retry_s = open_session, finish, on_failure, retry_s
        self._queue: SimpleQueue[tuple[Callable[[Session], object], bool] | None] = SimpleQueue()
        self._session: Session | None = None
        self._retry_at = 0.0
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, action: Callable[[Session], object], *, at_all_events: bool = False) -> None:
        """Have `action` done after all that was put before."""
        self._queue.put((action, at_all_events))

    def close(self, timeout_s: float) -> bool:
        """Whether everything was done within `timeout_s`; later actions are not done."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            action, at_all_events = item
            if at_all_events or time.monotonic() >= self._retry_at:
                self._attempt(action)
        if self._session is not None:
            self._attempt(self._finish)

    def _attempt(self, action: Callable[[Session], object]) -> None:
        try:
            if self._session is None:
                self._session = self._open()
            action(self._session)
        except Exception as error:  # whatever a server or its client does wrong must not end the thread
            self._session = None  # whether the last call had its effect is unknown: open afresh, and look
            self._retry_at = time.monotonic() + self._retry_s
            self._on_failure(error)
