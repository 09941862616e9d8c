"""The jobs that run now, and which slots that leaves free."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sweeper.results import RunKey
from sweeper.study.retries import Retries
from sweeper.trial import JobSpec, Slot, TrialSpec

Counted = TypeVar("Counted")


@dataclass
class Active:
    """A job that runs now; `reached` is the last step that it has reported, `step` the last known.

    `inherited`: the steps that another run has trained for it. `is_ahead`: it is of a phase to come.
    """

    slot: Slot
    job: JobSpec
    trial: TrialSpec
    seed: int
    since: float
    reached: int = 0
    step: int = 0
    pruned_because: str | None = None
    is_taken: bool = False
    inherited: int = 0
    is_needless: bool = False
    has_started: bool = False
    is_ahead: bool = False

    @property
    def key(self) -> RunKey:
        """The run."""
        return self.trial.number, self.seed

    @property
    def attempt(self) -> int:
        """Which attempt at the run this is."""
        return self.job.members[0].attempt


@dataclass(frozen=True)
class FreeSlots:
    """Where a job could start now: `slot` takes any run; each of `alone` waits for the run beside it."""

    slot: Slot | None = None
    alone: tuple[tuple[Slot, RunKey], ...] = ()

    def __bool__(self) -> bool:
        return self.slot is not None or bool(self.alone)


class ActiveJobs:
    """By their ids, with the slots that are there now.

    A run that has to be alone keeps others off its device, and waits until it is empty; where the device has
    left, it waits for another one. What happens to one job costs the same however many there are.
    """

    def __init__(self, retries: Retries) -> None:
        self.slots: Sequence[Slot] = ()
        self._retries = retries
        self._jobs: dict[str, Active] = {}
        self._keys: dict[RunKey, Active] = {}
        self._marks: Counter[tuple[str, int]] = Counter()
        self._on: Counter[str] = Counter()
        self._busy: set[int] = set()
        self._places: dict[int, int] = {}
        self._free: list[int] = []

    def __iter__(self) -> Iterator[Active]:
        return iter(tuple(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def keys(self) -> Collection[RunKey]:
        """The runs under way, as they are at any time."""
        return self._keys.keys()

    def see(self, slots: Sequence[Slot]) -> bool:
        """These slots are there now; whether they are others than before."""
        if slots is self.slots or slots == self.slots:
            return False
        self.slots = slots
        self._places = {slot.index: place for place, slot in enumerate(slots)}
        self._free = [place for place, slot in enumerate(slots) if slot.index not in self._busy]
        return True

    def add(self, active: Active) -> None:
        """One more."""
        self._jobs[active.job.job_id] = self._keys[active.key] = active
        self._marks[active.trial.fingerprint, active.seed] += 1
        self._on[active.slot.label] += 1
        self._busy.add(active.slot.index)
        if (place := self._places.get(active.slot.index)) is not None:
            del self._free[bisect_left(self._free, place)]

    def get(self, job_id: str, attempt: int) -> Active | None:
        """The job, unless it is of another attempt than the one that runs."""
        active = self._jobs.get(job_id)
        return active if active is not None and active.attempt == attempt else None

    def of(self, key: RunKey) -> Active | None:
        """The job that trains a run now, if there is one."""
        return self._keys.get(key)

    def remove(self, active: Active) -> None:
        """It has ended."""
        del self._jobs[active.job.job_id], self._keys[active.key]
        _count_down(self._marks, (active.trial.fingerprint, active.seed))
        _count_down(self._on, active.slot.label)
        self._busy.discard(active.slot.index)
        if (place := self._places.get(active.slot.index)) is not None:
            insort(self._free, place)

    def trains(self, trial: TrialSpec, seed: int) -> bool:
        """Whether this run, or another one that equals it, is under way."""
        return (trial.fingerprint, seed) in self._marks

    @property
    def n_free(self) -> int:
        """How many slots could start a job now."""
        return len(self._free)

    def free(self, wanted: Container[RunKey]) -> FreeSlots:
        """The first slot that could start any job now, and those where a run of `wanted` is to be alone."""
        if not self._free:
            return FreeSlots()
        waiting = self._waiting_alone(wanted)
        closed = self._closed(waiting)
        if not waiting and not closed:
            return FreeSlots(self.slots[self._free[0]])
        open_slots = [slot for place in self._free if (slot := self.slots[place]).label not in closed]
        first = next((slot for slot in open_slots if slot.label not in waiting), None)
        return FreeSlots(
            first, tuple((one, waiting[one.label]) for one in open_slots if one.label in waiting)
        )

    def _waiting_alone(self, wanted: Container[RunKey]) -> dict[str, RunKey]:
        """By device, the run that waits to be alone there."""
        keys = [key for key in self._retries.alone if key in wanted and key not in self._keys]
        if keys:
            labels = dict.fromkeys(slot.label for slot in self.slots)
            self._retries.move_alone(keys, sorted(labels, key=lambda label: self._on[label]))
        return self._retries.waiting_alone(keys)

    def _closed(self, waiting: Collection[str]) -> set[str]:
        """Devices that take no further job now."""
        held = {self._keys[key].slot.label for key in self._retries.alone if key in self._keys}
        return held | {label for label in waiting if label in self._on}


def _count_down(counts: Counter[Counted], one: Counted) -> None:
    counts[one] -= 1
    if not counts[one]:
        del counts[one]
