"""One worker process for each device slot of this machine."""

from collections.abc import Sequence
from typing import Any

from sweeper.executors.devices import Placement
from sweeper.executors.pool import WorkerPool
from sweeper.executors.worker_process import WorkerProcess
from sweeper.trial import Runner, Slot


class LocalExecutor(WorkerPool):
    """Follows `executors.base.Executor`. Workers start when their slot gets its first job, or before."""

    def __init__(
        self,
        placements: Sequence[Placement],
        runner: Runner | None = None,
        n_expected: int = 0,
        **limits: Any,
    ) -> None:
        """`limits` are those of `WorkerPool`.

        `n_expected`: so many jobs of the kind `runner` will come soon. The workers of so many slots start.
        """
        super().__init__(**limits)
        self._runner = runner
        self._slots = tuple(placement.slot for placement in placements)
        self._environments = {placement.slot.index: placement.environment for placement in placements}
        for slot in self._slots[:n_expected] if runner is not None else ():
            self._workers[slot.index] = self.start_worker(slot)

    @property
    def slots(self) -> Sequence[Slot]:
        """All, always."""
        return self._slots

    def news(self) -> list[str]:
        """Nothing: these slots stay as they are."""
        return []

    def start_worker(self, slot: Slot) -> WorkerProcess:
        """A process with the slot's environment."""
        return WorkerProcess(self._environments[slot.index], self.hear, self.hear_end, self._runner)
