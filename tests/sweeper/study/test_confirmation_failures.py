"""A verdict depends on what the runs came to, never on how many there were at a time, or in which order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.messages import Failed, Finished, Message
from sweeper.results import Objective, Policy, StudyResult, Totals
from sweeper.search.pruning import NoPruning
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec, member_facts
from sweeper.verdict import judge
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.study.test_loop import FakeExecutor, Heard, Ledger, Never

POLICY = Policy((0, 1), (1000, 1001, 1002, 1003), (Objective("auc", "maximize"),), None, 1.0, 2)
TRIALS = [plain_trial(number) for number in range(3)]


class Planned(FakeExecutor):
    """A run takes as long as its seed says, and fails where `failing` names it; trial 2 is best."""

    def __init__(self, n_slots: int, failing: set[tuple[int, int]], *, is_backwards: bool = False) -> None:
        super().__init__(n_slots, {})
        self.failing, self.is_backwards, self.ran = failing, is_backwards, []  # type: ignore[var-annotated]

    def submit(self, slot: Slot, job: JobSpec) -> None:
        run = job.members[0]
        self.ran.append((run.trial, run.seed))
        place = run.seed % 1000 + 4 * run.trial
        self._seconds = {run.trial: 20.0 - place if self.is_backwards else 1.0 + place}
        super().submit(slot, job)

    def _last_word(self, job: JobSpec) -> Message:
        run = job.members[0]
        facts = member_facts(job, run)
        if (run.trial, run.seed) in self.failing:
            return Failed(**facts, error="ValueError", reason="loss is nan")
        value = 0.5 + 0.1 * run.trial + 0.001 * (run.seed % 7)
        steps: dict[str, Any] = {"best_step": 1, "steps_trained": 2, "steps_inherited": 0, "seconds": 1.0}
        return Finished(
            **facts,
            metrics={"val/auc": value, "test/auc": value + 0.0005 * (run.seed % 3) * run.trial},
            **steps,
            ended_by="max_steps",
        )


def studied(
    folder: Path, executor: Planned, policy: Policy = POLICY, *, reopened: Sequence[str] = ()
) -> tuple[StudyLoop, StudyResult, Heard]:
    heard, places = Heard(), StudyFolder(folder / "s")

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        needs = DeviceNeeds(device="cpu", n_threads=1)
        return job_for(
            "s", spec, seed, attempt, places.run(spec, seed), RunParts(spec.config, folder, "task", ()), needs
        )

    with open_storage(f"sqlite:///{folder}/studies.db", "s", "me") as storage:
        storage.reopen(reopened)
        table = RunTable(policy, RunBook(storage, places, lambda spec: "w"), Never(), Ledger())
        limits = Limits(grace_s=5.0, n_retries=0, now=lambda: executor.now)
        loop = StudyLoop(table, executor, Hooks(job_of, NoPruning(), heard), limits, Interrupt())
        for spec in TRIALS:
            table.add(spec)
        loop.work_off(table.wanted_screening, asks=False)
        if not loop.is_stopping:
            loop.work_off(table.wanted_confirmation, asks=False)
        trials = table.results()
    facts: Mapping[str, Any] = {"study": "s", "task": "t", "data": {}, "config": {}, "provenance": {}}
    result = StudyResult(
        **facts,
        objectives=policy.objectives,
        seeds=policy.seeds,
        confirm_seeds=policy.confirm_seeds,
        confidence=0.95,
        min_effect=None,
        trials=trials,
        totals=Totals(),
    )
    return loop, result, heard


@pytest.mark.parametrize(
    "failing", [{(2, 1000)}, {(2, 1003)}, {(2, 1000), (2, 1002)}, {(2, 1001), (2, 1003)}]
)
def test_a_failed_confirmation_run_has_the_same_verdict_with_one_slot_and_with_six(
    tmp_path: Path, failing: set[tuple[int, int]]
) -> None:
    judged = []
    for name, n_slots, is_backwards in (("a", 1, False), ("b", 6, False), ("c", 6, True), ("d", 2, True)):
        (tmp_path / name).mkdir()
        executor = Planned(n_slots, failing, is_backwards=is_backwards)
        loop, result, _ = studied(tmp_path / name, executor)
        assert loop.stopped_because is None
        assert len(executor.ran) == 3 * 2 + 2 * 4
        judged.append((judge(result).verdict, judge(result).sentence))
    assert len(set(judged)) == 1
    verdict, sentence = judged[0]
    assert verdict == "not confirmed"
    assert f"candidate failed on {len(failing)} of 4 seeds ({min(failing)[1]}: loss is nan)" in sentence


def test_failed_runs_that_are_tried_again_complete_the_confirmation(tmp_path: Path) -> None:
    studied(tmp_path, Planned(2, {(2, 1001)}))
    again = Planned(2, set())
    _, result, _ = studied(tmp_path, again)
    assert again.ran == []
    assert judge(result).verdict == "not confirmed"
    third = Planned(2, set())
    _, result, _ = studied(tmp_path, third, reopened=["FAILED"])
    assert third.ran == [(2, 1001)]
    assert judge(result).verdict == "better"


def test_a_failed_confirmation_run_takes_no_screening_seed_from_an_extended_study(tmp_path: Path) -> None:
    studied(tmp_path, Planned(2, {(2, 1001)}))
    longer = Policy(**{**POLICY.__dict__, "seeds": (0, 1, 2)})
    executor = Planned(2, set())
    _, result, _ = studied(tmp_path, executor, longer)
    assert {(0, 2), (1, 2), (2, 2)} == set(executor.ran)
    assert [trial.state for trial in result.trials] == ["COMPLETE"] * 3


@pytest.mark.parametrize("n_slots", [1, 6])
@pytest.mark.parametrize("seed", [0, 1, 1001])
def test_a_baseline_that_fails_ends_the_study_with_what_to_do(
    tmp_path: Path, n_slots: int, seed: int
) -> None:
    class Obedient(Planned):
        def stop(self, job_id: str) -> None:
            self.kill(job_id, "told to")

    loop, result, heard = studied(tmp_path, Obedient(n_slots, {(0, seed)}))
    assert loop.stopped_because == (
        f"the baseline has failed on seed {seed} (loss is nan), so that nothing can be judged"
    )
    assert loop.is_hopeless
    assert f"stopping: {loop.stopped_because}" in heard.warnings
    assert judge(result).verdict == ("no result" if seed < 1000 else "not confirmed")
    again = Obedient(n_slots, set())
    assert studied(tmp_path, again)[0].stopped_because == loop.stopped_because
    assert again.ran == []
    whole, result, _ = studied(tmp_path, Obedient(n_slots, set()), reopened=["FAILED"])
    assert whole.stopped_because is None
    assert judge(result).verdict == "better"


def test_failures_of_the_confirmation_are_no_reason_to_stop(tmp_path: Path) -> None:
    """One of two candidates failed in the confirmation; none may in the screening."""
    strict = Policy(**{**POLICY.__dict__, "max_failure_rate": 0.0})
    loop, _, heard = studied(tmp_path, Planned(1, {(2, 1000), (2, 1001)}), strict)
    assert loop.stopped_because is None
    assert not [text for text in heard.warnings if "may)" in text]
