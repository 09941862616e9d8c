"""One worker a slot, kept alive between jobs, replaced when it dies; wherever it is."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from sweeper.errors import JOB_TIMEOUT
from sweeper.messages import Alive, Failed, Finished, Lost, Message, Reply, Reported, Started, Stopped
from sweeper.models import StrictModel
from sweeper.trial import JobSpec, Slot, member_facts
from sweeper.worker import Answer, Leave, Work

CLOSE_TIMEOUT_S = 10.0


class Worker(ABC):
    """A process that runs one job after another, as its executor sees it.

    `heard_at`: when it last showed a sign of life, in seconds of the monotonic clock.
    """

    heard_at: float

    def work(self, job: JobSpec) -> None:
        """Have it run `job`; silence counts from now."""
        self.heard_at = time.monotonic()
        self._say(Work(job=job))

    def answer(self, job_id: str, reply: Reply) -> None:
        """Answer the job's last report."""
        self._say(Answer(job_id=job_id, reply=reply))

    def leave(self, job_id: str) -> None:
        """Have the job end after its present step."""
        self._say(Leave(job_id=job_id))

    @abstractmethod
    def send(self, raw: bytes) -> None:
        """Hand it a frame; one that is dead or dying gets none, as its end will tell."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether it has not ended yet."""

    @abstractmethod
    def finish(self) -> None:
        """No more jobs: it leaves, after its present step."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once."""

    @abstractmethod
    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within `timeout_s`."""

    @abstractmethod
    def reap(self) -> str:
        """See it to its end, by force if need be, and let go of everything; how it ended, in words."""

    def _say(self, frame: StrictModel) -> None:
        self.send(frame.model_dump_json(by_alias=True).encode())


@dataclass
class Running:
    """A job, where it runs, the worker that has it, and since when.

    `last_words`: what is said of it once its worker is gone, where we ended it.
    """

    job: JobSpec
    slot: Slot
    worker: Worker
    since: float
    step: int = 0
    has_started: bool = False
    is_second_try: bool = False
    last_words: Sequence[Message] | None = None


@dataclass(frozen=True)
class Heard:
    """What a worker said."""

    worker: Worker
    message: Message


@dataclass(frozen=True)
class Ended:
    """A worker has ended; `problem` where it broke the rules, `is_hosts` where its whole host is gone."""

    worker: Worker
    problem: str | None = None
    is_hosts: bool = False


class WorkerPool(ABC):
    """What executors share that keep a worker for each slot; `base.Executor`, but for the slots.

    A worker that dies, breaks the rules of the channel or shows no sign of life for `silence_s` is dropped:
    its job is Lost, its slot free, and the slot's next job gets a new worker. A job that runs longer than
    `job_timeout_s` has failed. All state is the calling thread's; readers only put into a queue.
    """

    def __init__(
        self,
        *,
        job_timeout_s: float | None = None,
        silence_s: float = 120.0,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self._job_timeout_s, self._silence_s = job_timeout_s, silence_s
        self._close_timeout_s = close_timeout_s
        self._workers: dict[int, Worker] = {}
        self._running: dict[str, Running] = {}
        self._events: SimpleQueue[object] = SimpleQueue()

    @property
    @abstractmethod
    def slots(self) -> Sequence[Slot]:
        """The slots that can be given a job now."""

    @abstractmethod
    def start_worker(self, slot: Slot) -> Worker:
        """A new worker for a slot that has none."""

    def submit(self, slot: Slot, job: JobSpec) -> None:
        """Hand `job` to the slot's worker."""
        if job.needs.is_alone:
            self._vacate(slot)
        worker = self._worker_of(slot)
        self._running[job.job_id] = Running(job, slot, worker, time.monotonic())
        worker.work(job)

    def receive(self, timeout_s: float) -> list[Message]:
        """Messages of running jobs, a worker's in the order it sent them."""
        self._end_overdue()
        messages: list[Message] = []
        with suppress(Empty):
            messages += self.take(self._events.get(timeout=timeout_s))
            while True:
                messages += self.take(self._events.get_nowait())
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
            self._end(running, lost(running.job, why))

    def abandon(self) -> None:
        """Kill all workers."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.reap()
        self._workers.clear()
        self._running.clear()

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

    def hear(self, worker: Worker, message: Message) -> None:
        """From any thread: what a worker says."""
        self._events.put(Heard(worker, message))

    def hear_end(self, worker: Worker, problem: str | None) -> None:
        """From any thread: that it will say no more."""
        self._events.put(Ended(worker, problem))

    def take(self, event: object) -> list[Message]:
        """What an event of the queue means to the study."""
        match event:
            case Ended():
                return self._bury(event)
            case Heard(worker, message):
                running = self._running.get(message.job_id)
                if running is None or running.worker is not worker or running.last_words is not None:
                    return []  # of a worker that was dropped, or about a job that is over
                return self._note(running, message)
        raise AssertionError(event)

    def _worker_of(self, slot: Slot) -> Worker:
        worker = self._workers.get(slot.index)
        if worker is not None and not worker.is_running():
            self._drop(worker)
            worker = None
        if worker is None:
            worker = self._workers[slot.index] = self.start_worker(slot)
        return worker

    def _vacate(self, slot: Slot) -> None:
        """Idle workers on the slot's device leave, and with them the data that they keep there."""
        busy = [running.worker for running in self._running.values()]
        beside = {other.index for other in self.slots if other.label == slot.label}
        for index in beside & self._workers.keys():
            if (worker := self._workers[index]) not in busy:
                worker.finish()
                self._drop(worker)

    def _note(self, running: Running, message: Message) -> list[Message]:
        if isinstance(message, Alive):
            running.step = message.step
            return [message] if running.has_started else []
        if isinstance(message, Started):
            running.has_started, running.step = True, message.resumed_step
        elif isinstance(message, Finished | Stopped | Failed) and _is_of_last(running.job, message):
            del self._running[running.job.job_id]
        return [message]

    def _bury(self, event: Ended) -> list[Message]:
        """A worker has ended: of its own accord, by a signal, with its host, or since it broke the rules."""
        running = next((r for r in self._running.values() if r.worker is event.worker), None)
        if event.worker not in self._workers.values():
            return []  # dropped by us
        if event.problem is not None:
            event.worker.kill()
        how = self._drop(event.worker)
        if running is None:
            return []
        if running.last_words is not None:
            del self._running[running.job.job_id]
            return list(running.last_words)
        is_between = not (running.has_started or running.is_second_try)
        if is_between and event.problem is None and not event.is_hosts:
            self._try_again(running)  # it died between two jobs: no fault of the one that was on its way
            return []
        del self._running[running.job.job_id]
        why = f"worker dropped: {event.problem}" if event.problem else how
        return lost(running.job, why, is_hosts=event.is_hosts)

    def _try_again(self, running: Running) -> None:
        worker = self._worker_of(running.slot)
        self._running[running.job.job_id] = replace(running, worker=worker, is_second_try=True)
        worker.work(running.job)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in tuple(self._running.values()):
            if running.last_words is not None:
                continue
            if now - running.worker.heard_at > self._silence_s:
                self.kill(running.job.job_id, f"worker showed no sign of life for {self._silence_s:g} s")
            elif self._job_timeout_s is not None and now - running.since > self._job_timeout_s:
                self._end(running, _timed_out(running, self._job_timeout_s))

    def _end(self, running: Running, last_words: Sequence[Message]) -> None:
        """Its worker dies; `last_words` are said when it has."""
        if running.last_words is None:
            running.last_words = last_words
            running.worker.kill()

    def _drop(self, worker: Worker) -> str:
        """Forget a worker, what it still has to say included; how it ended."""
        self._workers = {index: kept for index, kept in self._workers.items() if kept is not worker}
        return worker.reap()


def lost(job: JobSpec, why: str, *, is_hosts: bool = False) -> list[Message]:
    """All members of `job` are Lost."""
    return [Lost(**member_facts(job, run), reason=why, is_hosts=is_hosts) for run in job.members]


def _timed_out(running: Running, limit_s: float) -> list[Message]:
    reason = f"job timeout: not done after {limit_s:g} s (executor.job_timeout_s), at step {running.step}"
    of_ours = ", or let trainer.max_seconds end runs in order" if running.job.runner == "task" else ""
    advice = f"Raise the limit{of_ours}."
    facts = {"error": JOB_TIMEOUT, "reason": reason, "advice": advice, "step": running.step}
    return [Failed(**member_facts(running.job, run), **facts) for run in running.job.members]  # type: ignore[arg-type]


def _is_of_last(job: JobSpec, message: Finished | Stopped | Failed) -> bool:
    return (message.trial, message.seed) == (job.members[-1].trial, job.members[-1].seed)
