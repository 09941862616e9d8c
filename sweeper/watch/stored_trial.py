"""What an MLflow store has of one trial."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.trial import TrialSpec
from sweeper.watch.stored_run import StoredRun
from sweeper.watch.study_facts import inactive_in

WORST_FIRST = ("RUNNING", "FAILED", "KILLED", "FINISHED")
"""Statuses of a trial's seeds; the first of these that one of them has is the trial's."""


@dataclass
class StoredTrial:
    """What the store has of a trial: its run, those of its seeds, the figures of the complete ones."""

    run: StoredRun | None = None
    seeds: dict[int, StoredRun] = field(default_factory=dict)
    figures: dict[int, dict[str, float]] = field(default_factory=dict)
    spec: TrialSpec | None = None
    inactive: set[str] = field(default_factory=set)

    def know(self, spec: TrialSpec) -> None:
        """From now on it is known what is tried."""
        if self.spec is None:
            self.spec, self.inactive = spec, inactive_in(spec)

    def counted(self, seeds: Iterable[int]) -> dict[int, dict[str, float]]:
        """The figures on these seeds; on all where it has none of them, as a trial of an attribution has."""
        screened = {seed: self.figures[seed] for seed in seeds if seed in self.figures}
        return screened or self.figures

    def status(self, n_seeds: int) -> str:
        """RUNNING until so many seeds have ended, unless one of them has ended badly."""
        found = {run.status for run in self.seeds.values()}
        worst = next((status for status in WORST_FIRST if status in found), "RUNNING")
        return "RUNNING" if worst == "FINISHED" and len(self.seeds) < n_seeds else worst
