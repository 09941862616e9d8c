"""A run as an MLflow store has it, and the contract of who writes runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sweeper.watch.tracked_curves import Update


@dataclass
class StoredRun:
    """What the store has of one run. The tags may not tell all that is there of the curves `unsure`.

    One that `is_deleted` in MLflow stays as it is: who deletes a run does not want it made anew.
    """

    run_id: str
    status: str
    start_ms: int
    artifacts: str
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    is_deleted: bool = False


class RunWriter(Protocol):
    """Writes runs. What it has written is there for others after `commit`, or before."""

    def create(self, experiment: str, tags: Mapping[str, str], start_ms: int) -> StoredRun:
        """A new run, under way."""

    def log(self, run: StoredRun, update: Update, params: Mapping[str, str]) -> None:
        """Add to a run. `params` are new."""

    def set_status(self, run: StoredRun, status: str, end_ms: int | None) -> None:
        """Change a run's status; `end_ms` is when it ended, None where it has not, or ends now."""

    def log_file(self, run: StoredRun, path: Path) -> None:
        """The file as an artifact."""

    def commit(self) -> None:
        """All or nothing of what was written since the last time."""

    def undo(self) -> None:
        """Of what was written since, nothing is kept that can be taken back."""
