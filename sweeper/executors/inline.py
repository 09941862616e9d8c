"""The simplest executor: one slot, in a thread of this process."""

import ctypes
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeper.messages import Failed, Lost, Message, Reply, Reported
from sweeper.trial import JobSpec, Slot, member_facts
from sweeper.worker import Lifeline

CLOSE_TIMEOUT_S = 60.0


@dataclass
class _Conversation:
    """One job and its answers; `report` runs in the worker thread, everything else in the parent's."""

    job: JobSpec
    outbox: "queue.SimpleQueue[Message]"
    answers: "queue.SimpleQueue[Reply]" = field(default_factory=queue.SimpleQueue)
    lifeline: Lifeline = field(default_factory=Lifeline)
    is_killed: bool = False

    def report(self, message: Message) -> Reply:
        if self.is_killed:
            raise SystemExit
        self.outbox.put(message)
        return self.answers.get() if isinstance(message, Reported) else "continue"


class InlineExecutor:
    """Follows `executors.base.Executor`. The worker, and torch with it, is imported when the first job runs.

    A job submitted while the one before is saying its last words starts right after it. A killed job ends at
    its next step of Python code: a thread cannot be ended within native code.
    """

    def __init__(self, slot: Slot, close_timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        self.slots: Sequence[Slot] = (slot,)
        self._close_timeout_s = close_timeout_s
        self._inbox: queue.SimpleQueue[_Conversation | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._conversations: dict[str, _Conversation] = {}
        self._present: _Conversation | None = None
        # a daemon, so that even a job that hangs cannot keep the process alive
        self._thread = threading.Thread(target=self._work, name="inline-worker", daemon=True)
        self._thread.start()

    def news(self) -> list[str]:
        """Nothing: these slots stay as they are."""
        return []

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
        if isinstance(message, Reported) and message.job_id in self._conversations:
            self._conversations[message.job_id].answers.put(reply)

    def stop(self, job_id: str) -> None:
        """The job leaves after its present step; an unknown job is left alone."""
        if job_id in self._conversations:
            self._conversations[job_id].lifeline.must_leave = True

    def kill(self, job_id: str, why: str) -> None:
        """The job is Lost now, and ends as soon as its thread can be interrupted."""
        if (conversation := self._conversations.pop(job_id, None)) is None:
            return
        conversation.is_killed = True
        conversation.answers.put("stop")
        if self._present is conversation:
            _raise_in(self._thread, SystemExit)
        for run in conversation.job.members:
            self._outbox.put(Lost(**member_facts(conversation.job, run), reason=why))

    def abandon(self) -> None:
        """Nothing to end: the thread goes with the process."""

    def close(self) -> None:
        """Stop what runs after its present step; after `close_timeout_s`, in the middle of it."""
        for conversation in self._conversations.values():
            conversation.lifeline.must_leave = True
            conversation.answers.put("stop")
        self._inbox.put(None)
        self._thread.join(self._close_timeout_s)
        if self._thread.is_alive():
            _raise_in(self._thread, SystemExit)
            self._thread.join(self._close_timeout_s)

    def _work(self) -> None:
        while (conversation := self._inbox.get()) is not None:
            self._present = conversation
            try:
                from sweeper.worker import run_to_the_end

                run_to_the_end(conversation.job, conversation.report, conversation.lifeline)
            except BaseException as error:  # a thread that dies would leave its job without a last word
                self._give_up(conversation, error)
            self._present = None
            self._conversations.pop(conversation.job.job_id, None)

    def _give_up(self, conversation: _Conversation, error: BaseException) -> None:
        if conversation.is_killed:
            return
        name = type(error).__name__
        for run in conversation.job.members:
            facts = member_facts(conversation.job, run)
            self._outbox.put(Failed(**facts, error=name, reason=f"{name}: {error}"))


def _raise_in(thread: threading.Thread, kind: type[BaseException]) -> None:
    # a thread that still runs torch when the interpreter ends takes the process down with SIGABRT
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(kind))
