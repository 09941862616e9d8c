"""The study's Optuna storage, and beside it, on the same database, our table of runs: leases and results.

Optuna cannot hand out a trial to exactly one process on SQLite, so a run (a fingerprint on a seed) is claimed
by one conditional update of our own row. Every later word about it must carry the owner and the attempt of
that claim.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from sweeper.errors import Fault, UserError
from sweeper.places import is_full
from sweeper.redact import redact
from tasks.config import Direction

optuna.logging.set_verbosity(optuna.logging.WARNING)

LEASE_S = 60.0
"""A claim lapses this many seconds after its last renewal."""

_metadata = sa.MetaData()
_runs = sa.Table(
    "sweeper_runs",
    _metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("seed", sa.Integer, primary_key=True),
    sa.Column("trial", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("workload", sa.String(255), nullable=False),
    sa.Column("result", sa.Text, nullable=False),
)


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
    """The right to run one fingerprint on one seed, until the lease lapses."""

    fingerprint: str
    seed: int
    attempt: int


class Storage:
    """One database: Optuna's studies and the runs of `study`."""

    def __init__(self, url: str, study: str, owner: str) -> None:
        """Opens or creates the database. Raises UserError where it cannot be reached."""
        self.study, self.owner = study, owner
        parsed = _parse(url)
        try:
            _make_folder(parsed)
            self._optuna = optuna.storages.RDBStorage(url, engine_kwargs=_engine_options(parsed))
            self._engine = self._optuna.engine
            _write_ahead(self._engine)
            _metadata.create_all(self._engine)
        except (sa.exc.SQLAlchemyError, ImportError, OSError, RuntimeError) as error:
            if is_full(error):
                raise  # not the URL's fault
            raise UserError(_unreachable(url, error)) from error

    def optuna_study(self, directions: list[Direction]) -> optuna.Study:
        """The Optuna study of our name, created when new. Raises UserError when its directions differ."""
        study = optuna.create_study(
            study_name=self.study, storage=self._optuna, directions=directions, load_if_exists=True
        )
        known = [direction.name.lower() for direction in study.directions]
        if known != directions:
            problem = f"got {directions} for study '{self.study}'; expected {known}, as it was begun"
            raise UserError(Fault("study.metrics", problem, "Choose another study.name"))
        return study

    def runs(self, fingerprint: str | None = None) -> dict[tuple[str, int], RunRow]:
        """The study's runs by fingerprint and seed: all, or those of one fingerprint."""
        query = sa.select(_runs).where(_runs.c.study == self.study)
        if fingerprint is not None:
            query = query.where(_runs.c.fingerprint == fingerprint)
        with self._engine.connect() as connection:
            rows = [_row(row) for row in connection.execute(query).mappings()]
        return {(row.fingerprint, row.seed): row for row in rows}

    def claim(self, fingerprint: str, seed: int, trial: int, workload: str, now: float) -> Claim | None:
        """The run, if nobody holds it and it has no result; `now` is in seconds since the epoch."""
        free = sa.or_(
            _runs.c.state == "INTERRUPTED",
            sa.and_(_runs.c.state == "RUNNING", _runs.c.expires < now),
        )
        taken = {"state": "RUNNING", "owner": self.owner, "expires": now + LEASE_S}
        key = self._is(fingerprint, seed)
        with self._engine.begin() as connection:
            update = sa.update(_runs).where(key, free).values(attempt=_runs.c.attempt + 1, **taken)
            if connection.execute(update).rowcount == 1:
                attempt = connection.execute(sa.select(_runs.c.attempt).where(key)).scalar_one()
                return Claim(fingerprint, seed, attempt)
        row = {"study": self.study, "fingerprint": fingerprint, "seed": seed, "trial": trial}
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.insert(_runs).values(**row, attempt=1, workload=workload, result="{}", **taken)
                )
        except sa.exc.IntegrityError:
            return None
        return Claim(fingerprint, seed, 1)

    def release(self, is_gone: Callable[[str], bool]) -> int:
        """End the leases of owners that `is_gone` knows to be dead; how many."""
        running = sa.and_(_runs.c.study == self.study, _runs.c.state == "RUNNING")
        with self._engine.begin() as connection:
            owners = connection.execute(sa.select(_runs.c.owner).where(running).distinct()).scalars().all()
            gone = [owner for owner in owners if is_gone(owner)]
            update = sa.update(_runs).where(running, _runs.c.owner.in_(gone)).values(expires=0.0)
            return connection.execute(update).rowcount if gone else 0

    def renew(self, now: float) -> None:
        """Push back the expiry of all that this owner runs."""
        mine = sa.and_(_runs.c.study == self.study, _runs.c.owner == self.owner, _runs.c.state == "RUNNING")
        with self._engine.begin() as connection:
            connection.execute(sa.update(_runs).where(mine).values(expires=now + LEASE_S))

    def settle(self, claim: Claim, state: str, result: Mapping[str, Any]) -> bool:
        """Write a run's outcome and give up its lease; False when the claim is no longer ours."""
        ours = sa.and_(
            self._is(claim.fingerprint, claim.seed),
            _runs.c.owner == self.owner,
            _runs.c.attempt == claim.attempt,
        )
        update = sa.update(_runs).where(ours).values(state=state, result=json.dumps(result), expires=0.0)
        with self._engine.begin() as connection:
            return connection.execute(update).rowcount == 1

    def seconds_per_step(self, workload: str) -> float | None:
        """Mean seconds of a training step over complete runs of this workload, in any study."""
        query = sa.select(_runs.c.result).where(_runs.c.workload == workload, _runs.c.state == "COMPLETE")
        with self._engine.connect() as connection:
            results = [json.loads(text) for text in connection.execute(query).scalars()]
        steps = sum(result["steps_trained"] for result in results)
        return sum(result["seconds"] for result in results) / steps if steps else None

    def close(self) -> None:
        """Let go of the database."""
        self._optuna.remove_session()
        self._engine.dispose()

    def _is(self, fingerprint: str, seed: int) -> sa.ColumnElement[bool]:
        return sa.and_(_runs.c.study == self.study, _runs.c.fingerprint == fingerprint, _runs.c.seed == seed)


@contextmanager
def open_storage(url: str, study: str, owner: str) -> Iterator[Storage]:
    """A `Storage`, closed at the end."""
    storage = Storage(url, study, owner)
    try:
        yield storage
    finally:
        storage.close()


def delete_study(url: str, name: str) -> None:
    """Remove the study from Optuna's tables and from ours; nothing happens when it is not there."""
    with open_storage(url, name, owner="") as storage:
        if name in [summary.study_name for summary in optuna.get_all_study_summaries(storage._optuna)]:
            optuna.delete_study(study_name=name, storage=storage._optuna)
        with storage._engine.begin() as connection:
            connection.execute(sa.delete(_runs).where(_runs.c.study == name))


def _row(row: sa.RowMapping) -> RunRow:
    columns = {field.name: row[field.name] for field in fields(RunRow)}
    return RunRow(**{**columns, "result": json.loads(row["result"])})


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except sa.exc.ArgumentError as error:
        problem = f"got '{redact(url)}'; expected a SQLAlchemy URL such as sqlite:///results/studies.db"
        raise UserError(Fault("study.storage", problem)) from error


def _make_folder(url: URL) -> None:
    if url.drivername.startswith("sqlite") and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _write_ahead(engine: sa.Engine) -> None:
    """Readers and the writer of an SQLite file do not wait for each other."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _engine_options(url: URL) -> dict[str, Any]:
    return {"connect_args": {"timeout": 30}} if url.drivername.startswith("sqlite") else {}


def _unreachable(url: str, error: Exception) -> Fault:
    reason = redact(str(error).splitlines()[0])
    problem = f"cannot open '{redact(url)}' ({reason})"
    return Fault("study.storage", problem, "Check the path or the server, and that its driver is installed")
