"""The time by the database's own clock: sessions whose hosts disagree about the time share one."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement


class DatabaseClock(ColumnElement[float]):
    """Seconds since the epoch when a statement is carried out, as an expression of SQL."""

    inherit_cache = True
    type = sa.Double()


@compiles(DatabaseClock, "sqlite")
def _of_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseClock, "postgresql")
def _of_postgresql(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(DatabaseClock, "mysql", "mariadb")
def _of_mysql(*_: Any, **__: Any) -> str:
    """By UTC: `unix_timestamp(now(6))` goes back for an hour when summer ends."""
    return "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) / 1e6)"
