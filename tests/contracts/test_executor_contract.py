"""What every executor must do. An implementation supplies `executor` and inherits the suite."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.executors.base import Executor
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.messages import Alive, Failed, Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.trial import JobSpec, Slot
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.serve import run_job
from tests.sweeper.executors.agents import with_agents
from tests.sweeper.worker.toy_jobs import Listener, folder_of, rows_of, toy_job

LONG = {"trainer.max_steps": 10**6}
DEADLINE_S = 30.0


def until_ended(
    executor: Executor, job: JobSpec, answer: Callable[[Reported], Reply] = lambda _: "continue"
) -> list[Message]:
    """All messages of `job` up to its last, each report answered."""
    heard: list[Message] = []
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for message in executor.receive(1.0):
            if message.job_id == job.job_id and not isinstance(message, Alive):
                heard.append(message)
            if isinstance(message, Reported):
                executor.reply(message, answer(message))
        if heard and isinstance(heard[-1], Finished | Stopped | Failed | Lost):
            return heard
    raise AssertionError(f"{job.job_id} has not ended; heard {heard[-3:]}")


class ExecutorContract:
    """Inherit, and provide a fixture `executor` that is closed by the test or after it."""

    def test_a_job_starts_reports_and_finishes_in_order(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path))
        heard = until_ended(executor, job)
        assert [type(message) for message in heard] == [Started, *[Reported] * 8, Finished]
        assert [message.step for message in heard if isinstance(message, Reported)] == list(range(5, 45, 5))

    def test_the_result_is_that_of_the_worker_alone(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path, "executed"))
        result = until_ended(executor, job)[-1]
        alone = Listener()
        run_job(reference := toy_job(tmp_path, "alone"), alone)
        left_out = {"job_id", "seconds"}
        assert result.model_dump(exclude=left_out) == alone.last.model_dump(exclude=left_out)
        assert rows_of(job) == rows_of(reference)

    def test_a_run_waits_for_the_answer_to_its_report(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(executor.slots[0], toy_job(tmp_path, changes=LONG))
        heard: list[Message] = []
        while not any(isinstance(message, Reported) for message in heard):
            heard += executor.receive(DEADLINE_S)
        assert [message for message in executor.receive(0.3) if not isinstance(message, Alive)] == []

    def test_prune_ends_the_run_at_that_report(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path, changes=LONG))
        last = until_ended(executor, job, lambda report: "prune" if report.step >= 10 else "continue")[-1]
        assert isinstance(last, Stopped)
        assert (last.why, last.step) == ("pruned", 10)

    def test_a_stopped_job_leaves_a_checkpoint_from_which_it_goes_on(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path, changes=LONG))
        executor.stop(job.job_id)
        last = until_ended(executor, job)[-1]
        assert isinstance(last, Stopped)
        assert last.why == "interrupted"
        executor.submit(executor.slots[0], again := toy_job(tmp_path, attempt=2, changes=LONG))
        first = until_ended(executor, again, lambda _: "stop")[0]
        assert isinstance(first, Started)
        assert first.resumed_step == last.step

    def test_a_stopped_job_does_not_wait_for_its_next_evaluation(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        changes = {"trainer.max_steps": 10**9, "trainer.eval_every": 10**9}
        executor.submit(executor.slots[0], job := toy_job(tmp_path, changes=changes))
        while not any(isinstance(message, Started) for message in executor.receive(DEADLINE_S)):
            pass
        executor.stop(job.job_id)
        last = until_ended(executor, job)[-1]
        assert isinstance(last, Stopped)
        assert read_checkpoint(folder_of(job).checkpoint)["training"]["step"] == last.step

    def test_a_killed_job_is_lost_for_the_reason_given_and_the_slot_goes_on(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        changes = {"trainer.max_steps": 10**9, "trainer.eval_every": 10**9}
        executor.submit(executor.slots[0], job := toy_job(tmp_path, "killed", changes=changes))
        while not any(isinstance(message, Started) for message in executor.receive(DEADLINE_S)):
            pass
        executor.kill(job.job_id, "enough of it")
        last = until_ended(executor, job)[-1]
        assert isinstance(last, Lost)
        assert last.reason == "enough of it"
        executor.submit(executor.slots[0], other := toy_job(tmp_path, "other"))
        assert isinstance(until_ended(executor, other)[-1], Finished)

    def test_a_failing_job_is_a_message_and_the_slot_goes_on(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        broken: dict[str, Any] = {"loss.fault": "crash", "loss.poisoned_step": 3}
        executor.submit(executor.slots[0], first := toy_job(tmp_path, "broken", changes=broken))
        failed = until_ended(executor, first)[-1]
        assert isinstance(failed, Failed)
        assert failed.reason.startswith("ZeroDivisionError: division by zero (toy_task.py:")
        executor.submit(executor.slots[0], second := toy_job(tmp_path, "sound"))
        assert isinstance(until_ended(executor, second)[-1], Finished)

    @pytest.mark.parametrize("fault", ["quit", "interrupt"])
    def test_even_a_worker_that_gives_up_has_a_last_word(
        self, fault: str, executor: Executor, tmp_path: Path
    ) -> None:
        changes: dict[str, Any] = {"loss.fault": fault, "loss.poisoned_step": 3}
        executor.submit(executor.slots[0], job := toy_job(tmp_path, changes=changes))
        assert isinstance(until_ended(executor, job)[-1], Failed)

    @pytest.mark.parametrize("n_threads", [1, 2])
    def test_a_job_trains_with_the_threads_it_asks_for(
        self, n_threads: int, executor: Executor, tmp_path: Path
    ) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path, n_threads=n_threads))
        until_ended(executor, job, lambda _: "stop")
        assert read_checkpoint(folder_of(job).checkpoint)["environment"]["threads"] == n_threads

    def test_nothing_to_hear_is_an_empty_list_after_the_timeout(self, executor: Executor) -> None:
        began = time.monotonic()
        assert executor.receive(0.2) == []
        assert 0.15 < time.monotonic() - began < 5

    def test_stopping_what_is_unknown_or_over_is_harmless(self, executor: Executor, tmp_path: Path) -> None:
        executor.stop("never heard of")
        executor.kill("never heard of", "no reason")
        executor.submit(executor.slots[0], job := toy_job(tmp_path))
        until_ended(executor, job)
        executor.stop(job.job_id)
        executor.submit(executor.slots[0], other := toy_job(tmp_path, "other"))
        assert isinstance(until_ended(executor, other)[-1], Finished)

    def test_close_ends_a_job_that_waits_for_an_answer(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(executor.slots[0], job := toy_job(tmp_path, changes=LONG))
        while not any(isinstance(message, Reported) for message in executor.receive(DEADLINE_S)):
            pass
        began = time.monotonic()
        executor.close()
        assert time.monotonic() - began < 10
        assert folder_of(job).checkpoint.exists()


class TestLocal(ExecutorContract):
    """Worker processes."""

    @pytest.fixture
    def executor(self, local: LocalExecutor) -> Executor:
        """The warm one."""
        return local


class TestRemote(ExecutorContract):
    """Agents that dial in by TCP."""

    @pytest.fixture
    def executor(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
        """The warm one, but where the test ends it."""
        if request.node.originalname != "test_close_ends_a_job_that_waits_for_an_answer":
            yield request.getfixturevalue("remote")
            return
        with with_agents(tmp_path / "agents") as (executor, _):
            yield executor


class TestInline(ExecutorContract):
    """The in-process executor."""

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """One slot on the CPU."""
        inline = InlineExecutor(Slot(0, "cpu", 1))
        yield inline
        inline.close()

    def test_close_ends_even_a_job_that_never_reports(self, tmp_path: Path) -> None:
        inline = InlineExecutor(Slot(0, "cpu", 1), close_timeout_s=0.5)
        endless = {"trainer.max_steps": 10**9, "trainer.eval_every": 10**9}
        inline.submit(inline.slots[0], toy_job(tmp_path, changes=endless))
        assert isinstance(inline.receive(DEADLINE_S)[0], Started)
        inline.close()
        assert [thread.name for thread in threading.enumerate() if thread.name == "inline-worker"] == []
