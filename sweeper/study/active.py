"""The jobs that run now, and which slots that leaves free."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.results import RunKey
from sweeper.study.retries import Retries
from sweeper.trial import JobSpec, Slot, TrialSpec


@dataclass
class Active:
    """A job that runs now; `reached` is the last step that it has reported, `step` the last known."""

    slot: Slot
    job: JobSpec
    trial: TrialSpec
    seed: int
    since: float
    reached: int = 0
    step: int = 0
    pruned_because: str | None = None
    is_taken: bool = False
    has_started: bool = False

    @property
    def key(self) -> RunKey:
        """The run."""
        return self.trial.number, self.seed

    @property
    def attempt(self) -> int:
        """Which attempt at the run this is."""
        return self.job.members[0].attempt


class ActiveJobs:
    """By their ids. A run that has to be alone keeps others off its device, and waits until it is empty."""

    def __init__(self, slots: Sequence[Slot], retries: Retries) -> None:
        self._slots, self._retries = slots, retries
        self._jobs: dict[str, Active] = {}

    def __iter__(self) -> Iterator[Active]:
        return iter(tuple(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, active: Active) -> None:
        """One more."""
        self._jobs[active.job.job_id] = active

    def get(self, job_id: str, attempt: int) -> Active | None:
        """The job, unless it is of another attempt than the one that runs."""
        active = self._jobs.get(job_id)
        return active if active is not None and active.attempt == attempt else None

    def remove(self, active: Active) -> None:
        """It has ended."""
        del self._jobs[active.job.job_id]

    def trains(self, trial: TrialSpec, seed: int) -> bool:
        """Whether this run, or another one that equals it, is under way."""
        return any((job.trial.fingerprint, job.seed) == (trial.fingerprint, seed) for job in self)

    def free(self, wanted: Sequence[RunKey]) -> dict[Slot, RunKey | None]:
        """Slots that could start a job now, each with the run of `wanted` that is to be alone there."""
        busy = {job.slot.index for job in self}
        closed = {
            job.slot.label
            for job in self
            if self._retries.is_alone(job.key) or self._next_alone(job.slot, wanted) is not None
        }
        return {
            slot: self._next_alone(slot, wanted)
            for slot in self._slots
            if slot.index not in busy and slot.label not in closed
        }

    def _next_alone(self, slot: Slot, wanted: Sequence[RunKey]) -> RunKey | None:
        running = {job.key for job in self}
        return self._retries.waiting_for(slot.label, [key for key in wanted if key not in running])
