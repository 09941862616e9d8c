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
- `us_per_beat`: the loop's own microseconds for a sign of life that comes alone, which each worker gives once
  a second; 5,000 of them once all slots are busy. To read it from its connection is left out.
"""

import argparse
import cProfile
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.fleet import N_BEATS, STEPS, Clock, Fleet
from sweeper.layout import StudyFolder
from sweeper.results import Objective, Policy, RunKey, RunResult, TrialResult
from sweeper.search import Draft
from sweeper.search.pruning import NoPruning
from sweeper.storage import RunBook, open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec
from sweeper.watch.tracker import NoTracker


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
    us_per_beat: float
    hours: float

    @property
    def ms_per_event(self) -> float:
        """The loop's own milliseconds for each message."""
        return 1000 * self.own_s / self.n_events


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

    n_alike = 0

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
        fleet.is_wanted = lambda: len(table.runs) + fleet.n_running < n_runs
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
    us_per_beat = 1e6 * clock.beat_s / N_BEATS
    counts = n_runs, fleet.n_events, fleet.n_moves
    return Found(*counts, idle_share, clock.own_s, ms_per_look, us_per_beat, hours)


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
            f"{one.us_per_beat:4.0f} us a sign of life  {one.hours:5.2f} h simulated",
            flush=True,
        )
    told = {f"ms_per_event{suffix}": round(one.ms_per_event, 4) for suffix, one in found.items()}
    shares = {"idle_share": round(found[""].idle_share, 5), "us_per_beat": round(found[""].us_per_beat, 1)}
    print(json.dumps(shares | told))


if __name__ == "__main__":
    main()
