"""The confirmations that a study has been judged by, beside its runs in the same database.

Kept by study and test split, not by seeds: a study that grows looks at the same split again.
"""

from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from sweeper.findings import Look
from sweeper.models import digest_of
from sweeper.storage.database import Database
from sweeper.storage.tables import looks


def looks_at(database: Database, study: str, split: str) -> tuple[Look, ...]:
    """All looks of `study` at the data of digest `split`."""
    query = sa.select(looks.c.look).where(looks.c.study == study, looks.c.split == split)
    texts = database.read(lambda c: c.execute(query.order_by(looks.c.mark)).scalars().all())
    return tuple(Look.model_validate_json(text) for text in texts)


def add_look(database: Database, study: str, split: str, look: Look) -> None:
    """One more; nothing changes where it is known."""
    text = look.model_dump_json()
    row: dict[str, Any] = {"study": study, "split": split, "mark": digest_of(text), "look": text}
    if look in looks_at(database, study, split):
        return
    with suppress(sa.exc.IntegrityError):  # another session has the same verdict at this moment
        database.write(lambda connection: connection.execute(sa.insert(looks).values(row)))


def forget_looks(connection: sa.Connection, study: str) -> None:
    """Remove all of a study's."""
    connection.execute(sa.delete(looks).where(looks.c.study == study))
