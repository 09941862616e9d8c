"""The confirmations that a study has been judged by, beside its runs in the same database.

Kept by study and test split, not by seeds: a study that grows looks at the same split again.
"""

from typing import Any

import sqlalchemy as sa

from sweeper.findings import Look
from sweeper.models import digest_of

metadata = sa.MetaData()
_looks = sa.Table(
    "sweeper_looks",
    metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("split", sa.String(80), primary_key=True),
    sa.Column("mark", sa.String(80), primary_key=True),
    sa.Column("look", sa.Text, nullable=False),
)


def looks_at(engine: sa.Engine, study: str, split: str) -> tuple[Look, ...]:
    """All looks of `study` at the data of digest `split`."""
    query = sa.select(_looks.c.look).where(_looks.c.study == study, _looks.c.split == split)
    with engine.connect() as connection:
        return tuple(
            Look.model_validate_json(text)
            for text in connection.execute(query.order_by(_looks.c.mark)).scalars()
        )


def add_look(engine: sa.Engine, study: str, split: str, look: Look) -> None:
    """One more; nothing changes where it is known."""
    text = look.model_dump_json()
    row: dict[str, Any] = {"study": study, "split": split, "mark": digest_of(text), "look": text}
    if look in looks_at(engine, study, split):
        return
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(_looks).values(row))
    except sa.exc.IntegrityError:
        return  # another session has the same verdict at this moment


def forget_looks(connection: sa.Connection, study: str) -> None:
    """Remove all of a study's."""
    connection.execute(sa.delete(_looks).where(_looks.c.study == study))
