"""One worker process a device slot, kept alive between jobs, replaced when it dies."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from sweeper.errors import JOB_TIMEOUT
from sweeper.executors.devices import Placement
from sweeper.executors.worker_process import WorkerProcess
from sweeper.messages import Alive, Failed, Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.trial import JobSpec, Slot, member_facts

CLOSE_TIMEOUT_S = 10.0


@dataclass
class _Running:
    """A job, where it runs, the worker that has it, and since when."""

    job: JobSpec
    slot: Slot
    worker: WorkerProcess
    since: float
    step: int = 0
    has_started: bool = False
    is_second_try: bool = False


@dataclass(frozen=True)
class _Ended:
    """A worker's stream has ended; `problem` where it broke the rules."""

    worker: WorkerProcess
    problem: str | None


_Event = tuple[WorkerProcess, Message] | _Ended | Message
"""What a worker said, the end of its stream, or a word of ours in a worker's place."""


class LocalExecutor:
    """Follows `executors.base.Executor`. Workers start when their slot gets its first job.

    A worker that dies, breaks the rules of the channel or shows no sign of life for `silence_s` is dropped:
    its job is Lost, its slot free, and the slot's next job gets a new worker. A job that runs longer than
    `job_timeout_s` has failed. All state is the calling thread's; readers only put into a queue.
    """

    def __init__(
        self,
        placements: Sequence[Placement],
        *,
        job_timeout_s: float | None = None,
        silence_s: float = 120.0,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self.slots: Sequence[Slot] = tuple(placement.slot for placement in placements)
        self._environments = {placement.slot.index: placement.environment for placement in placements}
        self._job_timeout_s, self._silence_s = job_timeout_s, silence_s
        self._close_timeout_s = close_timeout_s
        self._workers: dict[int, WorkerProcess] = {}
        self._running: dict[str, _Running] = {}
        self._events: SimpleQueue[_Event] = SimpleQueue()

    def news(self) -> list[str]:
        """Nothing: these slots stay as they are."""
        return []

    def submit(self, slot: Slot, job: JobSpec) -> None:
        """Hand `job` to the slot's worker."""
        if job.needs.is_alone:
            self._vacate(slot)
        worker = self._worker_of(slot)
        self._running[job.job_id] = _Running(job, slot, worker, time.monotonic())
        worker.work(job)

    def receive(self, timeout_s: float) -> list[Message]:
        """Messages of running jobs, a worker's in the order it sent them."""
        self._end_overdue()
        messages: list[Message] = []
        with suppress(Empty):
            messages += self._take(self._events.get(timeout=timeout_s))
            while True:
                messages += self._take(self._events.get_nowait())
        return messages

    def reply(self, message: Message, reply: Reply) -> None:
        """Answer a `Reported`; other messages want no answer."""
        if isinstance(message, Reported) and (running := self._running.get(message.job_id)) is not None:
            running.worker.answer(message.job_id, reply)

    def stop(self, job_id: str) -> None:
        """The job leaves after its present step."""
        if (running := self._running.get(job_id)) is not None:
            running.worker.leave(job_id)

    def kill(self, job_id: str, why: str) -> None:
        """The job's worker dies; the slot gets another with its next job."""
        if (running := self._running.get(job_id)) is not None:
            self._end(running)
            self._lose(running, why)

    def abandon(self) -> None:
        """Kill all workers."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.reap()
        self._workers.clear()

    def close(self) -> None:
        """Workers leave after their present step, those that do not in time are killed."""
        for worker in self._workers.values():
            worker.finish()
        deadline = time.monotonic() + self._close_timeout_s
        for worker in self._workers.values():
            if not worker.wait(max(0.0, deadline - time.monotonic())):
                worker.kill()
            worker.reap()
        self._workers.clear()
        self._running.clear()

    def _worker_of(self, slot: Slot) -> WorkerProcess:
        worker = self._workers.get(slot.index)
        if worker is not None and not worker.is_running():
            self._drop(worker)
            worker = None
        if worker is None:
            environment = self._environments[slot.index]
            worker = WorkerProcess(environment, self._hear, self._hear_end)
            self._workers[slot.index] = worker
        return worker

    def _vacate(self, slot: Slot) -> None:
        """Idle workers on the slot's device leave, and with them the data that they keep there."""
        busy = [running.worker for running in self._running.values()]
        beside = {other.index for other in self.slots if other.label == slot.label}
        for index in beside & self._workers.keys():
            if (worker := self._workers[index]) not in busy:
                worker.finish()
                self._drop(worker)

    def _hear(self, worker: WorkerProcess, message: Message) -> None:
        self._events.put((worker, message))

    def _hear_end(self, worker: WorkerProcess, problem: str | None) -> None:
        self._events.put(_Ended(worker, problem))

    def _take(self, event: _Event) -> list[Message]:
        if isinstance(event, _Ended):
            self._bury(event)
            return []
        if not isinstance(event, tuple):
            return [event]
        worker, message = event
        running = self._running.get(message.job_id)
        if running is None or running.worker is not worker:
            return []  # of a worker that was dropped, or about a job that is over
        return self._note(running, message)

    def _note(self, running: _Running, message: Message) -> list[Message]:
        if isinstance(message, Alive):
            running.step = message.step
            return [message] if running.has_started else []
        if isinstance(message, Started):
            running.has_started, running.step = True, message.resumed_step
        elif isinstance(message, Finished | Stopped | Failed) and _is_of_last(running.job, message):
            del self._running[running.job.job_id]
        return [message]

    def _bury(self, event: _Ended) -> None:
        """A worker's stream has ended: of its own accord, by a signal, or since it broke the rules."""
        if event.worker not in self._workers.values():
            return  # dropped by us
        if event.problem is not None:
            event.worker.kill()
        how = self._drop(event.worker)
        running = next((r for r in self._running.values() if r.worker is event.worker), None)
        if running is None:
            return
        if running.has_started or running.is_second_try or event.problem is not None:
            self._lose(running, f"worker dropped: {event.problem}" if event.problem else how)
        else:  # it died between two jobs: no fault of the one that was on its way
            self._try_again(running)

    def _try_again(self, running: _Running) -> None:
        worker = self._worker_of(running.slot)
        self._running[running.job.job_id] = replace(running, worker=worker, is_second_try=True)
        worker.work(running.job)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in tuple(self._running.values()):
            if now - running.worker.heard_at > self._silence_s:
                self.kill(running.job.job_id, f"worker showed no sign of life for {self._silence_s:g} s")
            elif self._job_timeout_s is not None and now - running.since > self._job_timeout_s:
                self._time_out(running, self._job_timeout_s)

    def _time_out(self, running: _Running, limit_s: float) -> None:
        reason = f"job timeout: not done after {limit_s:g} s (executor.job_timeout_s), at step {running.step}"
        advice = "Raise the limit, or let trainer.max_seconds end runs in order."
        self._end(running)
        for run in running.job.members:
            facts = {"error": JOB_TIMEOUT, "reason": reason, "advice": advice, "step": running.step}
            self._events.put(Failed.model_validate({**member_facts(running.job, run), **facts}))

    def _lose(self, running: _Running, why: str) -> None:
        self._running.pop(running.job.job_id, None)
        for run in running.job.members:
            self._events.put(Lost(**member_facts(running.job, run), reason=why))

    def _end(self, running: _Running) -> None:
        del self._running[running.job.job_id]
        running.worker.kill()
        self._drop(running.worker)

    def _drop(self, worker: WorkerProcess) -> str:
        """Forget a worker, what it still has to say included; how it ended."""
        self._workers = {index: kept for index, kept in self._workers.items() if kept is not worker}
        return worker.reap()


def _is_of_last(job: JobSpec, message: Message) -> bool:
    return (message.trial, message.seed) == (job.members[-1].trial, job.members[-1].seed)
