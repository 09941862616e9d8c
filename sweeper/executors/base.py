"""The contract of an executor: device slots that take jobs and give back messages."""

from collections.abc import Sequence
from typing import Protocol

from sweeper.messages import Message, Reply
from sweeper.trial import JobSpec, Slot


class Executor(Protocol):
    """Runs one job a slot. Each member of a submitted job ends with Finished, Stopped, Failed or Lost."""

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that can be given a job now; where they come and go, no index is used twice."""

    def news(self) -> list[str]:
        """What is to be told of the slots since the last call: who came, who left, what is waited for."""

    def submit(self, slot: Slot, job: JobSpec) -> None:
        """Start `job` on a free slot and return at once."""

    def receive(self, timeout_s: float) -> list[Message]:
        """Messages that came in, waiting up to `timeout_s` for the first; an empty list after that."""

    def reply(self, message: Message, reply: Reply) -> None:
        """Answer a `Reported`; its run waits for the answer."""

    def stop(self, job_id: str) -> None:
        """Ask the job to leave after its present step, with a checkpoint, so that it can be resumed."""

    def kill(self, job_id: str, why: str) -> None:
        """End the job at once; it is Lost, because of `why`. An unknown job is left alone."""

    def abandon(self) -> None:
        """End all slots at once, without a word; for a process that is about to exit."""

    def close(self) -> None:
        """End all slots; nothing stays behind."""
