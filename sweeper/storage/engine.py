"""The database engine beneath Optuna's storage and our table: patient with locks, true to its file.

Both are properties of the engine, so that they hold for Optuna's queries and for ours alike. SQLite's own way
of waiting for a lock cannot be interrupted by a signal; here each wait is short, and repeated.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from sweeper.errors import Fault, StudyError, UserError, redact

OPENING_S = 10.0
"""So long a database may be locked when a study begins."""
RUNNING_S = 300.0
"""So long it may be locked, or its server away, while a study runs."""
STOP_S = 5.0
"""So long after Ctrl-C."""
WARN_AFTER_S = 2.0
STEP_S = 0.25
"""SQLite's own wait, during which no signal is handled."""
PAUSE_S = 0.02
FAILURES = (sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.InternalError)
"""And a bare DatabaseError: a file that is none. Others are answers (a row that is there already)."""

Result = TypeVar("Result")


class Waiting:
    """Repeats what fails only because a database is busy; `place` is its URL, fit to be shown."""

    def __init__(self, place: str) -> None:
        self.warn: Callable[[str], None] = logging.getLogger(__name__).warning
        self.should_stop: Callable[[], bool] = lambda: False
        self._place, self._is_running, self._has_warned = place, False, False
        self._leave_at: float | None = None

    def study_runs(self) -> None:
        """From now on there is a study to lose: wait longer."""
        self._is_running = True

    def __call__(self, action: Callable[[], Result]) -> Result:
        """What `action` returns. Raises UserError (at the beginning) or StudyError where it stays locked."""
        since = time.monotonic()
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                self._wait(time.monotonic() - since, "is locked by another process")

    def connect(self, action: Callable[[], Result], passing: type[Exception]) -> Result:
        """The same for a connection to a server that was there when the study began."""
        since = time.monotonic()
        while True:
            try:
                return action()
            except passing:
                self._wait(time.monotonic() - since, "does not answer")
                time.sleep(STEP_S)

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
                raise KeyboardInterrupt


class PatientConnection(sqlite3.Connection):
    """An SQLite connection whose statements wait for locks with patience."""

    def __init__(self, waiting: Waiting, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.waiting = waiting

    def cursor(self, factory: Any = None) -> "PatientCursor":  # type: ignore[override]
        """A cursor; ours, whatever is asked for."""
        return super().cursor(PatientCursor)

    def commit(self) -> None:
        """Ends the transaction; without a write-ahead log it waits for readers."""
        self.waiting(super().commit)


class PatientCursor(sqlite3.Cursor):
    """Its statements are repeated while the database is locked: one that met a lock has changed nothing."""

    def execute(self, statement: str, parameters: Any = ()) -> "PatientCursor":
        """Run one statement."""
        super_execute = super().execute
        self._waiting(lambda: super_execute(statement, parameters))
        return self

    def executemany(self, statement: str, parameters: Iterable[Any]) -> "PatientCursor":
        """Run one statement for each of `parameters`."""
        super_execute, rows = super().executemany, list(parameters)
        self._waiting(lambda: super_execute(statement, rows))
        return self

    @property
    def _waiting(self) -> Waiting:
        assert isinstance(self.connection, PatientConnection)
        return self.connection.waiting


def engine_options(url: sa.URL, waiting: Waiting) -> dict[str, Any]:
    """What SQLAlchemy's `create_engine` needs besides the URL."""
    if url.get_backend_name() != "sqlite":
        return {"hide_parameters": True, "pool_pre_ping": True}
    factory = partial(PatientConnection, waiting)
    return {"hide_parameters": True, "connect_args": {"timeout": STEP_S, "factory": factory}}


def outlast(engine: sa.Engine, waiting: Waiting) -> None:
    """From now on, wait for a server that comes back."""
    if engine.dialect.name != "sqlite":

        @sa.event.listens_for(engine, "do_connect")
        def connect(dialect: Any, _: Any, arguments: Any, options: Any) -> Any:
            return waiting.connect(
                lambda: dialect.connect(*arguments, **options), dialect.dbapi.OperationalError
            )


def stay_with_file(engine: sa.Engine) -> None:
    """From now on, raise StudyError as soon as the database's file is gone or another one has its name.

    SQLite does not notice: it would go on in a file that has no name any more, and lose everything.
    """
    with engine.connect() as connection:
        path = connection.exec_driver_sql("PRAGMA database_list").fetchone()[2]  # type: ignore[index]
    if path:
        file = _File(path)
        sa.event.listen(engine, "checkout", file.look)
        sa.event.listen(engine, "do_connect", file.look)


class StorageFailure(sa.exc.OperationalError):
    """The database of a study refuses what has to work; Optuna knows it as what it is based on.

    So that Optuna still repeats what a server's deadlock undid, and nobody blames this database for another.
    """

    def __init__(self, place: str, error: BaseException) -> None:
        super().__init__(None, None, error)
        self._place = place

    def __str__(self) -> str:
        """One line, without the query."""
        said = redact(str(self.orig)).strip().splitlines() or [type(self.orig).__name__]
        return (
            f"study.storage: '{self._place}' failed while the study ran ({said[0]}). The run folders are "
            "whole; once the database works, the same command resumes the study"
        )


def name_failures(engine: sa.Engine, place: str) -> None:
    """From now on, failures of this database are told from those of any other."""

    @sa.event.listens_for(engine, "handle_error")
    def failed(context: Any) -> None:
        error = context.sqlalchemy_exception
        is_failure = isinstance(error, FAILURES) or type(error) is sa.exc.DatabaseError
        if is_failure and not context.is_pre_ping:
            raise StorageFailure(place, context.original_exception) from context.original_exception


class _File:
    """A file that must stay; once missed it is gone for good, for a new one may get the old one's number."""

    def __init__(self, path: str) -> None:
        self._path, self._identity = path, _identity(path)

    def look(self, *_: Any) -> None:
        if self._identity is None or _identity(self._path) != self._identity:
            self._identity = None
            raise StudyError(_gone(self._path))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _gone(path: str) -> str:
    return (
        f"study.storage: '{path}' was deleted or replaced while the study ran. The run folders are whole; "
        "put the file back if you can, and run the same command again"
    )


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether waiting helps; an outdated snapshot (an extended code) stays outdated."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
