"""The study's Optuna storage, and beside it, on the same database, our table of runs: leases and results.

Optuna cannot hand out a trial to exactly one process on SQLite, so a run (a fingerprint on a seed) is claimed
by one conditional update of our own row. Every later word about it must carry the owner and the attempt of
that claim. When a lease ends is decided by the database's clock. Each transaction may be repeated, where the
connection is cut before its answer: one that was done comes to the same.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa

from sweeper.errors import Fault, UserError, redact
from sweeper.findings import Look, PairBudget
from sweeper.layout import check_study_name
from sweeper.locks import Turns
from sweeper.models import Direction
from sweeper.results import ENDED
from sweeper.storage import looks
from sweeper.storage.clock import DatabaseClock
from sweeper.storage.database import Database
from sweeper.storage.hosts import leave_to_another_host, refuse_other_hosts
from sweeper.storage.opening import open_database
from sweeper.storage.optuna_adapter import study_id_of
from sweeper.storage.optuna_rows import OptunaRows
from sweeper.storage.remembering import RememberingStorage
from sweeper.storage.repeating import RepeatingStorage
from sweeper.storage.rows import Claim, RunRow, row_of
from sweeper.storage.tables import runs as _runs, turns as _turns
from sweeper.storage.turns import lock_in, turns_in
from sweeper.storage.waiting import Waiting

optuna.logging.set_verbosity(optuna.logging.WARNING)

LEASE_S = 60.0
"""A claim lapses this many seconds after its last renewal."""
NOW = DatabaseClock()


class Storage:
    """One database: Optuna's studies and the runs of `study`.

    While it is locked, or its server away, everything waits (`sweeper.storage.waiting`).
    """

    def __init__(self, url: str, study: str, owner: str) -> None:
        """Opens or creates the database. Raises UserError where it cannot be reached or used."""
        self.study, self.owner = study, owner
        self._waiting = Waiting(redact(url))
        self._optuna, self._journal = open_database(url, self._waiting)
        self._engine = self._optuna.engine
        self._database = Database(self._engine, self._waiting)
        cached = optuna.storages.get_storage(self._optuna)
        if self._database.is_server:
            self._memory = RememberingStorage(RepeatingStorage(cached, self._waiting.repeated))
        else:
            self._memory = RememberingStorage(cached, OptunaRows(self._optuna))

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
        self._take_up(study, directions)
        self._waiting.study_runs()
        return study

    def begun_study(self, directions: list[Direction]) -> optuna.Study | None:
        """The same, to look at: None where it was never begun."""
        check_study_name(self.study)
        try:
            study = optuna.load_study(study_name=self.study, storage=self._memory)
        except KeyError:
            return None
        self._take_up(study, directions)
        return study

    def _take_up(self, study: optuna.Study, directions: list[Direction]) -> None:
        self._refuse_namesake(study_id_of(study))
        self._memory.look(study_id_of(study))
        known = [direction.name.lower() for direction in study.directions]
        if known != directions:
            fixed = json.loads(study.user_attrs.get("fixed", "{}"))
            begun = fixed.get("study", {}).get("objectives", known)
            was = ", ".join(begun)
            problem = f"got {', '.join(directions)}; study '{self.study}' was begun with objective {was}"
            advice = f"Choose another study.name; to go on with that study: study.metrics=[{was}]"
            raise UserError(Fault("study.metrics", problem, advice))

    def _refuse_namesake(self, study_id: int) -> None:
        """Some servers take `Run` and `run` for one name."""
        if (found := self._memory.get_study_name_from_id(study_id)) != self.study:
            problem = f"got '{self.study}', which the database of study.storage takes for study '{found}'"
            advice = "Choose a name that differs in more than its case"
            raise UserError(Fault("study.name", problem, advice))

    def runs(self, fingerprint: str | None = None) -> dict[tuple[str, int], RunRow]:
        """The study's runs by fingerprint and seed: all, or those of one fingerprint."""
        query = sa.select(_runs).where(_runs.c.study == self.study)
        if fingerprint is not None:
            query = query.where(_runs.c.fingerprint == fingerprint)
        rows = [row_of(row) for row in self._database.mappings(query)]
        return {(row.fingerprint, row.seed): row for row in rows}

    def standing(self) -> tuple[int, dict[tuple[str, int], str]]:
        """How many of the study's runs have ended, and who else holds which under a live lease.

        Two light queries: what the runs came to is not read.
        """
        ended = sa.select(sa.func.count()).where(_runs.c.study == self.study, _runs.c.state.in_(ENDED))
        held = sa.select(_runs.c.fingerprint, _runs.c.seed, _runs.c.owner).where(
            _runs.c.study == self.study,
            _runs.c.state == "RUNNING",
            _runs.c.owner != self.owner,
            sa.not_(self._has_lapsed()),
        )

        def read(connection: sa.Connection) -> tuple[int, dict[tuple[str, int], str]]:
            n_ended = connection.execute(ended).scalar_one()
            return n_ended, {(row[0], row[1]): row[2] for row in connection.execute(held)}

        found = self._database.read(read)
        if not self._database.is_server:
            leave_to_another_host(found[1].values(), self.owner)
        return found

    def refuse_other_hosts(self) -> None:
        """Raises UserError where sessions of another host use this file; a server may be used by all."""
        if not self._database.is_server:
            refuse_other_hosts(self._database, self.owner)

    def claim(self, fingerprint: str, seed: int, trial: int, workload: str) -> Claim | None:
        """The run, if nobody holds it and it has no result.

        A row that is ours already is one that we were not told of: the server's answer was lost.
        """
        free = sa.or_(_runs.c.owner == self.owner, self._has_lapsed())
        columns = (_runs.c.state, _runs.c.owner, _runs.c.attempt, free)
        found = self._database.one(sa.select(*columns).where(self._is(fingerprint, seed)))
        if found is None:
            return self._claim_new(fingerprint, seed, trial, workload)
        state, owner, attempt, is_free = found
        if state == "INTERRUPTED" or (state == "RUNNING" and is_free):
            follows = None if state == "INTERRUPTED" else str(owner)
            return self._claim_again(Claim(fingerprint, seed, int(attempt) + 1, follows))
        return None

    def _claim_new(self, fingerprint: str, seed: int, trial: int, workload: str) -> Claim | None:
        claim = Claim(fingerprint, seed, 1)
        row = {"study": self.study, "fingerprint": fingerprint, "seed": seed, "trial": trial, "attempt": 1}
        insert = sa.insert(_runs).values(**row, workload=workload, result="{}", **self._taken())
        try:
            self._database.write(lambda connection: connection.execute(insert))
        except sa.exc.IntegrityError:
            return claim if self._is_held(claim) else None
        return claim

    def _claim_again(self, claim: Claim) -> Claim | None:
        """The next attempt, unless somebody else has begun it since we looked."""
        before = sa.and_(self._is(claim.fingerprint, claim.seed), _runs.c.attempt == claim.attempt - 1)
        lapsed = sa.or_(_runs.c.owner == self.owner, self._has_lapsed())
        free = sa.or_(_runs.c.state == "INTERRUPTED", sa.and_(_runs.c.state == "RUNNING", lapsed))
        update = sa.update(_runs).where(before, free).values(attempt=claim.attempt, **self._taken())
        return claim if self._database.changed(update) == 1 or self._is_held(claim) else None

    def reopen(
        self, states: Collection[str], is_kept: Callable[[Mapping[str, Any]], bool] = lambda result: False
    ) -> int:
        """Have the study's runs that ended in one of `states` tried again; how many.

        Not those whose stored result `is_kept`.
        """
        query = sa.select(_runs).where(_runs.c.study == self.study, _runs.c.state.in_(states))
        ended = [row for row in map(row_of, self._database.mappings(query)) if not is_kept(row.result)]
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

        def write(connection: sa.Connection) -> None:
            for row in ended:
                connection.execute(again, {"of": row.fingerprint, "on": row.seed})

        self._database.write(write)
        return len(ended)

    def release(self, is_gone: Callable[[str], bool]) -> int:
        """End the leases of owners that `is_gone` knows to be dead; how many."""
        running = sa.and_(_runs.c.study == self.study, _runs.c.state == "RUNNING")
        owners = self._database.scalars(sa.select(_runs.c.owner).where(running).distinct())
        gone = [owner for owner in owners if is_gone(owner)]
        update = sa.update(_runs).where(running, _runs.c.owner.in_(gone)).values(expires=0.0)
        return self._database.changed(update) if gone else 0

    def renew(self, claims: Collection[Claim] = ()) -> list[Claim]:
        """Push back the expiry of all that this owner runs; those of `claims` that are no longer its own."""
        mine = sa.and_(_runs.c.study == self.study, _runs.c.owner == self.owner, _runs.c.state == "RUNNING")
        if self._database.changed(sa.update(_runs).where(mine).values(expires=NOW + LEASE_S)) == len(claims):
            return []
        held = sa.select(_runs.c.fingerprint, _runs.c.seed, _runs.c.attempt).where(mine)
        still = {Claim(*row) for row in self._database.read(lambda c: c.execute(held).all())}
        return [claim for claim in claims if claim not in still]

    def settle(self, claim: Claim, state: str, result: Mapping[str, Any], owner: str | None = None) -> bool:
        """Write a run's outcome and give up its lease; False when the claim is not, or no longer, `owner`'s.

        By default the owner is this session.
        """
        theirs = sa.and_(
            self._is(claim.fingerprint, claim.seed),
            _runs.c.owner == (owner or self.owner),
            _runs.c.attempt == claim.attempt,
        )
        update = sa.update(_runs).where(theirs).values(state=state, result=json.dumps(result), expires=0.0)
        return self._database.changed(update) == 1

    def left_behind(self) -> list[tuple[RunRow, str]]:
        """Runs under lapsed leases, each with the owner of its lease."""
        query = sa.select(_runs).where(
            _runs.c.study == self.study, _runs.c.state == "RUNNING", self._has_lapsed()
        )
        return [(row_of(row), str(row["owner"])) for row in self._database.mappings(query)]

    def adopt(self, row: RunRow, workload: str) -> None:
        """Write down a run that another database knew; one that is known here stays as it is."""
        stored = {**asdict(row), "result": json.dumps(row.result), "study": self.study}
        values = {**stored, "owner": self.owner, "expires": 0.0, "workload": workload}
        with suppress(sa.exc.IntegrityError):
            self._database.write(lambda connection: connection.execute(sa.insert(_runs).values(values)))

    def looks(self, split: str) -> tuple[Look, ...]:
        """The confirmations that the study has been judged by on the data of digest `split`."""
        return looks.looks_at(self._database, self.study, split)

    def add_look(self, split: str, look: Look) -> None:
        """One more."""
        looks.add_look(self._database, self.study, split, look)

    def budgets(self, split: str) -> tuple[PairBudget, ...]:
        """The budgets of confirmation pairs that its winners have had on the data of digest `split`."""
        return looks.budgets_at(self._database, self.study, split)

    def add_budget(self, split: str, place: int, budget: PairBudget) -> None:
        """One more, at this place; what stands there already stays."""
        looks.add_budget(self._database, self.study, split, place, budget)

    def seconds_per_step(self, workload: str) -> float | None:
        """Mean seconds of a training step over complete runs of this workload, in any study."""
        steps, seconds, _ = self._trained(workload)
        return seconds / steps if steps else None

    def seconds_per_run(self, workload: str) -> float | None:
        """Mean seconds of a complete run of this workload, in any study: of those that tell no steps."""
        _, seconds, n_runs = self._trained(workload)
        return seconds / n_runs if n_runs else None

    def _trained(self, workload: str) -> tuple[int, float, int]:
        """Steps, seconds and number of the complete runs of this workload."""
        query = sa.select(_runs.c.result).where(_runs.c.workload == workload, _runs.c.state == "COMPLETE")
        results = [json.loads(text) for text in self._database.scalars(query)]
        steps = sum(result["steps_trained"] for result in results)
        return steps, sum(result["seconds"] for result in results), len(results)

    def turns(self, file: Path, timeout_s: float) -> Turns:
        """Turns of the study's sessions, wherever they run, at what `file` of its folder is the lock of."""
        return turns_in(self._database, self.study, file, timeout_s)

    def lock(self, file: Path, timeout_s: float) -> AbstractContextManager[None]:
        """What `file_lock` holds, against the study's sessions on other hosts as well."""
        return lock_in(self._database, self.study, file, timeout_s)

    def delete(self) -> None:
        """Remove the study from Optuna's tables and from ours; nothing happens when it is not there."""
        with suppress(KeyError):
            self._memory.delete_study(self._memory.get_study_id_from_name(self.study))

        def forget(connection: sa.Connection) -> None:
            connection.execute(sa.delete(_runs).where(_runs.c.study == self.study))
            looks.forget_looks(connection, self.study)
            connection.execute(sa.delete(_turns).where(_turns.c.study == self.study))

        self._database.write(forget)

    def close(self) -> None:
        """Let go of the database."""
        self._optuna.remove_session()
        self._engine.dispose()

    def _taken(self) -> dict[str, Any]:
        """What a row says that is claimed now."""
        return {"state": "RUNNING", "owner": self.owner, "expires": NOW + LEASE_S}

    def _has_lapsed(self) -> sa.ColumnElement[bool]:
        """Whether a lease has ended; one that nobody could renew lately goes on for as long again."""
        away_s = sa.bindparam("away_s", callable_=lambda: self._waiting.lately_away_s, type_=sa.Double)
        lapsed: sa.ColumnElement[bool] = _runs.c.expires < NOW - away_s
        return lapsed

    def _is_held(self, claim: Claim) -> bool:
        mine = sa.and_(_runs.c.owner == self.owner, _runs.c.attempt == claim.attempt)
        query = sa.select(_runs.c.state).where(self._is(claim.fingerprint, claim.seed), mine)
        return self._database.one(query) == ("RUNNING",)

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
        storage.delete()
