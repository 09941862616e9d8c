"""The study loop over slots that join late, leave with their runs, and are taken away."""

import signal
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from sweeper.messages import Lost, Message, Stopped
from sweeper.results import RunResult
from sweeper.study.interrupts import Interrupt
from sweeper.study.loop import StudyLoop
from sweeper.trial import JobSpec, Slot, TrialSpec, member_facts
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.study.test_loop import Ending, FakeExecutor, Heard, run_loop


def host(index: int) -> Slot:
    return Slot(index, "cpu", 1, f"n{index}")


class Fleet(FakeExecutor):
    """Slots come and leave at simulated seconds; a run is lost with its slot.

    `news`: what is said at the first question.
    """

    def __init__(
        self,
        seconds: Mapping[int, float],
        come: Mapping[float, Slot],
        leave: Mapping[float, Slot] | None = None,
        news: Sequence[str] = (),
        **endings: Sequence[Ending],
    ) -> None:
        super().__init__([], seconds, **endings)
        self._changes = sorted(
            [(at, True, slot) for at, slot in come.items()]
            + [(at, False, slot) for at, slot in (leave or {}).items()],
            key=lambda change: change[0],
        )
        self._news = list(news)

    def news(self) -> list[str]:
        news, self._news = self._news, []
        return news

    def receive(self, timeout_s: float) -> list[Message]:
        if self._begun:
            return super().receive(timeout_s)
        next_end = self._ends[0][0] if self._ends else self.now + timeout_s
        if self._changes and self._changes[0][0] <= next_end:
            return self._change(*self._changes.pop(0))
        return super().receive(timeout_s)

    def _change(self, at: float, comes: bool, slot: Slot) -> list[Message]:
        self.now = at
        self.slots = (*self.slots, slot) if comes else tuple(s for s in self.slots if s != slot)
        gone = [entry for entry in self._ends if not comes and entry[3] == slot]
        self._ends = [entry for entry in self._ends if entry not in gone]
        return [host_gone(member_facts(job, job.members[0])) for _, _, job, _ in gone]


def host_gone(common: dict[str, Any]) -> Message:
    return Lost(**common, reason="n1 is gone", is_hosts=True)


def preempted(common: dict[str, Any]) -> Message:
    spent: dict[str, Any] = {"step": 4, "steps_trained": 4, "seconds": 1.0}
    return Stopped(**common, why="interrupted", reason="n1 was preempted", **spent)


class Listening(Heard):
    """Keeps what it was told of slots, too."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.seen: list[list[str]] = []

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def slots_changed(self, slots: tuple[Slot, ...]) -> None:
        self.seen.append([slot.label for slot in slots])


def trials(n: int) -> list[TrialSpec]:
    return [plain_trial(number) for number in range(n)]


def states(loop: StudyLoop) -> set[str]:
    return {run.state for run in loop.table.runs.values()}


def test_a_study_waits_for_its_first_slot_and_says_so_once(tmp_path: Path) -> None:
    """Nobody is there for 90 s, and again for 50 s between two hosts: no end of the study, no warning."""
    fleet = Fleet(dict.fromkeys(range(4), 10.0), {90.0: host(1), 170.0: host(2)}, {120.0: host(1)})
    heard = Listening()
    loop = run_loop(tmp_path, fleet, trials(4), observer=heard)
    assert states(loop) == {"COMPLETE"}
    assert heard.notes == [
        "no slot is there yet; the study goes on when one comes",
        "no slot is left; the study goes on when one comes",
    ]
    assert heard.warnings == []
    assert heard.seen == [[], ["n1"], [], ["n2"]]
    assert loop.slots.first_slot_s == pytest.approx(90.0)
    assert loop.slots.waited_s == pytest.approx(90.0 + 50.0)


def test_what_the_executor_says_of_its_slots_is_told_and_nothing_besides(tmp_path: Path) -> None:
    fleet = Fleet({0: 1.0}, {30.0: host(1)}, news=["start agents with this line"])
    heard = Listening()
    run_loop(tmp_path, fleet, trials(1), observer=heard)
    assert (heard.notes, heard.warnings) == (["start agents with this line"], [])


def test_a_wait_that_lasts_is_told_after_what_the_executor_said(tmp_path: Path) -> None:
    fleet = Fleet({0: 1.0}, {90.0: host(1)}, news=["start agents with this line"])
    heard = Listening()
    run_loop(tmp_path, fleet, trials(1), observer=heard)
    assert heard.notes == [
        "start agents with this line",
        "no slot is there yet; the study goes on when one comes",
    ]


def test_slots_that_join_take_work_at_once(tmp_path: Path) -> None:
    """Six runs of 10 s: one slot from the start, another from 5 s, two more from 10 s."""
    come = {0.0: host(1), 5.0: host(2), 10.0: host(3), 10.5: host(4)}
    fleet = Fleet(dict.fromkeys(range(6), 10.0), come)
    loop = run_loop(tmp_path, fleet, trials(6))
    assert states(loop) == {"COMPLETE"}
    assert fleet.now == pytest.approx(25.0)  # 0-10, 5-15, 10-20, 10-20, 10.5-20.5, 15-25


def test_a_run_that_is_lost_with_its_host_goes_on_elsewhere_and_uses_up_no_retry(tmp_path: Path) -> None:
    fleet = Fleet({0: 10.0, 1: 10.0}, {0.0: host(1), 1.0: host(2)}, {6.0: host(1)})
    heard = Listening()
    loop = run_loop(tmp_path, fleet, trials(2), retries=0, observer=heard)
    assert states(loop) == {"COMPLETE"}
    moved = loop.table.runs[0, 0]
    assert (moved.attempt, moved.device) == (2, "n2")
    assert moved.incidents == (
        "attempt 1: n1 is gone, at step 0; goes on elsewhere from its last checkpoint",
    )
    assert (loop.slots.n_hosts_lost, loop.slots.n_preempted) == (1, 0)
    assert heard.warnings == []


def test_a_run_that_is_preempted_goes_on_where_it_was(tmp_path: Path) -> None:
    fleet = Fleet({0: 5.0, 1: 5.0}, {0.0: host(1)}, t0=[preempted] * 12)
    loop = run_loop(tmp_path, fleet, trials(2), retries=0)
    assert states(loop) == {"COMPLETE"}
    assert loop.table.runs[0, 0].incidents[0] == "attempt 1: n1 was preempted, at step 4; goes on from there"
    assert (loop.slots.n_hosts_lost, loop.slots.n_preempted) == (0, 12)


def test_a_run_that_ends_ten_hosts_has_failed(tmp_path: Path) -> None:
    fleet = Fleet(dict.fromkeys(range(3), 5.0), {0.0: host(1)}, t1=[host_gone] * 20)
    loop = run_loop(tmp_path, fleet, trials(3), retries=3)
    failed = loop.table.runs[1, 0]
    assert (failed.state, failed.attempt) == ("FAILED", 10)
    assert failed.reason == (
        "n1 is gone, at step 0; lost with its host 10 times without progress, so it may be what ends them"
    )
    assert loop.table.runs[2, 0].state == "COMPLETE"


def test_a_slot_that_leaves_just_before_it_is_given_a_run(tmp_path: Path) -> None:
    """The executor says that the run is lost with its host; it is tried on the slot that is left."""

    class Vanishing(Fleet):
        def submit(self, slot: Slot, job: JobSpec) -> None:
            if slot.label == "n1":
                self.slots = tuple(one for one in self.slots if one != slot)
                self._begun.append(host_gone(member_facts(job, job.members[0])))
            else:
                super().submit(slot, job)

    fleet = Vanishing(dict.fromkeys(range(3), 5.0), {0.0: host(1), 0.5: host(2)})
    loop = run_loop(tmp_path, fleet, trials(3), retries=0)
    assert states(loop) == {"COMPLETE"}


def test_the_time_of_a_study_is_over_while_it_waits_for_a_slot(tmp_path: Path) -> None:
    fleet = Fleet({}, {})
    loop = run_loop(tmp_path, fleet, trials(2), timeout_s=30.0)
    assert 30 < fleet.now < 33
    assert (loop.is_time_up, loop.table.runs) == (True, {})
    assert loop.slots.waited_s == pytest.approx(fleet.now, abs=1.5)


@pytest.mark.parametrize("n_signals", [1, 2])
def test_a_study_that_waits_for_a_slot_can_be_interrupted_once_and_twice(
    tmp_path: Path, n_signals: int
) -> None:
    class Interrupted(Fleet):
        def receive(self, timeout_s: float) -> list[Message]:
            for _ in range(n_signals):
                interrupt.handle(signal.SIGINT, None)
            return super().receive(timeout_s)

    interrupt, fleet = Interrupt(), Interrupted({}, {})
    with pytest.raises(KeyboardInterrupt, match=r"^$") if n_signals == 2 else nullcontext():
        assert run_loop(tmp_path, fleet, trials(2), interrupt=interrupt).table.runs == {}
    assert fleet.now <= 1.0


def test_runs_that_were_interrupted_by_their_host_are_none_of_the_studys_failures(tmp_path: Path) -> None:
    ended: list[RunResult] = []

    class Ended(Heard):
        def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
            ended.append(run)

    fleet = Fleet({0: 5.0, 1: 5.0}, {0.0: host(1)}, t1=[host_gone] * 3)
    loop = run_loop(tmp_path, fleet, trials(2), observer=Ended(), max_failure_rate=0.0)
    assert loop.stopped_because is None
    assert [run.state for run in ended if run.trial == 1] == ["INTERRUPTED"] * 3 + ["COMPLETE"]
