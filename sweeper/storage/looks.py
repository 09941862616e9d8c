"""The confirmations that a study has been judged by, and their budgets, beside its runs in the same database.

Kept by study and test split, not by seeds: a study that grows looks at the same split again.
"""

from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from sweeper.findings import Look, PairBudget
from sweeper.models import digest_of
from sweeper.storage.database import Database
from sweeper.storage.tables import budgets, looks


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


def budgets_at(database: Database, study: str, split: str) -> tuple[PairBudget, ...]:
    """All budgets of confirmation pairs of `study` on the data of digest `split`, in order."""
    query = sa.select(budgets.c.budget).where(budgets.c.study == study, budgets.c.split == split)
    texts = database.read(lambda c: c.execute(query.order_by(budgets.c.place)).scalars().all())
    return tuple(PairBudget.model_validate_json(text) for text in texts)


def add_budget(database: Database, study: str, split: str, place: int, budget: PairBudget) -> None:
    """One more, at this place; what stands there already stays."""
    row: dict[str, Any] = {"study": study, "split": split, "place": place, "budget": budget.model_dump_json()}
    with suppress(sa.exc.IntegrityError):  # another session has begun the same at this moment
        database.write(lambda connection: connection.execute(sa.insert(budgets).values(row)))


def forget_looks(connection: sa.Connection, study: str) -> None:
    """Remove all of a study's, with their budgets."""
    connection.execute(sa.delete(looks).where(looks.c.study == study))
    connection.execute(sa.delete(budgets).where(budgets.c.study == study))
