"""The database engine beneath Optuna's storage and our table: patient with locks, true to its file.

Both are properties of the engine, so that they hold for Optuna's queries and for ours alike. SQLite's own way
of waiting for a lock cannot be interrupted by a signal; here each wait is short, and repeated.
"""

import os
import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any

import sqlalchemy as sa

from sweeper.errors import StudyError, redact
from sweeper.storage.waiting import STEP_S, ConnectionCut, Waiting

FAILURES = (sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.InternalError)
"""And a bare DatabaseError: a file that is none. Others are answers (a row that is there already)."""
KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60000,
}
CONNECTING: dict[str, dict[str, Any]] = {
    "psycopg": {"connect_timeout": 10, **KEEPALIVE},
    "psycopg2": {"connect_timeout": 10, **KEEPALIVE},
    "pymysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
}
"""By driver: a host that has vanished is noticed within about a minute, not after a quarter of an hour."""
UNDONE = ("40P01", "40001", 1213, 1205)
"""SQL states and MySQL's numbers of what a server undid because of another transaction."""


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
        known = CONNECTING.get(url.get_driver_name(), {})
        own = {key: value for key, value in known.items() if key not in url.query}
        return {"hide_parameters": True, "pool_pre_ping": False, "connect_args": own}
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

    SQLite does not notice: it would go on in a file that has no name any more, and lose everything. A server
    keeps its own files.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        path = connection.exec_driver_sql("PRAGMA database_list").fetchone()[2]  # type: ignore[index]
    if path:
        file = _File(path)
        sa.event.listen(engine, "checkout", file.look)
        sa.event.listen(engine, "do_connect", file.look)


class StorageFailure(sa.exc.OperationalError):
    """The database of a study refuses what has to work; Optuna knows it as what it is based on.

    So that Optuna still repeats what a server's deadlock undid, and nobody blames this database for another.
    `is_undone`: the server has undone the transaction, which may be tried again.
    """

    def __init__(self, place: str, error: BaseException) -> None:
        super().__init__(None, None, error)
        self._place = place
        first = error.args[0] if error.args else None
        self.is_undone = getattr(error, "sqlstate", None) in UNDONE or first in UNDONE

    def __str__(self) -> str:
        """One line, without the query."""
        return _failed(self._place, self.orig)


def _failed(place: str, error: BaseException | None) -> str:
    said = redact(str(error)).strip().splitlines() or [type(error).__name__]
    return (
        f"study.storage: '{place}' failed while the study ran ({said[0]}). The run folders are "
        "whole; once the database works, the same command resumes the study"
    )


def name_failures(engine: sa.Engine, place: str) -> None:
    """From now on, failures of this database are told from those of any other.

    ConnectionCut where a server's connection broke in use: who may repeat what was under way does.
    """

    @sa.event.listens_for(engine, "handle_error")
    def failed(context: Any) -> None:
        error, original = context.sqlalchemy_exception, context.original_exception
        if context.is_pre_ping:
            return
        if context.is_disconnect and engine.dialect.name != "sqlite":
            raise ConnectionCut(_failed(place, original)) from original
        if isinstance(error, FAILURES) or type(error) is sa.exc.DatabaseError:
            raise StorageFailure(place, original) from original


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
