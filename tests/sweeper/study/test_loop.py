"""The study loop on a fake executor with simulated time."""

import heapq
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper.errors import OUT_OF_MEMORY, AskingError
from sweeper.layout import StudyFolder
from sweeper.messages import Failed, Finished, Lost, Message, Reply, Started
from sweeper.results import Objective, Policy, RunKey, RunResult, Runs, TrialResult
from sweeper.search.pruning import NoPruning, Pruning
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec, member_facts
from sweeper.watch.tracker import NoTracker
from tests.sweeper.plain_trials import plain_trial

Ending = Callable[[dict[str, Any]], Message]
"""The last message of a job, from what all its messages share."""


class FakeExecutor:
    """Jobs take simulated seconds; `receive` jumps to the next end.

    `endings`: by trial, how its attempts end, in order; what is not named finishes. `together` are the trials
    that ran at the same time on one device.
    """

    def __init__(
        self, slots: int | Sequence[Slot], seconds: Mapping[int, float], **endings: Sequence[Ending]
    ) -> None:
        made = [Slot(index, "cpu", 1) for index in range(slots)] if isinstance(slots, int) else slots
        self.slots: Sequence[Slot] = tuple(made)
        self.now, self.idle = 0.0, 0.0
        self.together: list[set[int]] = []
        self.stopped: set[str] = set()
        self._seconds = seconds
        self._endings = {int(name.removeprefix("t")): list(given) for name, given in endings.items()}
        self._ends: list[tuple[float, str, JobSpec, Slot]] = []
        self._begun: list[Message] = []

    def news(self) -> list[str]:
        return []

    def submit(self, slot: Slot, job: JobSpec) -> None:
        assert slot.index not in {other.index for _, _, _, other in self._ends}
        end = self.now + self._seconds[job.members[0].trial]
        heapq.heappush(self._ends, (end, job.job_id, job, slot))
        common = member_facts(job, job.members[0])
        self._begun.append(Started(**common, resumed_step=0, total_steps=9, device="cpu"))
        beside = {j.members[0].trial for _, _, j, other in self._ends if other.label == slot.label}
        self.together.append(beside)

    def receive(self, timeout_s: float) -> list[Message]:
        if self._begun:
            begun, self._begun = self._begun, []
            return begun
        if not self._ends:
            self.now += timeout_s
            return []
        end, _, job, _ = heapq.heappop(self._ends)
        self.idle += (end - self.now) * (len(self.slots) - len(self._ends) - 1)
        self.now = end
        return [self._last_word(job)]

    def _last_word(self, job: JobSpec) -> Message:
        run = job.members[0]
        endings = self._endings.get(run.trial)
        return (endings.pop(0) if endings else finished)(member_facts(job, run))

    def reply(self, message: Message, reply: Reply) -> None:
        raise AssertionError("nothing was reported")

    def stop(self, job_id: str) -> None:
        self.stopped.add(job_id)

    def kill(self, job_id: str, why: str) -> None:
        killed = [entry for entry in self._ends if entry[1] == job_id]
        self._ends = [entry for entry in self._ends if entry[1] != job_id]
        for _, _, job, slot in killed:
            self._endings[job.members[0].trial] = [lost(why)]
            heapq.heappush(self._ends, (self.now, job_id, job, slot))

    def abandon(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def finished(common: dict[str, Any]) -> Message:
    metrics = {"val/auc": 0.5}
    steps: dict[str, Any] = {"best_step": 1, "steps_trained": 1, "steps_inherited": 0, "seconds": 1.0}
    return Finished(**common, metrics=metrics, **steps, ended_by="max_steps")


def failed(error: str = "ValueError", reason: str = "broken") -> Ending:
    return lambda common: Failed(**common, error=error, reason=reason)


def lost(reason: str) -> Ending:
    return lambda common: Lost(**common, reason=reason)


class Never:
    """No further trials."""

    n_left = 0
    n_alike = 0

    def ask(self) -> TrialSpec | None:
        return None

    def extend(self, drafts: Sequence[TrialSpec]) -> list[TrialSpec]:
        return []


class Ledger:
    """An optimizer that is told in vain."""

    def mark_screened(self, numbers: set[int]) -> None:
        """Nothing."""

    def tell(self, result: TrialResult, values: Sequence[float] | None) -> None:
        """Nothing."""


class Heard(NoTracker):
    """An observer that keeps what it was warned of, and how runs ended."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.ended: list[RunResult] = []

    def warned(self, text: str) -> None:
        self.warnings.append(text)

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        self.ended.append(run)


def run_loop(
    tmp_path: Path,
    executor: FakeExecutor,
    trials: Sequence[TrialSpec],
    *,
    retries: int = 0,
    timeout_s: float | None = None,
    observer: Heard | None = None,
    pruning: Pruning | None = None,
    interrupt: Interrupt | None = None,
    at_leisure: Callable[[], None] = lambda: None,
    **policy: Any,
) -> StudyLoop:
    given = {"max_failure_rate": 1.0, **policy}
    rules = Policy((0,), (), (Objective("auc", "maximize"),), None, n_candidates=len(trials) - 1, **given)
    folder = StudyFolder(tmp_path / "s")

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        needs = DeviceNeeds(device="cpu", n_threads=1)
        return job_for(
            "s",
            spec,
            seed,
            attempt,
            folder.run(spec, seed),
            RunParts(spec.config, tmp_path, "task", ()),
            needs,
        )

    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        table = RunTable(rules, RunBook(storage, folder, lambda spec: "w"), Never(), Ledger())
        loop = StudyLoop(
            table,
            executor,
            Hooks(job_of, pruning or NoPruning(), observer or Heard(), at_leisure=at_leisure),
            Limits(grace_s=5.0, n_retries=retries, timeout_s=timeout_s, now=lambda: executor.now),
            interrupt or Interrupt(),
        )
        for spec in trials:
            table.add(spec)
        loop.work_off(table.wanted_screening, asks=False)
    return loop


def test_a_free_slot_gets_the_next_job_at_once(tmp_path: Path) -> None:
    """Jobs of 4 1 4 1 4 1 s on two slots: the six take 9 s, where batches of two take 3 x 4 s = 12 s."""
    executor = FakeExecutor(2, {0: 4.0, 1: 1.0, 2: 4.0, 3: 1.0, 4: 4.0, 5: 1.0})
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(6)])
    assert len(loop.table.runs) == 6
    assert executor.now == pytest.approx(9.0)


def test_leisure_is_when_runs_train_and_nothing_is_left_for_a_slot(tmp_path: Path) -> None:
    """Three runs of 4, 1 and 4 s on two slots: from 4 s on the first has none."""
    executor, at = FakeExecutor(2, {0: 4.0, 1: 1.0, 2: 4.0}), list[float]()
    trials = [plain_trial(number) for number in range(3)]
    run_loop(tmp_path, executor, trials, at_leisure=lambda: at.append(executor.now))
    assert at
    assert set(at) == {4.0}
    at.clear()
    run_loop(tmp_path, executor, trials, at_leisure=lambda: at.append(executor.now))
    assert at == []  # nothing to train


def test_equal_fingerprints_run_once(tmp_path: Path) -> None:
    executor = FakeExecutor(2, {0: 1.0, 1: 1.0, 2: 1.0})
    loop = run_loop(tmp_path, executor, [plain_trial(0), plain_trial(1, "same"), plain_trial(2, "same")])
    assert len(loop.begun) == 2
    assert {key for key, run in loop.table.runs.items() if run.reused} == {(2, 0)}
    assert loop.table.runs[2, 0].metrics == loop.table.runs[1, 0].metrics


def test_a_failing_trial_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(3), 1.0), t1=[failed()])
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(3)])
    assert loop.table.runs[1, 0].state == "FAILED"
    assert loop.table.runs[1, 0].reason == "broken"
    assert loop.table.runs[2, 0].state == "COMPLETE"


def test_more_failures_than_allowed_stop_the_study(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(5), 1.0), t1=[failed()], t2=[failed()], t3=[failed()])
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(5)], max_failure_rate=0.25)
    assert loop.stopped_because == "2 failed candidates, more than study.max_failure_rate allows (1)"
    assert (4, 0) not in loop.table.runs


@pytest.mark.parametrize("error", ["DiskFullError", "DeviceError"])
def test_what_all_would_meet_stops_the_study_and_is_no_result_of_the_trial(
    tmp_path: Path, error: str
) -> None:
    """A full disk; a device that is not there."""
    executor = FakeExecutor(1, dict.fromkeys(range(3), 1.0), t1=[failed(error)])
    trials = [plain_trial(number) for number in range(3)]
    loop = run_loop(tmp_path, executor, trials)
    assert loop.stopped_because == "broken"
    assert (1, 0) not in loop.table.runs
    again = run_loop(tmp_path, FakeExecutor(1, dict.fromkeys(range(3), 1.0)), trials)
    assert [run.state for run in again.table.runs.values()] == ["COMPLETE"] * 3


def test_a_second_session_runs_nothing_again(tmp_path: Path) -> None:
    trials = [plain_trial(number) for number in range(3)]
    run_loop(tmp_path, FakeExecutor(1, dict.fromkeys(range(3), 1.0)), trials)
    again = run_loop(tmp_path, FakeExecutor(1, {}), trials)
    assert len(again.begun) == 0
    assert len(again.table.runs) == 3


def test_a_run_whose_worker_died_is_tried_again_and_what_happened_is_kept(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(2), 1.0), t1=[lost("killed"), lost("killed")])
    loop = run_loop(tmp_path, executor, [plain_trial(0), plain_trial(1)], retries=2)
    assert loop.table.runs[1, 0].state == "COMPLETE"
    assert loop.table.runs[1, 0].attempt == 3
    assert loop.table.runs[1, 0].incidents == (
        "attempt 1: killed, at step 0; tried again from its last checkpoint",
        "attempt 2: killed, at step 0; tried again from its last checkpoint",
    )


def test_what_went_wrong_in_a_run_that_finished_is_kept(tmp_path: Path) -> None:
    def odd(common: dict[str, Any]) -> Message:
        return finished(common).model_copy(update={"incidents": ("examples left out",)})

    executor = FakeExecutor(1, dict.fromkeys(range(2), 1.0), t1=[lost("killed"), odd])
    loop = run_loop(tmp_path, executor, [plain_trial(0), plain_trial(1)], retries=2)
    assert loop.table.runs[1, 0].incidents == (
        "attempt 1: killed, at step 0; tried again from its last checkpoint",
        "examples left out",
    )


def test_a_run_that_dies_again_and_again_without_progress_has_failed(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(3), 1.0), t1=[lost("killed")] * 9)
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(3)], retries=2)
    assert loop.table.runs[1, 0].state == "FAILED"
    assert loop.table.runs[1, 0].reason == "killed, at step 0; 3 times without progress"
    assert loop.table.runs[2, 0].state == "COMPLETE"


def test_a_run_out_of_memory_is_tried_again_alone_on_its_device(tmp_path: Path) -> None:
    """Four slots on two devices. Trial 1 does not fit: it gets its device to itself, the other works on."""
    slots = [Slot(index, "cuda:0", 1, f"gpu {index % 2}") for index in range(4)]
    seconds = {number: 1.0 + number / 10 for number in range(12)}
    executor = FakeExecutor(slots, seconds, t1=[failed(OUT_OF_MEMORY, "too large.")])
    heard = Heard()
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(12)], observer=heard)
    assert {run.state for run in loop.table.runs.values()} == {"COMPLETE"}
    (device,) = {run.device for run in heard.ended if run.trial == 1}
    with_trial_1 = [trials for trials in executor.together if 1 in trials]
    assert len(with_trial_1[0]) + len(with_trial_1[1]) > 2  # the first time it had a neighbour
    assert with_trial_1[-1] == {1}
    assert loop.table.runs[1, 0].incidents == (f"attempt 1: too large. Tried again alone on {device}.",)


def test_a_run_that_does_not_even_fit_alone_has_failed(tmp_path: Path) -> None:
    too_large = failed(OUT_OF_MEMORY, "too large.")
    executor = FakeExecutor(2, dict.fromkeys(range(4), 1.0), t1=[too_large, too_large])
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(4)])
    assert loop.table.runs[1, 0].state == "FAILED"
    assert loop.table.runs[1, 0].reason == "too large. It had cpu to itself."
    assert loop.table.runs[3, 0].state == "COMPLETE"


def test_jobs_that_do_not_leave_in_time_are_killed_and_resumed_later(tmp_path: Path) -> None:
    """Ctrl-C before a job of an hour has reported anything: told to stop, killed after 5 s of grace."""

    class Impatient(FakeExecutor):
        def receive(self, timeout_s: float) -> list[Message]:
            if not self._begun and (not self._ends or self._ends[0][0] > self.now + timeout_s):
                interrupt.received = signal.SIGINT
                self.now += timeout_s
                return []
            return super().receive(timeout_s)

    interrupt = Interrupt()
    executor = Impatient(1, {0: 3600.0})
    loop = run_loop(tmp_path, executor, [plain_trial(0)], interrupt=interrupt)
    assert executor.stopped == {"0-0-1"}
    assert 5 <= executor.now < 10
    assert loop.table.runs == {}
    again = run_loop(tmp_path, FakeExecutor(1, {0: 1.0}), [plain_trial(0)])
    assert again.table.runs[0, 0].attempt == 2


def test_what_pruning_thinks_hopeless_is_never_started_and_its_trial_is_pruned(tmp_path: Path) -> None:
    class NotTheSecond(NoPruning):
        def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
            return "no hope" if trial.number == 2 else None

    executor = FakeExecutor(1, {0: 1.0, 1: 1.0})
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(3)], pruning=NotTheSecond())
    assert (loop.table.runs[2, 0].state, loop.table.runs[2, 0].reason) == ("PRUNED", "no hope")
    assert loop.table.runs[2, 0].steps_trained == 0
    assert len(loop.begun) == 2


def test_no_run_starts_once_the_time_is_over_and_those_that_run_end(tmp_path: Path) -> None:
    """Two slots, runs of 3 s, a limit of 4 s: the third and fourth begin at 3 s, the fifth would at 6 s."""
    executor = FakeExecutor(2, dict.fromkeys(range(6), 3.0))
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(6)], timeout_s=4.0)
    assert sorted(number for number, _ in loop.table.runs) == [0, 1, 2, 3]
    assert {run.state for run in loop.table.runs.values()} == {"COMPLETE"}
    assert loop.is_time_up
    assert not loop.is_stopping


def test_a_thousand_runs_leave_eight_slots_idle_for_less_than_3_percent_of_the_time(tmp_path: Path) -> None:
    """Lognormal durations, sigma 1. Batches of eight wait for their slowest on the same draws."""
    draw = random.Random(0)
    seconds = {number: draw.lognormvariate(0.0, 1.0) for number in range(1000)}
    executor = FakeExecutor(8, seconds)
    run_loop(tmp_path, executor, [plain_trial(number) for number in range(1000)])
    idle_rate = executor.idle / (8 * executor.now)
    batches = [[seconds[n] for n in range(first, first + 8)] for first in range(0, 1000, 8)]
    batch_idle_rate = 1 - sum(seconds.values()) / sum(8 * max(batch) for batch in batches)
    assert sum(seconds.values()) + executor.idle == pytest.approx(8 * executor.now)
    assert idle_rate < 0.03
    assert batch_idle_rate > 0.5


def test_a_point_that_cannot_be_trained_has_failed_and_is_given_to_nobody(tmp_path: Path) -> None:
    executor = FakeExecutor(1, {0: 1.0, 2: 1.0})
    trials = [plain_trial(number) for number in range(3)]
    trials[1] = trials[1].model_copy(update={"refused": "aux.gama: no such parameter"})
    loop = run_loop(tmp_path, executor, trials)
    assert (loop.table.runs[1, 0].state, loop.table.runs[1, 0].reason) == ("FAILED", trials[1].refused)
    assert {key for key, run in loop.table.runs.items() if run.state == "COMPLETE"} == {(0, 0), (2, 0)}
    again = run_loop(tmp_path, FakeExecutor(1, {}), trials)
    assert again.table.runs[1, 0].state == "FAILED"


def test_points_that_cannot_be_trained_count_as_failures(tmp_path: Path) -> None:
    trials = [plain_trial(0), *(plain_trial(n).model_copy(update={"refused": "no"}) for n in range(1, 5))]
    loop = run_loop(tmp_path, FakeExecutor(1, {0: 1.0}), trials, max_failure_rate=0.5)
    assert loop.stopped_because == "3 failed candidates, more than study.max_failure_rate allows (2)"


class WithAnother(FakeExecutor):
    """While our jobs run, another session finishes runs of its own: at simulated seconds, these trials."""

    def __init__(
        self, url: str, folder: StudyFolder, finishes: Mapping[float, TrialSpec], slots: int
    ) -> None:
        super().__init__(slots, dict.fromkeys(range(99), 10.0))
        self._url, self._folder, self._finishes = url, folder, dict(finishes)

    def receive(self, timeout_s: float) -> list[Message]:
        due = [at for at in self._finishes if at <= self.now]
        with open_storage(self._url, "s", "other") as storage:
            book = RunBook(storage, self._folder, lambda spec: "w")
            for trial in (self._finishes.pop(at) for at in due):
                assert book.claim(trial, 0) is not None
                book.settle(trial, RunResult(trial.number, 0, "COMPLETE", metrics={"val/auc": 0.9}))
        return super().receive(timeout_s)


def test_a_session_with_work_of_its_own_learns_what_others_finish_meanwhile(tmp_path: Path) -> None:
    """Six runs of 10 s on one slot. At 0, 10 and 20 s another session has finished the last three."""
    trials = [plain_trial(number) for number in range(6)]
    known_at: dict[int, set[int]] = {}

    class Knowing(Heard):
        def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
            known_at[trial.number] = {number for number, _ in table[0].runs}

    table: list[RunTable] = []
    add = RunTable.add

    def remembered(self: RunTable, trial: TrialSpec) -> None:
        table[:] = [self]
        add(self, trial)

    executor = WithAnother(
        f"sqlite:///{tmp_path}/studies.db",
        StudyFolder(tmp_path / "s"),
        {0.0: trials[5], 10.0: trials[4], 20.0: trials[3]},
        slots=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunTable, "add", remembered)
        loop = run_loop(tmp_path, executor, trials, observer=Knowing())
    assert sorted(known_at) == [0, 1, 2]  # each run was trained once, by one of the two
    assert known_at == {0: {0}, 1: {0, 1, 5}, 2: {0, 1, 2, 4, 5}}  # of the last it learns right after
    assert {number for number, _ in loop.table.runs} == set(range(6))
    assert executor.now == 30.0


def test_a_sampler_that_fails_ends_the_study_with_what_it_has(tmp_path: Path) -> None:
    class Failing(Never):
        n_left = 1

        def ask(self) -> TrialSpec | None:
            raise AskingError("Broken failed to propose a trial (RuntimeError: singular)")

    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        rules = Policy((0,), (), (Objective("auc", "maximize"),), None, 1.0, n_candidates=2)
        book = RunBook(storage, StudyFolder(tmp_path / "s"), lambda spec: "w")
        table = RunTable(rules, book, Failing(), Ledger())
        hooks = Hooks(lambda *_: pytest.fail("nothing to train"), NoPruning(), Heard())
        loop = StudyLoop(table, FakeExecutor(1, {}), hooks, Limits(5.0, 0), Interrupt())
        loop.work_off(table.wanted_screening, asks=True)
    assert loop.stopped_because == "Broken failed to propose a trial (RuntimeError: singular)"


class OnePair:
    """One pair is enough, once it is there; of four."""

    def settled(self, baseline: TrialResult, best: TrialResult) -> None: ...

    def walked(self, baseline: TrialResult, best: TrialResult) -> Any:
        is_there = 1000 in baseline.runs and 1000 in best.runs
        return SimpleNamespace(seeds=(1000,) if is_there else (1000, 1001, 1002, 1003))


def test_pairs_that_the_verdict_does_not_need_are_stopped_or_never_begun(tmp_path: Path) -> None:
    """Four slots have two pairs, and one of the third when the first decides."""
    executor, heard = FakeExecutor(4, {0: 1.0, 1: 1.0}), Heard()
    rules = Policy(
        (0,), (1000, 1001, 1002, 1003), (Objective("auc", "maximize"),), None, 1.0, 1, is_sequential=True
    )
    folder, needs = StudyFolder(tmp_path / "s"), DeviceNeeds(device="cpu", n_threads=1)

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        parts = RunParts(spec.config, tmp_path, "task", ())
        return job_for("s", spec, seed, attempt, folder.run(spec, seed), parts, needs)

    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        book = RunBook(storage, folder, lambda spec: "w")
        table = RunTable(rules, book, Never(), Ledger(), OnePair())  # type: ignore[arg-type]
        hooks = Hooks(job_of, NoPruning(), heard)
        loop = StudyLoop(table, executor, hooks, Limits(5.0, 0, now=lambda: executor.now), Interrupt())
        table.add(plain_trial(0))
        table.add(plain_trial(1))
        loop.work_off(table.wanted_screening, asks=True)
        loop.work_off(table.wanted_confirmation, asks=False)
    assert 1003 not in {seed for _, seed in loop.table.runs}
    assert len(executor.stopped) >= 2  # the fake one ends them all the same
    assert table.policy.confirm_seeds == (1000,)


def confirmed(
    tmp_path: Path,
    executor: FakeExecutor,
    n_trials: int,
    *,
    heard: Heard | None = None,
    interrupt: Interrupt | None = None,
) -> list[RunKey]:
    """A study of one seed and two pairs, from screening to its end; its runs as they ended."""
    heard, folder = heard or Heard(), StudyFolder(tmp_path / "s")
    rules = Policy((0,), (1000, 1001), (Objective("auc", "maximize"),), None, 1.0, n_trials - 1)
    needs, limits = DeviceNeeds(device="cpu", n_threads=1), Limits(5.0, 0, now=lambda: executor.now)

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        parts = RunParts(spec.config, tmp_path, "task", ())
        return job_for("s", spec, seed, attempt, folder.run(spec, seed), parts, needs)

    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        table = RunTable(rules, RunBook(storage, folder, lambda spec: "w"), Never(), Ledger())
        hooks = Hooks(job_of, NoPruning(), heard)
        loop = StudyLoop(table, executor, hooks, limits, interrupt or Interrupt())
        for number in range(n_trials):
            table.add(plain_trial(number))
        loop.work_off(table.wanted_screening, asks=True, wanted_ahead=table.wanted_ahead)
        if not loop.is_stopping:
            loop.work_off(table.wanted_confirmation, asks=False)
    return [(run.trial, run.seed) for run in heard.ended]


def test_an_idle_slot_confirms_the_baseline_while_the_last_candidate_is_screened(tmp_path: Path) -> None:
    """The second slot is free from 1 s on, the screening over at 10 s: the winner's two runs are left."""
    executor = FakeExecutor(2, {0: 1.0, 1: 1.0, 2: 9.0})
    ended = confirmed(tmp_path, executor, 3)
    assert ended.index((0, 1001)) < ended.index((2, 0))
    assert executor.now == 11.0
    assert len(ended) == len(set(ended)) == 7


def test_the_winner_is_confirmed_without_waiting_for_what_runs_ahead(tmp_path: Path) -> None:
    """Screened after 5 s, while the baseline's pair runs from 4 to 8 s: 27 s of work end after 15 s."""
    executor = FakeExecutor(2, {0: 4.0, 1: 5.0})
    confirmed(tmp_path, executor, 2)
    assert executor.now == 15.0


def test_what_runs_ahead_is_stopped_like_any_run(tmp_path: Path) -> None:
    executor, interrupt = FakeExecutor(2, {0: 1.0, 1: 10.0}), Interrupt()

    class Telling(Heard):
        def run_started(self, trial: TrialSpec, started: Started, slot: Slot) -> None:
            if started.seed == 1000:
                interrupt.received = signal.SIGTERM

    ended = confirmed(tmp_path, executor, 2, heard=Telling(), interrupt=interrupt)
    assert len(executor.stopped) == 2
    assert set(ended) == {(0, 0), (1, 0), (0, 1000)}
