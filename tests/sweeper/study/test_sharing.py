"""Who trains what runs share: real loops on a fake executor that trains step by step, in simulated time."""

import heapq
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sweeper.layout import StudyFolder
from sweeper.messages import Alive, Finished, Lost, Message, Reply, Started
from sweeper.results import Objective, Policy
from sweeper.search.pruning import NoPruning
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.prefix_files import PrefixFiles, kind_of
from sweeper.study.prefix_tree import RunPath, Segment, length, steps_to_train
from sweeper.study.run_table import RunTable
from sweeper.study.sharing import MOST_LEFT, SharedPrefixes
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec, member_facts
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.study.test_loop import Heard, Ledger

TOTAL = 100


def run_path(*ends: int, name: str, total: int = TOTAL) -> RunPath:
    """A run that goes another way at each of `ends`, which one its letters say."""
    ways = [f" {end}{letter}" for end, letter in zip(ends, name, strict=False)]
    keys = ["".join(ways[:at]) for at in range(len(ends) + 1)]
    steps = (*ends, total)
    return RunPath(tuple(Segment(step, f"k{key}") for step, key in zip(steps, keys, strict=True)))


@dataclass
class Stepping:
    """One step a second. A run begins with a prefix that is there, and leaves what it is to leave.

    `dies`: trials whose first attempt is lost at a step.
    """

    slots: Sequence[Slot]
    dies: dict[int, int] = field(default_factory=dict)
    now: float = 0.0
    trained: dict[tuple[int, int], int] = field(default_factory=dict)
    idle: list[tuple[float, int]] = field(default_factory=list)
    busy: dict[str, Slot] = field(default_factory=dict)
    events: list[tuple[float, int, Message, str | None]] = field(default_factory=list)
    lengths: Mapping[int, int] = field(default_factory=dict)
    most_files: int = 0
    places: Iterator[int] = field(default_factory=count)
    root: Path = Path()

    def news(self) -> list[str]:
        return []

    def submit(self, slot: Slot, job: JobSpec) -> None:
        assert slot not in self.busy.values()
        self.busy[job.job_id] = slot
        run = job.members[0]
        begun = 0
        if job.start_from is not None:
            assert Path(job.start_from.path).exists(), "a run began with what was not there"
            begun = int(Path(job.start_from.path).stem.removeprefix("step"))
        common, total = member_facts(job, run), self.lengths[run.trial]
        self._at(begun, begun, Started(**common, resumed_step=begun, total_steps=total, device="cpu"))
        dies = self.dies.pop(run.trial, total + 1)
        for leave in job.leave:
            if not leave.is_model and leave.step <= dies:
                self._at(begun, leave.step, Alive(**common, step=leave.step), leave.path)
        if dies <= total:
            self._at(begun, dies, Lost(**common, reason="killed"))
            total = dies
        else:
            steps: dict[str, Any] = {"best_step": 1, "steps_trained": total - begun, "steps_inherited": begun}
            ended: dict[str, Any] = {"metrics": {"val/auc": 0.5}, "seconds": 1.0, "ended_by": "max_steps"}
            self._at(begun, total, Finished(**common, **steps, **ended))
        key = (run.trial, run.seed)
        self.trained[key] = self.trained.get(key, 0) + total - begun

    def _at(self, begun: int, step: int, message: Message, path: str | None = None) -> None:
        heapq.heappush(self.events, (self.now + step - begun, next(self.places), message, path))

    def receive(self, timeout_s: float) -> list[Message]:
        if not self.events:
            self.now += timeout_s
            return []
        at, _, message, path = heapq.heappop(self.events)
        self.idle.append((at - self.now, len(self.slots) - len(self.busy)))
        self.now = at
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(b"")
        self.most_files = max(self.most_files, len([*self.root.glob("prefixes/*/*/*/step*.pt")]))
        if isinstance(message, Finished | Lost):
            del self.busy[message.job_id]
        return [message]

    def reply(self, message: Message, reply: Reply) -> None:
        raise AssertionError("nothing was reported")

    def stop(self, job_id: str) -> None:
        raise AssertionError("nothing is stopped")

    def kill(self, job_id: str, why: str) -> None:
        raise AssertionError("nothing is killed")

    def abandon(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class OneByOne:
    """Trials that join when a slot is free."""

    n_alike = 0

    def __init__(self, trials: Sequence[TrialSpec]) -> None:
        self._left = list(trials)
        self.n_open_at_most = 0

    @property
    def n_left(self) -> int:
        return len(self._left)

    def ask(self) -> TrialSpec | None:
        return self._left.pop(0) if self._left else None

    def extend(self, drafts: Sequence[TrialSpec]) -> list[TrialSpec]:
        return []


def run_study(
    root: Path,
    paths: Sequence[RunPath],
    *,
    n_slots: int = 1,
    seeds: tuple[int, ...] = (0,),
    is_adaptive: bool = False,
    dies: dict[int, int] | None = None,
    confirm_seeds: tuple[int, ...] = (),
) -> Stepping:
    """A study of these runs, the first being the baseline's; how it was trained."""
    trials = [plain_trial(number) for number in range(len(paths))]
    executor = Stepping([Slot(index, "cpu", 1) for index in range(n_slots)], dies or {}, root=root / "s")
    executor.lengths = {number: length(path.path) for number, path in enumerate(paths)}
    policy = Policy(seeds, confirm_seeds, (Objective("auc", "maximize"),), None, 1.0, len(trials) - 1)
    folder = StudyFolder(root / "s")
    with open_storage(f"sqlite:///{root}/studies.db", "s", "me") as storage:
        asker = OneByOne(trials)
        table = RunTable(policy, RunBook(storage, folder, lambda spec: "w"), asker, Ledger())
        sharing = SharedPrefixes(
            PrefixFiles(folder.prefixes),
            table,
            trials[:1] if is_adaptive else trials,
            lambda trial: paths[trial.number],
            10,
            lambda trial, seed: folder.run(trial, seed).checkpoint,
            is_open=is_adaptive,
        )

        def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
            needs, parts = DeviceNeeds(device="cpu", n_threads=1), RunParts(spec.config, root, "task", ())
            job = job_for("s", spec, seed, attempt, folder.run(spec, seed), parts, needs)
            return sharing.shared(job, spec, slot)

        limits = Limits(grace_s=5.0, n_retries=1, now=lambda: executor.now)
        hooks = Hooks(job_of, NoPruning(), Heard(), sharing=sharing)
        loop = StudyLoop(table, executor, hooks, limits, Interrupt())
        loop.work_off(table.wanted_screening, asks=True, wanted_ahead=table.wanted_ahead)
        loop.work_off(table.wanted_confirmation, asks=False)
        assert {run.state for run in table.runs.values()} == {"COMPLETE"}
        assert len(table.runs) == len(trials) * len(seeds) + 2 * len(confirm_seeds)
    return executor


def optimum(paths: Sequence[RunPath], seeds: tuple[int, ...] = (0,)) -> int:
    return len(seeds) * steps_to_train([path.path for path in paths])


BASELINE = RunPath((Segment(TOTAL, "k"),), frozenset({20}))
GRID = [BASELINE, *(run_path(20, name=name) for name in "abcd"), *(run_path(10, name=name) for name in "ef")]


@pytest.mark.parametrize("n_slots", [1, 2, 5, 30])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_each_common_step_is_trained_once(n_slots: int, seeds: tuple[int, ...], tmp_path: Path) -> None:
    """100 for the baseline, 4 x 80 and 2 x 90: 600 of 700 steps a seed."""
    executor = run_study(tmp_path, GRID, n_slots=n_slots, seeds=seeds)
    assert sum(executor.trained.values()) == optimum(GRID, seeds) == 600 * len(seeds)


def test_a_baseline_that_is_confirmed_ahead_leaves_its_beginning_for_whoever_wins(tmp_path: Path) -> None:
    """The last candidate runs alone from 100 to 180 s, beside it the baseline on a fresh seed."""
    executor = run_study(tmp_path, GRID[:3], n_slots=2, confirm_seeds=(1000,))
    winner = next(number for number, seed in executor.trained if number and seed == 1000)
    assert executor.trained[0, 1000] == TOTAL
    assert executor.trained[winner, 1000] == TOTAL - 20
    assert executor.now == 260.0


def test_nothing_is_left_and_what_was_left_was_needed(tmp_path: Path) -> None:
    """Two steps at which runs part on each of three seeds."""
    executor = run_study(tmp_path, GRID, n_slots=3, seeds=(0, 1, 2))
    assert executor.most_files == 6
    assert not [*tmp_path.glob("s/prefixes/*/*")]


def test_runs_that_share_nothing_go_first_where_others_would_wait(tmp_path: Path) -> None:
    """Two slots: beside the baseline a run of its own starts at once, then forks follow."""
    alone = RunPath((Segment(TOTAL, "other"),))
    executor = run_study(tmp_path, [BASELINE, run_path(20, name="a"), alone], n_slots=2)
    assert executor.now == 180  # 100 and 80 on one slot, 100 on the other
    assert all(n == 0 for seconds, n in executor.idle if seconds and executor.now < 100)


def test_a_slot_that_waits_ends_no_run_later(tmp_path: Path) -> None:
    """A run that waits for its first 20 steps would have trained them meanwhile."""
    executor = run_study(tmp_path, [BASELINE, run_path(20, name="a")], n_slots=2)
    assert executor.now == 100
    assert sum(executor.trained.values()) == 180


def test_trials_that_arrive_one_at_a_time_begin_at_the_deepest_state_that_there_is(tmp_path: Path) -> None:
    """Nobody knows where they will part: the baseline leaves what its configuration names, step 20.

    The first candidate leaves its state at 30 for those like it; 25 begins at 20, and 60 at 30.
    """
    ends = (30, 25, 60)
    paths = [BASELINE, *(run_path(end, name=name) for end, name in zip(ends, "abc", strict=True))]
    executor = run_study(tmp_path, paths, is_adaptive=True)
    assert [executor.trained[number, 0] for number in range(4)] == [100, 80, 80, 70]
    assert not [*tmp_path.glob("s/prefixes/*/*")]


def test_a_sampler_is_asked_for_no_more_trials_than_there_are_slots(tmp_path: Path) -> None:
    paths = [BASELINE, *(run_path(20, name=name) for name in "abcdef")]
    executor = run_study(tmp_path, paths, n_slots=3, is_adaptive=True)
    assert sum(executor.trained.values()) == optimum(paths)


def test_where_the_run_that_leads_is_lost_another_one_leads(tmp_path: Path) -> None:
    """Lost at step 15, after it has left step 10; it begins there again, and leaves step 20."""
    executor = run_study(tmp_path, GRID, n_slots=2, dies={0: 15})
    assert executor.trained[0, 0] == 15 + 90
    assert sum(executor.trained.values()) == 15 + 90 + 4 * 80 + 2 * 90


def test_a_bounded_number_of_states_is_kept(tmp_path: Path) -> None:
    paths = [BASELINE, *(run_path(2 * at, name=chr(97 + at)) for at in range(1, 20))]
    executor = run_study(tmp_path, paths)
    assert executor.most_files == MOST_LEFT
    whole = sum(length(path.path) for path in paths)
    assert optimum(paths) <= sum(executor.trained.values()) < optimum(paths) + 0.1 * whole


paths_of_runs = st.lists(
    st.tuples(
        st.lists(st.integers(1, 30), max_size=2, unique=True),
        st.text("ab", min_size=2, max_size=2),
        st.integers(31, 40),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(paths_of_runs, st.integers(1, 3), st.integers(1, 2))
def test_a_grid_is_trained_in_the_fewest_steps_whatever_the_slots(
    drawn: list[tuple[list[int], str, int]], n_slots: int, n_seeds: int
) -> None:
    paths = [run_path(*sorted(ends), name=name, total=total) for ends, name, total in drawn]
    seeds = tuple(range(n_seeds))
    with tempfile.TemporaryDirectory() as folder:
        executor = run_study(Path(folder), paths, n_slots=n_slots, seeds=seeds)
        assert not [*Path(folder).glob("s/prefixes/*/*")]
    assert sum(executor.trained.values()) == optimum(paths, seeds)


def test_slots_of_one_kind_come_to_the_same_bits() -> None:
    slots = [Slot(0, "cuda:0", 2), Slot(1, "cuda:1", 2), Slot(2, "cpu", 2), Slot(3, "cpu", 1)]
    assert [kind_of(slot) for slot in slots] == ["cuda-2", "cuda-2", "cpu-2", "cpu-1"]
