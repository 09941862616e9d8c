"""Slots that come and go in simulated time, for `benchmarks/scale.py`."""

import heapq
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from sweeper.messages import Alive, Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.results import RunKey
from sweeper.trial import JobSpec, Slot, member_facts

JOINING_S, RATE_PER_HOUR, AWAY_S, CHECKPOINT_S = 600.0, 0.05, 120.0, 60.0
SHORTEST_S, LONGEST_S = 180.0, 600.0
STEPS, N_BEATS = 1000, 5000


@dataclass
class OnSlot:
    """A job on a slot: when it started, where it went on from, when it will end; in seconds."""

    job: JobSpec
    since: float
    done_s: float
    ends: float


@dataclass
class Clock:
    """Simulated seconds, and the real ones that were spent outside of the executor."""

    now: float = 0.0
    own_s: float = 0.0
    beat_s: float = 0.0
    is_beat: bool = False
    look_s: float = 0.0
    n_looks: int = 0
    left: float = 0.0

    @contextmanager
    def outside(self) -> Iterator[float]:
        """Within, time is not the loop's; so many seconds it took since the last time."""
        since = time.perf_counter() - self.left
        if self.is_beat:
            self.beat_s, self.is_beat = self.beat_s + since, False
        else:
            self.own_s += since
        yield since
        self.left = time.perf_counter()

    def looked(self, look: Callable[[], bool]) -> Callable[[], bool]:
        """The same look at what other sessions do, its time kept apart."""

        def timed() -> bool:
            with self.outside():
                began = time.perf_counter()
                found = look()
                self.look_s += time.perf_counter() - began
                self.n_looks += 1
            return found

        return timed


class Fleet:
    """An executor whose slots come and go in simulated time."""

    def __init__(self, n_slots: int, clock: Clock) -> None:
        self._n_slots, self._n_beats = n_slots, N_BEATS
        self.idle_s = self.slot_s = 0.0
        self.n_events = self.n_moves = 0
        self.is_wanted: Callable[[], bool] = lambda: True
        self._clock, self._random = clock, random.Random(0)
        self._slots: dict[int, Slot] = {}
        self._seen: tuple[Slot, ...] = ()
        self._has_changed = False
        self._jobs: dict[int, OnSlot] = {}
        self._where: dict[str, int] = {}
        self._done_s: dict[RunKey, float] = {}
        self._length_s: dict[RunKey, float] = {}
        self._due: list[tuple[float, int, Callable[[], list[Message]]]] = []
        self._order, self._index = count(), count()
        self._said: list[Message] = []
        for n in range(n_slots):
            self._at(n * JOINING_S / n_slots, self._join)

    @property
    def slots(self) -> Sequence[Slot]:
        """Those that the loop was shown last."""
        return self._seen

    @property
    def n_running(self) -> int:
        """The runs that are on a slot."""
        return len(self._jobs)

    def news(self) -> list[str]:
        """Nothing."""
        return []

    def submit(self, slot: Slot, job: JobSpec) -> None:
        """A run begins, or goes on from its last checkpoint."""
        with self._clock.outside() as took_s:
            self._pass(self._clock.now + took_s)
            run = job.members[0]
            key = run.trial, run.seed
            length = self._length_s.setdefault(key, self._random.uniform(SHORTEST_S, LONGEST_S))
            done_s = self._done_s.get(key, 0.0)
            ends = self._clock.now + length - done_s
            self._jobs[slot.index] = OnSlot(job, self._clock.now, done_s, ends)
            step = int(STEPS * done_s / length)
            facts = member_facts(job, run)
            self._said.append(Started(**facts, resumed_step=step, total_steps=STEPS, device="cpu"))
            self._at(ends, lambda: self._finish(slot.index, job))
            self._at((self._clock.now + ends) / 2, lambda: self._report(slot.index, job))

    def receive(self, timeout_s: float) -> list[Message]:
        """What is due within so many simulated seconds, at most one thing at a time."""
        with self._clock.outside() as took_s:
            self._pass(self._clock.now + took_s)
            if self._n_beats and len(self._jobs) == self._n_slots and not self._said:
                return [self._beat()]
            said, self._said = self._said, []
            until = self._clock.now + timeout_s
            while not said and self._due and self._due[0][0] <= until:
                said += self._next()
            if not said:
                self._pass(until)  # a slot that joins is seen when the loop looks again
            if self._has_changed:
                self._seen, self._has_changed = tuple(self._slots.values()), False
            self.n_events += len(said)
        return said

    def reply(self, message: Message, reply: Reply) -> None:
        """A run goes on."""
        assert reply == "continue"

    def stop(self, job_id: str) -> None:
        """Never."""
        raise AssertionError("nobody stops")

    def kill(self, job_id: str, why: str) -> None:
        """Never."""
        raise AssertionError("nobody kills")

    def abandon(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def _beat(self) -> Message:
        """A sign of life, one a call: the least that can be told."""
        self._n_beats -= 1
        self._clock.is_beat = True
        job = next(iter(self._jobs.values())).job
        return Alive(**member_facts(job, job.members[0]), step=1)

    def _at(self, when: float, what: Callable[[], list[Message]]) -> None:
        heapq.heappush(self._due, (when, next(self._order), what))

    def _next(self) -> list[Message]:
        when, _, what = heapq.heappop(self._due)
        self._pass(max(when, self._clock.now))  # what came while the loop was busy is late
        return what()

    def _pass(self, when: float) -> None:
        n_idle, seconds = len(self._slots) - len(self._jobs), when - self._clock.now
        if n_idle and self.is_wanted():
            self.idle_s += n_idle * seconds
        self.slot_s += len(self._slots) * seconds
        self._clock.now = when

    def _join(self) -> list[Message]:
        index, self._has_changed = next(self._index), True
        self._slots[index] = Slot(index, "cpu", 1, f"n{index // 8} gpu {index % 8}")
        leaves = self._clock.now + self._random.expovariate(RATE_PER_HOUR / 3600)
        self._at(leaves, lambda: self._go(index))
        return []

    def _go(self, index: int) -> list[Message]:
        del self._slots[index]
        self._has_changed = True
        self._at(self._clock.now + AWAY_S, self._join)
        on = self._jobs.pop(index, None)
        if on is None:
            return []
        self.n_moves += 1
        run, is_told = on.job.members[0], self._random.random() < 0.5
        key = run.trial, run.seed
        trained = self._clock.now - on.since
        done_s = on.done_s + (trained if is_told else trained // CHECKPOINT_S * CHECKPOINT_S)
        self._done_s[key] = done_s
        facts = member_facts(on.job, run)
        if not is_told:
            return [Lost(**facts, reason="its host is gone", is_hosts=True)]
        step = int(STEPS * done_s / self._length_s[key])
        spent: dict[str, Any] = {"step": step, "steps_trained": step, "seconds": trained}
        return [Stopped(**facts, why="interrupted", reason="its host was preempted", **spent)]

    def _report(self, index: int, job: JobSpec) -> list[Message]:
        if (on := self._jobs.get(index)) is None or on.job is not job:
            return []
        facts = member_facts(job, job.members[0])
        return [Reported(**facts, step=STEPS // 2, metrics={"val/auc": 0.5}, steps_per_s=1.0)]

    def _finish(self, index: int, job: JobSpec) -> list[Message]:
        if (on := self._jobs.get(index)) is None or on.job is not job:
            return []
        del self._jobs[index]
        self.idle_s += self._clock.now - on.ends
        facts = member_facts(job, job.members[0])
        steps: dict[str, Any] = {"best_step": STEPS, "steps_trained": STEPS, "steps_inherited": 0}
        metrics = {"val/auc": random.Random(facts["trial"]).random(), "test/auc": 0.5}
        return [Finished(**facts, metrics=metrics, **steps, seconds=1.0, ended_by="max_steps")]
