"""The study's Optuna storage, and beside it, on the same database, our table of runs: leases and results.

Optuna cannot hand out a trial to exactly one process on SQLite, so a run (a fingerprint on a seed) is claimed
by one conditional update of our own row. Every later word about it must carry the owner and the attempt of
that claim.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import optuna
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from sweeper.errors import Fault, UserError, is_full, redact
from sweeper.findings import Look
from sweeper.layout import check_study_name
from sweeper.models import Direction
from sweeper.results import ENDED
from sweeper.storage import looks
from sweeper.storage.engine import Waiting, engine_options, name_failures, outlast, stay_with_file
from sweeper.storage.journal import choose_journal
from sweeper.storage.optuna_adapter import study_id_of, writer_of
from sweeper.storage.places import closed_database, read_only_folder
from sweeper.storage.remembering import RememberingStorage

optuna.logging.set_verbosity(optuna.logging.WARNING)

Made = TypeVar("Made")

LEASE_S = 60.0
"""A claim lapses this many seconds after its last renewal."""
N_OPENINGS = 5
"""Processes that open a new database at the same time trip over each other's tables."""

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
    """One database: Optuna's studies and the runs of `study`.

    While it is locked, or its server away, everything waits (`sweeper.storage.engine`).
    """

    def __init__(self, url: str, study: str, owner: str) -> None:
        """Opens or creates the database. Raises UserError where it cannot be reached or used."""
        self.study, self.owner = study, owner
        self._waiting = Waiting(redact(url))
        try:
            self._optuna = _open(_parse(url), self._waiting)
            self._journal = choose_journal(self._optuna.engine)
        except (sa.exc.SQLAlchemyError, ImportError, OSError, RuntimeError, TypeError) as error:
            if is_full(error):
                raise  # not the URL's fault
            raise UserError(_unreachable(url, error)) from error
        _refuse_other_version(self._optuna)
        self._engine = self._optuna.engine
        self._memory = RememberingStorage(optuna.storages.get_storage(self._optuna))
        _collisions_outlived(lambda: _metadata.create_all(self._engine))
        _collisions_outlived(lambda: looks.metadata.create_all(self._engine))
        stay_with_file(self._engine)
        outlast(self._engine, self._waiting)
        name_failures(self._engine, redact(url))

    def warn_of_waits(self, warn: Callable[[str], None], should_stop: Callable[[], bool]) -> None:
        """Call `warn`, once, when the database keeps the study waiting, and now where its place is unfit.

        Where `should_stop()`, the wait ends soon in KeyboardInterrupt.
        """
        self._waiting.warn, self._waiting.should_stop = warn, should_stop
        if self._journal:
            warn(self._journal)

    def optuna_study(self, directions: list[Direction]) -> optuna.Study:
        """The Optuna study of our name, created when new. Raises UserError when its directions differ.

        From now on there is a study to lose: a locked database is waited for longer.
        """
        check_study_name(self.study)
        study = optuna.create_study(
            study_name=self.study, storage=self._memory, directions=directions, load_if_exists=True
        )
        self._memory.look(study_id_of(study))
        known = [direction.name.lower() for direction in study.directions]
        if known != directions:
            fixed = json.loads(study.user_attrs.get("fixed", "{}"))
            begun = fixed.get("study", {}).get("objectives", known)
            was = ", ".join(begun)
            problem = f"got {', '.join(directions)}; study '{self.study}' was begun with objective {was}"
            advice = f"Choose another study.name; to go on with that study: study.metrics=[{was}]"
            raise UserError(Fault("study.metrics", problem, advice))
        self._waiting.study_runs()
        return study

    def runs(self, fingerprint: str | None = None) -> dict[tuple[str, int], RunRow]:
        """The study's runs by fingerprint and seed: all, or those of one fingerprint."""
        query = sa.select(_runs).where(_runs.c.study == self.study)
        if fingerprint is not None:
            query = query.where(_runs.c.fingerprint == fingerprint)
        with self._engine.connect() as connection:
            rows = [_row(row) for row in connection.execute(query).mappings()]
        return {(row.fingerprint, row.seed): row for row in rows}

    def standing(self, now: float) -> tuple[int, set[tuple[str, int]]]:
        """How many of the study's runs have ended, and which are under a live lease of another session.

        One light query: what the runs came to is not read.
        """
        columns = (_runs.c.fingerprint, _runs.c.seed, _runs.c.state, _runs.c.owner, _runs.c.expires)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).where(_runs.c.study == self.study)).all()
        held = {
            (row[0], row[1]) for row in rows if row[2] == "RUNNING" and row[3] != self.owner and row[4] >= now
        }
        return sum(row[2] in ENDED for row in rows), held

    def claim(self, fingerprint: str, seed: int, trial: int, workload: str, now: float) -> Claim | None:
        """The run, if nobody holds it and it has no result; `now` is in seconds since the epoch.

        A row that is ours already is one that we were not told of: the server's answer was lost.
        """
        lapsed = sa.or_(_runs.c.expires < now, _runs.c.owner == self.owner)
        free = sa.or_(_runs.c.state == "INTERRUPTED", sa.and_(_runs.c.state == "RUNNING", lapsed))
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

    def reopen(
        self, states: Collection[str], is_kept: Callable[[Mapping[str, Any]], bool] = lambda result: False
    ) -> int:
        """Have the study's runs that ended in one of `states` tried again; how many.

        Not those whose stored result `is_kept`.
        """
        query = sa.select(_runs).where(_runs.c.study == self.study, _runs.c.state.in_(states))
        with self._engine.connect() as connection:
            found = [_row(row) for row in connection.execute(query).mappings()]
        ended = [row for row in found if not is_kept(row.result)]
        again = (
            sa.update(_runs)
            .values(state="INTERRUPTED")
            .where(
                _runs.c.study == self.study,
                _runs.c.fingerprint == sa.bindparam("of"),
                _runs.c.seed == sa.bindparam("on"),
                _runs.c.state.in_(states),
            )
        )
        with self._engine.begin() as connection:
            for row in ended:
                connection.execute(again, {"of": row.fingerprint, "on": row.seed})
        return len(ended)

    def release(self, is_gone: Callable[[str], bool]) -> int:
        """End the leases of owners that `is_gone` knows to be dead; how many."""
        running = sa.and_(_runs.c.study == self.study, _runs.c.state == "RUNNING")
        with self._engine.begin() as connection:
            owners = connection.execute(sa.select(_runs.c.owner).where(running).distinct()).scalars().all()
            gone = [owner for owner in owners if is_gone(owner)]
            update = sa.update(_runs).where(running, _runs.c.owner.in_(gone)).values(expires=0.0)
            return connection.execute(update).rowcount if gone else 0

    def renew(self, now: float, claims: Collection[Claim] = ()) -> list[Claim]:
        """Push back the expiry of all that this owner runs; those of `claims` that are no longer its own."""
        mine = sa.and_(_runs.c.study == self.study, _runs.c.owner == self.owner, _runs.c.state == "RUNNING")
        held = sa.select(_runs.c.fingerprint, _runs.c.seed, _runs.c.attempt).where(mine)
        with self._engine.begin() as connection:
            renewed = connection.execute(sa.update(_runs).where(mine).values(expires=now + LEASE_S)).rowcount
            if renewed == len(claims):
                return []
            still = {Claim(*row) for row in connection.execute(held)}
        return [claim for claim in claims if claim not in still]

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

    def adopt(self, row: RunRow, workload: str) -> None:
        """Write down a run that another database knew; one that is known here stays as it is."""
        stored = {**asdict(row), "result": json.dumps(row.result), "study": self.study}
        values = {**stored, "owner": self.owner, "expires": 0.0, "workload": workload}
        with suppress(sa.exc.IntegrityError), self._engine.begin() as connection:
            connection.execute(sa.insert(_runs).values(values))

    def looks(self, split: str) -> tuple[Look, ...]:
        """The confirmations that the study has been judged by on the data of digest `split`."""
        return looks.looks_at(self._engine, self.study, split)

    def add_look(self, split: str, look: Look) -> None:
        """One more."""
        looks.add_look(self._engine, self.study, split, look)

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
            looks.forget_looks(connection, name)


def _row(row: sa.RowMapping) -> RunRow:
    columns = {field.name: row[field.name] for field in fields(RunRow)}
    return RunRow(**{**columns, "result": json.loads(row["result"])})


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        problem = f"got '{redact(url)}'; expected a SQLAlchemy URL such as sqlite:///results/studies.db"
        raise UserError(Fault("study.storage", problem)) from None


def _open(url: URL, waiting: Waiting) -> optuna.storages.RDBStorage:
    """Optuna's storage with its tables, of whatever version."""
    _make_folder(url)
    text, options = url.render_as_string(hide_password=False), engine_options(url, waiting)
    text = text.replace("{", "{{").replace("}", "}}")  # Optuna takes it for a template
    return _collisions_outlived(
        lambda: optuna.storages.RDBStorage(text, options, skip_compatibility_check=True)
    )


def _collisions_outlived(make_tables: Callable[[], Made]) -> Made:
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


def _refuse_other_version(storage: optuna.storages.RDBStorage) -> None:
    found, own = storage.get_current_version(), storage.get_head_version()
    if found == own:
        return
    writer = writer_of(storage)
    facts = f"written by Optuna {writer} (schema {found}); this is Optuna {optuna.__version__} (schema {own})"
    if found in storage.get_all_versions():
        advice = "Upgrade a copy of it with `optuna storage upgrade`, or choose another study.storage"
    else:
        advice = "Install that Optuna or a newer one, or choose another study.storage"
    raise UserError(Fault("study.storage", f"'{_shown(storage)}' was {facts}", advice))


def _shown(storage: optuna.storages.RDBStorage) -> str:
    return redact(str(storage.engine.url))


def _make_folder(url: URL) -> None:
    if folder := _folder_of(url):
        folder.mkdir(parents=True, exist_ok=True)


def _folder_of(url: URL) -> Path | None:
    """The folder of the database's file, if it has one."""
    is_file = url.drivername.startswith("sqlite") and url.database
    return Path(str(url.database)).parent if is_file else None


def _unreachable(url: str, error: Exception) -> Fault:
    if (folder := _folder_of(make_url(url))) and read_only_folder(folder):
        return closed_database(redact(url), folder)
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    reason = redact(str(cause).strip().splitlines()[0]) if str(cause).strip() else type(cause).__name__
    problem = f"cannot open '{redact(url)}' ({reason})"
    return Fault("study.storage", problem, "Check the path or the server, and that its driver is installed")
