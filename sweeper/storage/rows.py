"""A run as the database has it, and the right to train it."""

import json
from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class RunRow:
    """What the table knows of a run; `result` is what its worker said last."""

    fingerprint: str
    seed: int
    trial: int
    state: str
    attempt: int
    result: dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """The right to run one fingerprint on one seed, until the lease lapses.

    `follows`: whose claim had lapsed, where the run was not known to have ended.
    """

    fingerprint: str
    seed: int
    attempt: int
    follows: str | None = field(default=None, compare=False)


def row_of(row: sa.RowMapping) -> RunRow:
    """What is known of a run, from all columns of the table."""
    columns = {one.name: row[one.name] for one in fields(RunRow)}
    return RunRow(**{**columns, "result": json.loads(row["result"])})
