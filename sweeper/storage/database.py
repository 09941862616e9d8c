"""An engine whose transactions outlast a connection that is cut."""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from sweeper.storage.waiting import Waiting

Result = TypeVar("Result")


class Database:
    """Reads and writes in transactions that may be repeated: each must come to the same if done twice."""

    def __init__(self, engine: sa.Engine, waiting: Waiting) -> None:
        self.engine, self.waiting = engine, waiting

    @property
    def is_server(self) -> bool:
        """Whether sessions of several hosts may use it."""
        return self.engine.dialect.name != "sqlite"

    def read(self, action: Callable[[sa.Connection], Result]) -> Result:
        """What `action` finds with a connection."""

        def once() -> Result:
            with self.engine.connect() as connection:
                return action(connection)

        return self.waiting.repeated(once)

    def write(self, action: Callable[[sa.Connection], Result]) -> Result:
        """What `action` returns, its changes committed."""

        def once() -> Result:
            with self.engine.begin() as connection:
                return action(connection)

        return self.waiting.repeated(once)

    def one(self, query: sa.Select[Any]) -> tuple[Any, ...] | None:
        """The only row that there is, if there is one."""
        row = self.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else tuple(row)

    def scalars(self, query: sa.Select[Any]) -> list[Any]:
        """The first column of all rows."""
        return list(self.read(lambda connection: connection.execute(query).scalars().all()))

    def mappings(self, query: sa.Select[Any]) -> list[sa.RowMapping]:
        """All rows, by the names of their columns."""
        return list(self.read(lambda connection: connection.execute(query).mappings().all()))

    def changed(self, update: sa.Update) -> int:
        """How many rows an update concerned."""
        return self.write(lambda connection: connection.execute(update).rowcount)
