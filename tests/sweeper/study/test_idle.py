"""When a session leaves its study to others, on a fake executor with simulated time."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.errors import StudyError
from sweeper.layout import StudyFolder
from sweeper.messages import Message
from sweeper.results import Objective, Policy, RunResult
from sweeper.search.pruning import NoPruning
from sweeper.storage.outcomes import read_outcome
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import Storage, open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.jobs import job_for
from sweeper.study.loop import Hooks, Limits, StudyLoop
from sweeper.study.retries import left_to
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.study.test_loop import FakeExecutor, Heard, Ledger, Never

TRIALS = [plain_trial(number) for number in range(3)]


def loop_of(
    storage: Storage, folder: StudyFolder, executor: FakeExecutor, idle_s: float | None, heard: Heard
) -> StudyLoop:
    rules = Policy((0,), (), (Objective("auc", "maximize"),), None, 1.0, n_candidates=2)

    def job_of(spec: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        run, needs = folder.run(spec, seed), DeviceNeeds(device="cpu", n_threads=1)
        run.path.mkdir(parents=True, exist_ok=True)
        parts = RunParts(spec.config, folder.path, "task", ())
        return job_for("s", spec, seed, attempt, run, parts, needs)

    table = RunTable(rules, RunBook(storage, folder, lambda spec: "w"), Never(), Ledger())
    limits = Limits(grace_s=5.0, n_retries=0, idle_s=idle_s, now=lambda: executor.now)
    loop = StudyLoop(table, executor, Hooks(job_of, NoPruning(), heard), limits, Interrupt())
    for spec in TRIALS:
        table.add(spec)
    return loop


class Ends(FakeExecutor):
    """At simulated second `at` another session settles the runs of all trials that it holds."""

    def __init__(self, theirs: RunBook, at: float, trials: Sequence[TrialSpec]) -> None:
        super().__init__(2, dict.fromkeys(range(3), 4.0))
        self._theirs, self._at, self._left = theirs, at, list(trials)

    def receive(self, timeout_s: float) -> list[Message]:
        while self._left and self.now >= self._at:
            trial = self._left.pop()
            self._theirs.settle(trial, RunResult(trial.number, 0, "COMPLETE", metrics={"val/auc": 0.9}))
        return super().receive(timeout_s)


@pytest.mark.parametrize(("idle_s", "leaves"), [(20.0, True), (60.0, False), (None, False)])
def test_a_session_leaves_once_others_have_held_all_that_is_left_for_so_long(
    tmp_path: Path, idle_s: float | None, leaves: bool
) -> None:
    """It trains trial 0 for 4 s; another session holds 1 and 2 until second 40."""
    url, folder, heard = f"sqlite:///{tmp_path}/studies.db", StudyFolder(tmp_path / "s"), Heard()
    with open_storage(url, "s", "me") as mine, open_storage(url, "s", "node:7:r:1:x") as others:
        theirs = RunBook(others, folder, lambda spec: "w")
        assert [theirs.claim(trial, 0) for trial in TRIALS[1:]] == [1, 1]
        executor = Ends(theirs, 40.0, TRIALS[1:])
        loop = loop_of(mine, folder, executor, idle_s, heard)
        loop.work_off(loop.table.wanted_screening, asks=False)
    assert len(loop.begun) == 1
    if leaves:
        assert executor.now == pytest.approx(24.0, abs=2)
        assert "conclude the study: node:7 (2 runs)" in str(loop.left_because)
        assert loop.is_stopping
        assert loop.stopped_because is None
    else:
        assert loop.left_because is None
        assert len(loop.table.runs) == 3


def test_a_session_that_has_no_slot_does_not_say_that_others_hold_its_runs(
    tmp_path: Path,
) -> None:
    class Slotless(FakeExecutor):
        def receive(self, timeout_s: float) -> list[Message]:
            if self.now > 100:
                raise KeyboardInterrupt
            return super().receive(timeout_s)

    heard, folder = Heard(), StudyFolder(tmp_path / "s")
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as mine:
        loop = loop_of(mine, folder, Slotless(0, {}), 20.0, heard)
        with pytest.raises(KeyboardInterrupt):
            loop.work_off(loop.table.wanted_screening, asks=False)
    assert (loop.left_because, heard.warnings) == (None, [])


def test_of_many_sessions_the_first_few_are_named() -> None:
    said = left_to({f"n{number}:1": 9 - number for number in range(7)}, 60.0)
    assert said == (
        "nothing was left to start for 60 s (study.idle_s); other sessions hold the runs that are left and "
        "conclude the study: n0:1 (9 runs), n1:1 (8 runs), n2:1 (7 runs), n3:1 (6 runs), n4:1 (5 runs) "
        "and 2 more sessions"
    )


def test_what_ends_while_the_database_is_away_for_good_is_kept_in_the_run_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs end at once: the first one finds the database gone, the other one's word was read already."""

    class AtOnce(FakeExecutor):
        def receive(self, timeout_s: float) -> list[Message]:
            begun = super().receive(timeout_s)
            return begun + super().receive(timeout_s) if self._ends and not self._begun else begun

    def away(*_: object) -> bool:
        raise StudyError("does not answer, and has for 300 s")

    folder = StudyFolder(tmp_path / "s")
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as mine:
        loop = loop_of(mine, folder, AtOnce(2, dict.fromkeys(range(3), 4.0)), None, Heard())
        monkeypatch.setattr(mine, "settle", away)
        with pytest.raises(StudyError, match="does not answer"):
            loop.work_off(loop.table.wanted_screening, asks=False)
        loop.keep_last_words()
    kept = {trial.number: read_outcome(folder.run(trial, 0)) for trial in TRIALS}
    assert {number: outcome.row.state for number, outcome in kept.items() if outcome} == {
        0: "COMPLETE",
        1: "COMPLETE",
    }
