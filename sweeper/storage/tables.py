"""Our tables beside Optuna's, and their version: an earlier one is brought up to date, a later one refused.

Version 1 had no table that says so. What brings a database from one version to the next may be done twice,
and by several sessions at once; nothing that was stored is ever removed.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sweeper.errors import Fault, UserError

Made = TypeVar("Made")

VERSION = 3
"""2: a lease's end in 8 bytes on MySQL, too; turns are taken in the database. 3: confirmation has budgets."""
N_OPENINGS = 5
"""Processes that open a new SQLite database at the same time trip over each other's tables."""
MYSQL = ("mysql", "mariadb")


def _text(length: int) -> sa.types.TypeEngine[str]:
    """A key: on MySQL, too, `a` and `A` are two."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), *MYSQL)


UTF8: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}

metadata = sa.MetaData()
runs = sa.Table(
    "sweeper_runs",
    metadata,
    sa.Column("study", _text(255), primary_key=True),
    sa.Column("fingerprint", _text(64), primary_key=True),
    sa.Column("seed", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("trial", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", _text(64), nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Column("workload", sa.String(255), nullable=False),
    sa.Column("result", sa.Text().with_variant(mysql.LONGTEXT(), *MYSQL), nullable=False),
    **UTF8,
)
"""`expires`: the end of the lease, in seconds since the epoch by the database's clock."""
looks = sa.Table(
    "sweeper_looks",
    metadata,
    sa.Column("study", _text(255), primary_key=True),
    sa.Column("split", sa.String(80), primary_key=True),
    sa.Column("mark", sa.String(80), primary_key=True),
    sa.Column("look", sa.Text, nullable=False),
    **UTF8,
)
budgets = sa.Table(
    "sweeper_budgets",
    metadata,
    sa.Column("study", _text(255), primary_key=True),
    sa.Column("split", sa.String(80), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("budget", sa.Text, nullable=False),
    **UTF8,
)
turns = sa.Table(
    "sweeper_turns",
    metadata,
    sa.Column("study", _text(255), primary_key=True),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("taken_by", sa.String(64), nullable=False),
    **UTF8,
)
versions = sa.Table(
    "sweeper_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)
"""All versions that the tables had; the last one counts."""


def prepare_tables(engine: sa.Engine, place: str) -> None:
    """Make our tables, or bring them up to date. Raises UserError for those of a later version.

    `place`: the database's URL, fit to be shown.
    """
    found = version_of(engine)
    if found > VERSION:
        problem = f"'{place}' was written by a later version (tables {found}; this one knows {VERSION})"
        raise UserError(Fault("study.storage", problem, "Update sweeper, or choose another study.storage"))
    collisions_outlived(lambda: metadata.create_all(engine))
    for version in range(found, VERSION):
        STEPS[version](engine)
        _write_version(engine, version + 1)


def version_of(engine: sa.Engine) -> int:
    """The version of a database's tables: 1 where none is written, or where there are no tables yet."""
    if not sa.inspect(engine).has_table(versions.name):
        return 1
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.max(versions.c.version))).scalar() or 1)


def _to_version_2(engine: sa.Engine) -> None:
    """Only MySQL kept what `sa.Float` means in 4 bytes, and results in 64 KB."""
    if engine.dialect.name in MYSQL:
        with engine.begin() as connection:
            for change in ("expires DOUBLE NOT NULL", "result LONGTEXT NOT NULL"):
                connection.exec_driver_sql(f"ALTER TABLE {runs.name} MODIFY {change}")


def _to_version_3(engine: sa.Engine) -> None:
    """The new table is made with the others; a version that knows nothing of it must not go on here."""


STEPS: dict[int, Callable[[sa.Engine], Any]] = {1: _to_version_2, 2: _to_version_3}
"""What brings tables of a version to the next one."""


def _write_version(engine: sa.Engine, version: int) -> None:
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(versions).values(version=version))
    except sa.exc.IntegrityError:
        return  # another session has done the same at this moment


def collisions_outlived(make_tables: Callable[[], Made]) -> Made:
    """What `make_tables` returns, tried again where another process makes the same ones at this moment."""
    for _ in range(N_OPENINGS - 1):
        try:
            return make_tables()
        except (sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.IntegrityError) as error:
            if not _is_collision(error):
                raise
            time.sleep(0.1)
    return make_tables()


def _is_collision(error: sa.exc.DBAPIError) -> bool:
    """Whether another process made the same tables at the same moment."""
    return isinstance(error, sa.exc.IntegrityError) or "already exists" in str(error.orig)
