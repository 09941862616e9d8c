"""Which runs are known, claimed or settled: the study's view of the table of runs."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeper.layout import StudyFolder
from sweeper.results import RunResult
from sweeper.run_state import RunKey
from sweeper.storage import LEASE_S, Claim, RunRow, Storage
from sweeper.trial import TrialSpec

NOT_STORED = {"trial", "seed", "state", "attempt", "folder", "reused"}


class RunBook:
    """Claims runs before they start and settles them when they end; knows what is not worth running again."""

    def __init__(
        self,
        storage: Storage,
        folder: StudyFolder,
        workload_of: Callable[[TrialSpec], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage, self._folder, self._workload_of, self._clock = storage, folder, workload_of, clock
        self._claims: dict[RunKey, Claim] = {}
        self._renewed = clock()

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        """Results of these trials' runs, whoever trained them; equal fingerprints share one."""
        known = list(trials)
        marks = {trial.fingerprint for trial in known}
        rows: dict[str, list[RunRow]] = {}
        for row in self._storage.runs(marks.pop() if len(marks) == 1 else None).values():
            if row.state in ("COMPLETE", "FAILED", "PRUNED"):
                rows.setdefault(row.fingerprint, []).append(row)
        return {
            (trial.number, row.seed): self._result(trial, row)
            for trial in known
            for row in rows.get(trial.fingerprint, [])
        }

    def claim(self, trial: TrialSpec, seed: int) -> int | None:
        """The attempt number of a run that is now ours, or None where somebody else has it."""
        workload = self._workload_of(trial)
        claim = self._storage.claim(trial.fingerprint, seed, trial.number, workload, self._clock())
        if claim is None:
            return None
        self._claims[trial.number, seed] = claim
        return claim.attempt

    def settle(self, trial: TrialSpec, result: RunResult) -> bool:
        """Write the outcome of a run we claimed; False, writing nothing, where the claim was lost."""
        claim = self._claims.pop((trial.number, result.seed))
        return self._storage.settle(claim, result.state, self._stored(result))

    def renew(self) -> None:
        """Keep our claims alive; cheap to call often."""
        now = self._clock()
        if self._claims and now - self._renewed > LEASE_S / 4:
            self._storage.renew(now)
            self._renewed = now

    def _stored(self, result: RunResult) -> dict[str, Any]:
        stored = {name: value for name, value in asdict(result).items() if name not in NOT_STORED}
        assert result.folder is not None
        return {**stored, "folder": str(result.folder.relative_to(self._folder.path))}

    def _result(self, trial: TrialSpec, row: RunRow) -> RunResult:
        stored = dict(row.result)
        folder = self._folder.path / stored.pop("folder")
        return RunResult(
            trial=trial.number,
            seed=row.seed,
            state=row.state,  # type: ignore[arg-type]  # the table holds what we wrote
            attempt=row.attempt,
            folder=Path(folder),
            reused=row.trial != trial.number,
            **stored,
        )
