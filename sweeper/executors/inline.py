"""The simplest executor: one slot, in a thread of this process."""

import ctypes
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeper.executors.base import Slot
from sweeper.messages import Failed, Message, Reply, Reported
from sweeper.trial import JobSpec

CLOSE_TIMEOUT_S = 60.0


@dataclass
class _Conversation:
    """One job and its answers; `report` runs in the worker thread, everything else in the parent's."""

    job: JobSpec
    outbox: "queue.SimpleQueue[Message]"
    answers: "queue.SimpleQueue[Reply]" = field(default_factory=queue.SimpleQueue)
    told_to_stop: threading.Event = field(default_factory=threading.Event)

    def report(self, message: Message) -> Reply:
        self.outbox.put(message)
        if not isinstance(message, Reported):
            return "continue"
        reply = self.answers.get()
        return "stop" if self.told_to_stop.is_set() and reply == "continue" else reply

    def stop(self) -> None:
        self.told_to_stop.set()


class InlineExecutor:
    """Follows `executors.base.Executor`. The worker, and torch with it, is imported when the first job runs.

    A job submitted while the one before is saying its last words starts right after it.
    """

    def __init__(self, device: str, n_threads: int | None, close_timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        self.slots: Sequence[Slot] = (Slot(index=0, device=device, n_threads=n_threads),)
        self._close_timeout_s = close_timeout_s
        self._inbox: queue.SimpleQueue[_Conversation | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._conversations: dict[str, _Conversation] = {}
        # a daemon, so that even a job that hangs cannot keep the process alive
        self._thread = threading.Thread(target=self._work, name="inline-worker", daemon=True)
        self._thread.start()

    def submit(self, slot: Slot, job: JobSpec) -> None:
        """Start `job`; there is one slot."""
        assert slot in self.slots, f"no such slot: {slot}"
        conversation = _Conversation(job, self._outbox)
        self._conversations[job.job_id] = conversation
        self._inbox.put(conversation)

    def receive(self, timeout_s: float) -> list[Message]:
        """Messages in the order they were sent."""
        try:
            messages = [self._outbox.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while not self._outbox.empty():
            messages.append(self._outbox.get())
        return messages

    def reply(self, message: Message, reply: Reply) -> None:
        """Answer a `Reported`; other messages want no answer."""
        if isinstance(message, Reported):
            self._conversations[message.job_id].answers.put(reply)

    def stop(self, job_id: str) -> None:
        """The next answer to this job is "stop", whatever was decided; an unknown job is left alone."""
        if job_id in self._conversations:
            self._conversations[job_id].stop()

    def close(self) -> None:
        """Stop what runs at its next evaluation; after `close_timeout_s`, in the middle of a step."""
        for conversation in self._conversations.values():
            conversation.stop()
            conversation.answers.put("stop")
        self._inbox.put(None)
        self._thread.join(self._close_timeout_s)
        if self._thread.is_alive():
            _raise_in(self._thread, SystemExit)
            self._thread.join(self._close_timeout_s)

    def _work(self) -> None:
        while (conversation := self._inbox.get()) is not None:
            try:
                from sweeper.worker.serve import run_job

                run_job(conversation.job, conversation.report)
            except BaseException as error:  # a thread that dies would leave its job without a last word
                self._give_up(conversation.job, error)

    def _give_up(self, job: JobSpec, error: BaseException) -> None:
        for run in job.members:
            self._outbox.put(
                Failed(
                    job_id=job.job_id,
                    trial=run.trial,
                    seed=run.seed,
                    attempt=run.attempt,
                    error=type(error).__name__,
                    reason=f"{type(error).__name__}: {error}",
                )
            )


def _raise_in(thread: threading.Thread, kind: type[BaseException]) -> None:
    # a thread that still runs torch when the interpreter ends takes the process down with SIGABRT
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(kind))
