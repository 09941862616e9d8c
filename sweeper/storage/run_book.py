"""Which runs are known, claimed or settled: the study's view of the table of runs."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sweeper.findings import Look, PairBudget
from sweeper.layout import StudyFolder
from sweeper.results import ENDED, RunKey, RunResult
from sweeper.storage.outcomes import Outcome, keep_outcome, read_outcome
from sweeper.storage.owners import host_of, is_gone
from sweeper.storage.rows import Claim, RunRow
from sweeper.storage.storage import LEASE_S, Storage
from sweeper.trial import TrialSpec

RENEW_S = LEASE_S / 4
MOST_RENEWALS = 240
"""An hour: who takes longer hangs, and others may have what it holds."""
NOT_STORED = {"trial", "seed", "state", "attempt", "folder", "reused"}


class RunBook:
    """Claims runs before they start and settles them when they end; knows what is not worth running again."""

    def __init__(
        self,
        storage: Storage,
        folder: StudyFolder,
        workload_of: Callable[[TrialSpec], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` reads seconds; it says when to renew, the database's own says what has lapsed."""
        self._storage, self._folder, self._workload_of, self._clock = storage, folder, workload_of, clock
        self._claims: dict[RunKey, Claim] = {}
        self._renewed = clock()
        self._n_ended = 0
        self._held: dict[tuple[str, int], str] = {}

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        """Results of these trials' runs, whoever trained them; equal fingerprints share one."""
        known = list(trials)
        marks = {trial.fingerprint for trial in known}
        rows: dict[str, list[RunRow]] = {}
        for row in self._storage.runs(marks.pop() if len(marks) == 1 else None).values():
            if row.state in ENDED:
                rows.setdefault(row.fingerprint, []).append(row)
        return {
            (trial.number, row.seed): self._result(trial, row)
            for trial in known
            for row in rows.get(trial.fingerprint, [])
        }

    def look(self) -> bool:
        """Learn which runs others hold; whether any run has ended of which this book does not know.

        Who held one at the last look, and is a process of this machine that is no more, holds it no longer.
        """
        if any(is_gone(owner) for owner in set(self._held.values()) if owner):
            self._storage.release(is_gone)
        n_known = self._n_ended
        self._n_ended, self._held = self._storage.standing()
        return self._n_ended != n_known

    @property
    def holders(self) -> dict[str, int]:
        """By host and process, how many runs other sessions held at the last `look`."""
        return dict(Counter(host_of(owner) for owner in self._held.values() if owner))

    def claim(self, trial: TrialSpec, seed: int) -> int | None:
        """The attempt number of a run that is now ours, or None where somebody else has it.

        Who was told that somebody has it is told the same, without a query, until the next `look`. None as
        well where a session that is no more has trained it to its end, and could not say so any more.
        """
        if (trial.fingerprint, seed) in self._held:
            return None
        workload = self._workload_of(trial)
        claim = self._storage.claim(trial.fingerprint, seed, trial.number, workload)
        if claim is None:
            self._held[trial.fingerprint, seed] = ""
            return None
        if self._is_over(trial, claim):
            return None
        self._claims[trial.number, seed] = claim
        return claim.attempt

    def settle(self, trial: TrialSpec, result: RunResult) -> bool:
        """Write the outcome of a run we claimed; False, writing nothing, where the claim was lost."""
        self.keep(trial, result)
        claim = self._claims.pop((trial.number, result.seed), None)
        if claim is None or not self._storage.settle(claim, result.state, self._stored(trial, result)):
            return False
        self._n_ended += result.state in ENDED
        return True

    def keep(self, trial: TrialSpec, result: RunResult) -> None:
        """Write the outcome of a run we claimed into its folder, whatever becomes of the database."""
        claim = self._claims.get((trial.number, result.seed))
        if claim is not None and result.state in ENDED:
            storage, stored = self._storage, self._stored(trial, result)
            row = RunRow(claim.fingerprint, claim.seed, trial.number, result.state, claim.attempt, stored)
            keep_outcome(self._folder.run(trial, result.seed), Outcome(storage.study, storage.owner, row))

    def _is_over(self, trial: TrialSpec, claim: Claim) -> bool:
        """Whether the attempt before had ended, by its folder, and this session has settled it."""
        outcome = read_outcome(self._folder.run(trial, claim.seed))
        before = replace(claim, attempt=claim.attempt - 1)
        if outcome is None or not outcome.is_of(self._storage.study, before, claim.follows):
            return False
        return self._storage.settle(claim, outcome.row.state, outcome.row.result)

    def renew(self) -> list[RunKey]:
        """Keep our claims alive, and name those that others have taken over; cheap to call often."""
        now = self._clock()
        if not self._claims or now - self._renewed <= LEASE_S / 4:
            return []
        self._renewed = now
        lost = self._storage.renew(list(self._claims.values()))
        keys = [key for key, claim in self._claims.items() if claim in lost]
        for key in keys:
            del self._claims[key]
        return keys

    def looks(self, split: str) -> tuple[Look, ...]:
        """The confirmations that the study has been judged by on the data of digest `split`."""
        return self._storage.looks(split)

    def add_look(self, split: str, look: Look) -> None:
        """One more; a look that is known changes nothing."""
        self._storage.add_look(split, look)

    def budgets(self, split: str) -> tuple[PairBudget, ...]:
        """The budgets of confirmation pairs that its winners have had on the data of digest `split`."""
        return self._storage.budgets(split)

    def add_budget(self, split: str, place: int, budget: PairBudget) -> None:
        """One more, at this place; what stands there already stays."""
        self._storage.add_budget(split, place, budget)

    def lock(self, file: Path, timeout_s: float) -> AbstractContextManager[None]:
        """Hold `file` against all sessions of the study. Raises TimeoutError where another holds it."""
        return self._storage.lock(file, timeout_s)

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Within, our claims stay ours however long it takes: a thread renews them."""
        if not self._claims:
            yield
            return
        over = Event()
        thread = Thread(target=self._renew_until, args=(over,), name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _renew_until(self, over: Event) -> None:
        for _ in range(MOST_RENEWALS):
            if over.wait(RENEW_S):
                return
            # what is wrong with the database, its next user is told
            with suppress(Exception, KeyboardInterrupt):
                self._storage.renew()

    def adopt(self, trial: TrialSpec, result: RunResult) -> None:
        """Write down a run whose outcome is known from elsewhere than this table."""
        stored = self._stored(trial, result)
        row = RunRow(trial.fingerprint, result.seed, trial.number, result.state, result.attempt, stored)
        self._storage.adopt(row, self._workload_of(trial))

    def _stored(self, trial: TrialSpec, result: RunResult) -> dict[str, Any]:
        stored = {name: value for name, value in asdict(result).items() if name not in NOT_STORED}
        folder = result.folder or self._folder.run(trial, result.seed).path
        return {**stored, "folder": str(folder.relative_to(self._folder.path))}

    def _result(self, trial: TrialSpec, row: RunRow) -> RunResult:
        stored = {"incidents": (), **row.result}
        return RunResult(
            trial=trial.number,
            seed=row.seed,
            state=row.state,  # type: ignore[arg-type]  # the table holds what we wrote
            attempt=row.attempt,
            folder=self._folder.path / stored.pop("folder"),
            reused=row.trial != trial.number,
            incidents=tuple(stored.pop("incidents")),
            **stored,
        )
