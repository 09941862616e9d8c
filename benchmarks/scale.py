"""The study loop at a size that no machine of ours has: simulated slots, simulated time, the real loop.

    python benchmarks/scale.py [--points 2500] [--seeds 4] [--slots 1000] [--profile FILE]

Runs of 3 to 10 minutes on slots that join over 10 minutes, one after another. Each slot is preempted at a
rate of 5 % an hour: half of the time its run leaves with a checkpoint, half of the time it is lost with its
host and goes on from the last of its checkpoints, one a minute. Another slot comes two minutes later.

- `idle_share`: the part of the slots' time in which they had nothing to do though runs were wanted. While the
  loop is busy, simulated time goes on as real time does; what a network and the start of a worker take is
  left out.
- `ms_per_event`: the loop's own time for each message, all that it does between two calls of the executor:
  what is wanted, which slot takes it, claims, results. Left out: Optuna's record of the trials, the files of
  a job, and the look at what other sessions do, every five seconds, whose cost stands beside. The table of
  runs is a file of SQLite (`..._sqlite`), or a dictionary. `..._small` has a tenth of the points and slots.
"""

import argparse
import cProfile
import heapq
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from sweeper.layout import StudyFolder
from sweeper.messages import Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.results import Objective, Policy, RunKey, RunResult, TrialResult
from sweeper.search import Draft
from sweeper.search.pruning import NoPruning
from sweeper.storage import RunBook, open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec, member_facts
from sweeper.watch.tracker import NoTracker

JOINING_S, RATE_PER_HOUR, AWAY_S, CHECKPOINT_S = 600.0, 0.05, 120.0, 60.0
SHORTEST_S, LONGEST_S = 180.0, 600.0
STEPS = 1000


@dataclass(frozen=True)
class Size:
    """How many points, seeds of each, and slots."""

    n_points: int
    n_seeds: int
    n_slots: int

    @property
    def tenth(self) -> "Size":
        """A tenth of the points and of the slots."""
        return replace(self, n_points=self.n_points // 10, n_slots=self.n_slots // 10)


@dataclass(frozen=True)
class Found:
    """What one simulated study came to; `moves` are runs that left a slot, `own_s` the loop's own seconds."""

    n_runs: int
    n_events: int
    n_moves: int
    idle_share: float
    own_s: float
    ms_per_look: float
    hours: float

    @property
    def ms_per_event(self) -> float:
        """The loop's own milliseconds for each message."""
        return 1000 * self.own_s / self.n_events


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
    look_s: float = 0.0
    n_looks: int = 0
    left: float = 0.0

    @contextmanager
    def outside(self) -> Iterator[float]:
        """Within, time is not the loop's; so many seconds it took since the last time."""
        since = time.perf_counter() - self.left
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


@dataclass
class InMemory:
    """A book of runs without a database, for one session."""

    folder: StudyFolder
    runs: dict[str, dict[int, RunResult]] = field(default_factory=dict)
    attempts: dict[RunKey, int] = field(default_factory=dict)

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        """Results by run, of equal fingerprints too."""
        return {
            (trial.number, seed): run
            for trial in trials
            for seed, run in self.runs.get(trial.fingerprint, {}).items()
        }

    def look(self) -> bool:
        """There are no others."""
        return False

    def claim(self, trial: TrialSpec, seed: int) -> int | None:
        """The attempt number."""
        key = trial.number, seed
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return self.attempts[key]

    def settle(self, trial: TrialSpec, result: RunResult) -> bool:
        """Always kept."""
        if result.state != "INTERRUPTED":
            self.runs.setdefault(trial.fingerprint, {})[result.seed] = result
        return True

    def renew(self) -> list[RunKey]:
        """Nothing is ever lost."""
        return []

    def kept_alive(self) -> Any:
        """Nothing to do."""
        return nullcontext()


class Points:
    """Asked for one trial after another."""

    def __init__(self, n: int) -> None:
        self._trials = iter([_trial(number) for number in range(n)])
        self.n_left = n

    def ask(self) -> TrialSpec | None:
        """The next one."""
        self.n_left -= bool(self.n_left)
        return next(self._trials, None)

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """None."""
        return []


class Ledger:
    """An optimizer that is told in vain."""

    def mark_screened(self, numbers: set[int]) -> None:
        """Nothing."""

    def tell(self, result: TrialResult, values: Sequence[float] | None) -> None:
        """Nothing."""


def _trial(number: int) -> TrialSpec:
    facts: Mapping[str, Any] = {
        "params": {"x": number},
        "overrides": (f"x={number}",),
        "config": {"x": number},
    }
    role = "candidate" if number else "baseline"
    return TrialSpec(
        number=number,
        name=f"x={number}",
        role=role,  # type: ignore[arg-type]
        prunable=number > 0,
        fingerprint=f"{number:032d}",
        max_steps=STEPS,
        **facts,
    )


def simulated(size: Size, folder: Path, *, has_database: bool, profile: Path | None = None) -> Found:
    """A whole screening of that size."""
    clock = Clock()
    fleet = Fleet(size.n_slots, clock)
    study = StudyFolder(folder / "s")
    opened = open_storage(f"sqlite:///{folder}/studies.db", "s", "me") if has_database else nullcontext()
    with opened as storage:
        book: Any = InMemory(study) if storage is None else RunBook(storage, study, lambda trial: "w")
        seeds = tuple(range(size.n_seeds))
        objectives = (Objective("auc", "maximize"),)
        policy = Policy(seeds, (), objectives, None, 1.0, n_candidates=size.n_points - 1)
        table = RunTable(policy, book, Points(size.n_points), Ledger())

        def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
            needs, parts = DeviceNeeds(device="cpu", n_threads=1), RunParts({}, folder, "task", ())
            return job_for("s", spec, seed, attempt, study.run(spec, seed), parts, needs)

        limits = Limits(grace_s=5.0, n_retries=0, now=lambda: clock.now)
        loop = StudyLoop(table, fleet, Hooks(job_of, NoPruning(), NoTracker()), limits, Interrupt())
        n_runs = size.n_points * size.n_seeds
        fleet.is_wanted = lambda: len(table.runs) + len(fleet._jobs) < n_runs
        profiler = cProfile.Profile()
        book.look = clock.looked(book.look)
        clock.left = time.perf_counter()
        with profiler if profile is not None else nullcontext():
            loop.work_off(table.wanted_screening, asks=True)
        if profile is not None:
            profiler.dump_stats(profile)
    assert {run.state for run in table.runs.values()} == {"COMPLETE"}
    assert len(table.runs) == n_runs
    idle_share = fleet.idle_s / fleet.slot_s
    ms_per_look = 1000 * clock.look_s / max(1, clock.n_looks)
    hours = clock.now / 3600
    return Found(n_runs, fleet.n_events, fleet.n_moves, idle_share, clock.own_s, ms_per_look, hours)


def main() -> None:
    """Simulate, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--points", type=int, default=2500, help="points of the grid, the baseline among them"
    )
    parser.add_argument("--seeds", type=int, default=4, help="runs of each")
    parser.add_argument("--slots", type=int, default=1000, help="slots")
    parser.add_argument("--profile", type=Path, help="where to write a profile of the large study in memory")
    arguments = parser.parse_args()
    size = Size(arguments.points, arguments.seeds, arguments.slots)
    found: dict[str, Found] = {}
    for suffix, of, has_database, profile in (
        ("_small", size.tenth, False, None),
        ("", size, False, arguments.profile),
        ("_small_sqlite", size.tenth, True, None),
        ("_sqlite", size, True, None),
    ):
        with tempfile.TemporaryDirectory() as temporary:
            one = simulated(of, Path(temporary), has_database=has_database, profile=profile)
        found[suffix] = one
        print(
            f"{of.n_slots:6d} slots {one.n_runs:7d} runs {'SQLite' if has_database else 'memory':7s}"
            f"{one.n_events:8d} events {one.n_moves:6d} moves  idle {100 * one.idle_share:5.2f} %  "
            f"{one.ms_per_event:6.3f} ms an event  {one.ms_per_look:6.2f} ms a look  "
            f"{one.hours:5.2f} h simulated",
            flush=True,
        )
    told = {f"ms_per_event{suffix}": round(one.ms_per_event, 4) for suffix, one in found.items()}
    print(json.dumps({"idle_share": round(found[""].idle_share, 5), **told}))


if __name__ == "__main__":
    main()
