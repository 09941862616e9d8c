"""Sessions of several hosts on one SQLite file are refused: its locks and its log are those of one host.

Sessions are known by the live leases that they hold, in any study of the file.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from sweeper.errors import Fault, StudyError, UserError
from sweeper.storage.clock import DatabaseClock
from sweeper.storage.database import Database
from sweeper.storage.owners import host_of, is_of_this_host
from sweeper.storage.tables import runs


def refuse_other_hosts(database: Database, owner: str) -> None:
    """Raises UserError where another host holds a live lease; `owner` is this session."""
    running = sa.and_(runs.c.state == "RUNNING", runs.c.owner != owner, runs.c.expires > DatabaseClock())
    columns = (runs.c.owner, sa.func.max(runs.c.expires) - DatabaseClock())
    query = sa.select(*columns).where(running).group_by(runs.c.owner)
    for other, left_s in database.read(lambda connection: connection.execute(query).all()):
        if not is_of_this_host(other):
            raise UserError(_refused(database.engine, host_of(other), left_s))


def leave_to_another_host(owners: Iterable[str], owner: str) -> None:
    """Raises StudyError where two that began in the same moment find each other, in one of them.

    `owners` hold live leases.
    """
    others = [other for other in owners if not is_of_this_host(other)]
    if others and min(others) < owner:
        raise StudyError(
            f"study.storage: a session on another host ({host_of(min(others))}) uses this file of SQLite's, "
            "which is for the sessions of one host. The run folders are whole; for several hosts use a server"
        )


def _refused(engine: sa.Engine, where: str, left_s: float) -> Fault:
    problem = (
        f"got '{engine.url.render_as_string()}', a file that a session on another host ({where}) uses now; "
        "SQLite is for the sessions of one host"
    )
    advice = (
        "For several use a server, study.storage=postgresql+psycopg://<user>@<host>/<database>; if that "
        f"session is gone, try again in {max(1.0, left_s):.0f} s"
    )
    return Fault("study.storage", problem, advice)
