"""What one session of a study does at a time, wherever the others run: a lock in the database.

A lock on a file does not reach other hosts. The server lets go of these when a connection ends, in any way.
Who loses the connection meanwhile goes on, and may meet another who has the lock: what is done within has to
bear that.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from sweeper.locks import TurnLock, Turns, file_lock
from sweeper.storage.database import Database
from sweeper.storage.tables import MYSQL, turns
from sweeper.storage.waiting import ConnectionCut

POLL_S = 0.05
NOTICED = ", ".join(
    f"set_config('{name}', '{value}', true)"
    for name, value in (
        ("tcp_keepalives_idle", 30),
        ("tcp_keepalives_interval", 10),
        ("tcp_keepalives_count", 3),
    )
)
"""PostgreSQL notices within a minute, not after two hours, that the host of who has a lock has vanished."""


class DatabaseTurns:
    """One session's share in a lock that all take in turn, and in what says who had it last."""

    def __init__(self, database: Database, study: str, kind: str, timeout_s: float) -> None:
        self._database, self._timeout_s = database, timeout_s
        self._row = {"study": study, "kind": kind}
        self._name = uuid.uuid4().hex

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Nobody else's turn; whether one was since our last, or this is our first.

        Raises TimeoutError where another keeps its turn for too long.
        """
        with database_lock(self._database, **self._row, timeout_s=self._timeout_s):
            has_changed = self._taken_by() != self._name
            if has_changed:
                self._sign()
            yield has_changed

    def _taken_by(self) -> str | None:
        query = sa.select(turns.c.taken_by).filter_by(**self._row)
        return self._database.read(lambda connection: connection.execute(query).scalar())

    def _sign(self) -> None:
        """At once, so that the next one knows of this turn however it ends."""

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(turns).filter_by(**self._row))
            connection.execute(sa.insert(turns).values(**self._row, taken_by=self._name))

        self._database.write(write)


def turns_in(database: Database, study: str, file: Path, timeout_s: float) -> Turns:
    """Turns of all sessions of `study` at what `file`, of the study's folder, is the lock of on one host."""
    if database.is_server:
        return DatabaseTurns(database, study, file.name, timeout_s)
    return TurnLock(file, timeout_s)


@contextmanager
def lock_in(database: Database, study: str, file: Path, timeout_s: float) -> Iterator[None]:
    """Hold what guards a part of `study`; on a server as well as in `file`, which workers may hold, too.

    Raises TimeoutError where another holds it for `timeout_s`.
    """
    with file_lock(file, timeout_s):
        if not database.is_server:
            yield
            return
        kind = f"{file.parent.name}/{file.name}"
        with database_lock(database, study, kind, timeout_s):
            yield


@contextmanager
def database_lock(database: Database, study: str, kind: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock of this kind on a study, on a server. Raises TimeoutError as a file's would."""
    deadline = time.monotonic() + timeout_s
    take, let_go = _statements(database.engine, study, kind)

    def connected() -> sa.Connection:
        connection = database.engine.connect()
        try:
            _acquire(lambda: bool(connection.execute(take).scalar()), f"{study}: {kind}", deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    connection = database.waiting.repeated(connected)
    try:
        yield
    finally:
        _end(connection, let_go)


def _acquire(is_ours: Callable[[], bool], what: str, deadline: float) -> None:
    while not is_ours():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: held by another process")
        time.sleep(POLL_S)


def _end(connection: sa.Connection, let_go: sa.TextClause | None) -> None:
    try:
        if let_go is not None:
            connection.execute(let_go)
        connection.rollback()
        connection.close()
    except (ConnectionCut, sa.exc.SQLAlchemyError):  # with it the server's lock is gone
        connection.invalidate()
        connection.close()


def _statements(engine: sa.Engine, study: str, kind: str) -> tuple[sa.TextClause, sa.TextClause | None]:
    """What asks for a lock, without waiting, and what ends it. PostgreSQL's ends with its transaction."""
    digest = sha256(f"{engine.url.database}\n{kind}\n{study}".encode()).digest()
    if engine.dialect.name in MYSQL:
        name = f"sweeper:{digest.hex()[:40]}"
        return (
            sa.text("SELECT get_lock(:name, 0)").bindparams(name=name),
            sa.text("DO release_lock(:name)").bindparams(name=name),
        )
    if engine.dialect.name == "postgresql":
        key = int.from_bytes(digest[:8], "big", signed=True)
        return sa.text(f"SELECT pg_try_advisory_xact_lock(:key), {NOTICED}").bindparams(key=key), None
    raise NotImplementedError(engine.dialect.name)
