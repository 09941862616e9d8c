"""The study loop on a fake executor with simulated time."""

import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.executors.base import Slot
from sweeper.interrupts import Interrupt
from sweeper.layout import StudyFolder
from sweeper.loop import StudyLoop
from sweeper.messages import Failed, Finished, Message, Reply
from sweeper.observers import Everyone
from sweeper.planning import job_for
from sweeper.results import Objective
from sweeper.run_book import RunBook
from sweeper.run_state import Policy, Wish, wanted_screening
from sweeper.storage import open_storage
from sweeper.trial import DeviceNeeds, JobSpec, TrialSpec
from tests.sweeper.plain_trials import plain_trial


class FakeExecutor:
    """Jobs take simulated seconds; `receive` jumps to the next end."""

    def __init__(
        self,
        n_slots: int,
        seconds: dict[int, float],
        failing: Sequence[int] = (),
        error: str = "ValueError",
    ) -> None:
        self._error = error
        self.slots: Sequence[Slot] = tuple(Slot(index, "cpu", 1) for index in range(n_slots))
        self.now, self.idle = 0.0, 0.0
        self._seconds, self._failing = seconds, failing
        self._ends: list[tuple[float, str, JobSpec]] = []

    def submit(self, slot: Slot, job: JobSpec) -> None:
        heapq.heappush(self._ends, (self.now + self._seconds[job.members[0].trial], job.job_id, job))

    def receive(self, timeout_s: float) -> list[Message]:
        if not self._ends:
            return []
        end, _, job = heapq.heappop(self._ends)
        self.idle += (end - self.now) * (len(self.slots) - len(self._ends) - 1)
        self.now = end
        return [self._last_word(job)]

    def _last_word(self, job: JobSpec) -> Message:
        run = job.members[0]
        common: dict[str, Any] = {
            "job_id": job.job_id,
            "trial": run.trial,
            "seed": run.seed,
            "attempt": run.attempt,
        }
        if run.trial in self._failing:
            return Failed(**common, error=self._error, reason="broken")
        return Finished(
            **common,
            metrics={"val/auc": 0.5},
            best_step=1,
            steps_trained=1,
            steps_inherited=0,
            seconds=1.0,
            ended_by="max_steps",
        )

    def reply(self, message: Message, reply: Reply) -> None:
        raise AssertionError("nothing was reported")

    def stop(self, job_id: str) -> None:
        """Jobs end when they end."""

    def close(self) -> None:
        """Nothing is held."""


class Never:
    """No further trials."""

    def ask(self) -> TrialSpec | None:
        return None


def run_loop(tmp_path: Path, executor: FakeExecutor, trials: Sequence[TrialSpec], **policy: Any) -> StudyLoop:
    given = {"max_failure_rate": 1.0, **policy}
    rules = Policy((0,), (), (Objective("auc", "maximize"),), None, n_candidates=len(trials) - 1, **given)
    folder = StudyFolder(tmp_path / "s")

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot) -> JobSpec:
        needs = DeviceNeeds(device="cpu", n_threads=1)
        return job_for("s", spec, seed, attempt, folder.run(spec, seed), tmp_path, needs)

    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        book = RunBook(storage, folder, lambda spec: "w")
        loop = StudyLoop(rules, book, executor, Everyone(), Interrupt(), job_of, lambda: None)
        for spec in trials:
            loop.add(spec)

        def wanted() -> Wish:
            return wanted_screening(list(loop.trials.values()), loop.runs, rules, all_asked=True)

        loop.work_off(wanted, Never())
    return loop


def test_a_free_slot_gets_the_next_job_at_once(tmp_path: Path) -> None:
    """Jobs of 4 1 4 1 4 1 s on two slots: the six take 9 s, where batches of two take 3 x 4 s = 12 s."""
    executor = FakeExecutor(2, {0: 4.0, 1: 1.0, 2: 4.0, 3: 1.0, 4: 4.0, 5: 1.0})
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(6)])
    assert len(loop.runs) == 6
    assert executor.now == pytest.approx(9.0)


def test_equal_fingerprints_run_once(tmp_path: Path) -> None:
    executor = FakeExecutor(2, {0: 1.0, 1: 1.0, 2: 1.0})
    loop = run_loop(tmp_path, executor, [plain_trial(0), plain_trial(1, "same"), plain_trial(2, "same")])
    assert loop.n_jobs == 2
    assert {key for key, run in loop.runs.items() if run.reused} == {(2, 0)}
    assert loop.runs[2, 0].metrics == loop.runs[1, 0].metrics


def test_a_failing_trial_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(3), 1.0), failing=[1])
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(3)])
    assert loop.runs[1, 0].state == "FAILED"
    assert loop.runs[1, 0].reason == "broken"
    assert loop.runs[2, 0].state == "COMPLETE"


def test_more_failures_than_allowed_stop_the_study(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(5), 1.0), failing=[1, 2, 3])
    loop = run_loop(tmp_path, executor, [plain_trial(number) for number in range(5)], max_failure_rate=0.25)
    assert loop.stopped_because == "2 failed trials, more than study.max_failure_rate allows (1)"
    assert (4, 0) not in loop.runs


def test_a_full_disk_stops_the_study_and_is_no_result_of_the_trial(tmp_path: Path) -> None:
    executor = FakeExecutor(1, dict.fromkeys(range(3), 1.0), failing=[1], error="DiskFullError")
    trials = [plain_trial(number) for number in range(3)]
    loop = run_loop(tmp_path, executor, trials)
    assert loop.stopped_because == "broken"
    assert (1, 0) not in loop.runs
    again = run_loop(tmp_path, FakeExecutor(1, dict.fromkeys(range(3), 1.0)), trials)
    assert [run.state for run in again.runs.values()] == ["COMPLETE"] * 3


def test_a_second_session_runs_nothing_again(tmp_path: Path) -> None:
    trials = [plain_trial(number) for number in range(3)]
    run_loop(tmp_path, FakeExecutor(1, dict.fromkeys(range(3), 1.0)), trials)
    again = run_loop(tmp_path, FakeExecutor(1, {}), trials)
    assert again.n_jobs == 0
    assert len(again.runs) == 3
