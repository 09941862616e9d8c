"""One worker process for each device slot of this machine."""

from collections.abc import Sequence
from typing import Any

from sweeper.executors.devices import Placement
from sweeper.executors.pool import WorkerPool
from sweeper.executors.worker_process import WorkerProcess
from sweeper.trial import Slot


class LocalExecutor(WorkerPool):
    """Follows `executors.base.Executor`. Workers start when their slot gets its first job."""

    def __init__(self, placements: Sequence[Placement], **limits: Any) -> None:
        """`limits` are those of `WorkerPool`."""
        super().__init__(**limits)
        self._slots = tuple(placement.slot for placement in placements)
        self._environments = {placement.slot.index: placement.environment for placement in placements}

    @property
    def slots(self) -> Sequence[Slot]:
        """All, always."""
        return self._slots

    def news(self) -> list[str]:
        """Nothing: these slots stay as they are."""
        return []

    def start_worker(self, slot: Slot) -> WorkerProcess:
        """A process with the slot's environment."""
        return WorkerProcess(self._environments[slot.index], self.hear, self.hear_end)
