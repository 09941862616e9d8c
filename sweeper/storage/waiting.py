"""Patience with a database: what fails only for a while is repeated, with one warning."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sweeper.errors import Fault, StudyError, UserError, causes_of

OPENING_S = 10.0
"""So long a database may be locked when a study begins."""
RUNNING_S = 300.0
"""So long it may be locked, or its server away, while a study runs."""
STOP_S = 5.0
"""So long after Ctrl-C."""
WARN_AFTER_S = 2.0
STEP_S = 0.25
"""SQLite's own wait, during which no signal is handled; and the pause between two calls of a server."""
PAUSE_S = 0.02
RECENT_S = 60.0
"""So long after an absence others may still be about to renew what lapsed meanwhile."""

Result = TypeVar("Result")


class ConnectionCut(StudyError):  # noqa: N818 (an event, which is waited out)
    """The connection broke in the middle: whether the last statements took effect is unknown.

    Not one of SQLAlchemy's errors, so that Optuna leaves the repetition to us, who know what is safe.
    """


class Waiting:
    """Repeats what fails only because a database is busy or away; `place` is its URL, fit to be shown."""

    def __init__(self, place: str) -> None:
        self.warn: Callable[[str], None] = logging.getLogger(__name__).warning
        self.should_stop: Callable[[], bool] = lambda: False
        self._place, self._is_running, self._has_warned = place, False, False
        self._leave_at: float | None = None
        self._absence = (0.0, 0.0)

    def study_runs(self) -> None:
        """From now on there is a study to lose: wait longer."""
        self._is_running = True

    @property
    def lately_away_s(self) -> float:
        """How long the last absence took, where it ended within the last minute; else 0.

        Nobody could renew a lease meanwhile: one that lapsed in that time may be a living session's.
        """
        took_s, ended = self._absence
        return took_s if time.monotonic() - ended < RECENT_S else 0.0

    def __call__(self, action: Callable[[], Result]) -> Result:
        """What `action` returns. Raises UserError (at the beginning) or StudyError where it stays locked."""
        return self._waited_for(action, _is_locked, "is locked by another process")

    def connect(self, action: Callable[[], Result], passing: type[Exception]) -> Result:
        """The same for a connection to a server that was there when the study began."""
        return self._waited_for(
            action, lambda error: isinstance(error, passing), "does not answer", pause_s=STEP_S
        )

    def repeated(self, action: Callable[[], Result]) -> Result:
        """The same for a whole transaction, which has to be one that may be done twice.

        It is repeated where the connection was cut, or where the server undid it to end a deadlock.
        """
        return self._waited_for(action, is_passing, "cuts its connections")

    def _waited_for(
        self,
        action: Callable[[], Result],
        passes: Callable[[Exception], bool],
        what: str,
        pause_s: float = 0.0,
    ) -> Result:
        since = time.monotonic()
        while True:
            began = time.monotonic()
            try:
                found = action()
            except Exception as error:
                if not passes(error):
                    raise
                self._wait(time.monotonic() - since, what)
                time.sleep(pause_s)
            else:
                if began - since > WARN_AFTER_S:
                    self._absence = (began - since, time.monotonic())
                return found

    def _wait(self, waited_s: float, what: str) -> None:
        limit_s = RUNNING_S if self._is_running else OPENING_S
        if waited_s >= limit_s:
            problem = f"'{self._place}' {what}, and has for {limit_s:g} s"
            if self._is_running:
                raise StudyError(f"study.storage: {problem}. Later the same command resumes the study")
            raise UserError(Fault("study.storage", problem, "End that process, or wait and try again"))
        if waited_s >= WARN_AFTER_S and not self._has_warned:
            self._has_warned = True
            self.warn(f"study.storage: '{self._place}' {what}; waiting up to {limit_s:g} s")
        self._leave_in_time()
        time.sleep(PAUSE_S)

    def _leave_in_time(self) -> None:
        """Who was told to stop can write nothing down here: the study is left as at a second Ctrl-C."""
        if self.should_stop():
            now = time.monotonic()
            self._leave_at = self._leave_at or now + STOP_S
            if now >= self._leave_at:
                if threading.current_thread() is threading.main_thread():
                    raise KeyboardInterrupt
                raise StudyError(f"study.storage: '{self._place}' was away when the study was told to stop")


def is_passing(error: BaseException) -> bool:
    """Whether a transaction failed by what may be over the next time."""
    return any(
        isinstance(cause, ConnectionCut) or getattr(cause, "is_undone", False) for cause in causes_of(error)
    )


def _is_locked(error: Exception) -> bool:
    """Whether waiting helps; an outdated snapshot (an extended code) stays outdated."""
    codes = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", None) in codes
