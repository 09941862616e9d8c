"""`python -m sweeper.worker.slot <descriptor> [<runner>]`: a device slot's worker, as its parent starts it.

It runs one job after another and keeps what costs time (imports, the device's context, prepared data) between
them. The main thread trains; one thread listens to the parent, one shows signs of life. When the stream from
the parent ends, the job leaves with a checkpoint after its present step, and the process with it; a step that
takes too long is not waited for.
"""

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread, Timer

from sweeper.layout import RunFolder
from sweeper.messages import Alive, Message, Reply, Reported
from sweeper.trial import JobSpec, Runner, member_facts
from sweeper.worker.channel import Answer, Channel, ChannelError, Leave, Order, Work, read_order
from sweeper.worker.garbage import collect_from_here, collector_resting, leave_garbage_at_exit
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.runners import RUNNERS, run_to_the_end, runner_of

BEAT_S = 1.0
LEAVE_S = 7.0
"""A parent that died is outlived by no more than this."""
LEFT_BEHIND = 70
"""The exit code of a worker that could not reach the end of a step in time."""


class Conversation:
    """One job, what was answered to its reports, and its lifeline."""

    def __init__(self, job: JobSpec) -> None:
        self.job, self.lifeline = job, Lifeline()
        self.answers: SimpleQueue[Reply] = SimpleQueue()
        self.has_started = False

    def alive(self) -> Alive:
        """The sign of life."""
        return Alive(**member_facts(self.job, self.job.members[0]), step=self.lifeline.step)


class SlotWorker:
    """Serves one parent until the stream from it ends."""

    def __init__(self, channel: Channel, runner: Runner | None = None) -> None:
        """`runner`: of what kind the jobs will be, if that is known: what these need is imported at once."""
        self._channel, self._runner = channel, runner
        self._jobs: SimpleQueue[Conversation | None] = SimpleQueue()
        self._open: dict[str, Conversation] = {}
        self._is_over = Event()
        self._is_ready = False

    def serve(self) -> None:
        """Run jobs as they come."""
        for target in (self._listen, self._beat):
            Thread(target=target, daemon=True).start()
        self._import()
        while (conversation := self._jobs.get()) is not None:
            if not self._run(conversation):
                break
        self._is_over.set()
        self._channel.close()  # before the interpreter takes its time to end

    def _import(self) -> None:
        if self._runner is not None:
            with suppress(Exception), collector_resting():  # the job that needs it says what is wrong with it
                runner_of(self._runner)
            collect_from_here()
        self._is_ready = True

    def _run(self, conversation: Conversation) -> bool:
        """Whether this process can be trusted with another job."""
        with output_to(RunFolder(Path(conversation.job.members[0].folder)).log):

            def report(message: Message) -> Reply:
                return self._report(conversation, message)

            is_sound = run_to_the_end(conversation.job, report, conversation.lifeline)
            if self._open.get(conversation.job.job_id) is conversation:  # not a namesake, submitted meanwhile
                del self._open[conversation.job.job_id]
            return is_sound

    def _report(self, conversation: Conversation, message: Message) -> Reply:
        conversation.has_started = True
        with suppress(ChannelError):  # a parent that died: the job is told to leave by `_listen`
            self._channel.send(message)
        return conversation.answers.get() if isinstance(message, Reported) else "continue"

    def _listen(self) -> None:
        try:
            while (raw := self._channel.receive()) is not None:
                self._obey(read_order(raw))
        except ChannelError as error:
            print(f"the parent cannot be understood: {error}", file=sys.stderr, flush=True)
        self._is_over.set()
        self._leave()

    def _obey(self, order: Order) -> None:
        match order:
            case Work():
                self._open[order.job.job_id] = conversation = Conversation(order.job)
                self._jobs.put(conversation)
            case Answer() if order.job_id in self._open:
                self._open[order.job_id].answers.put(order.reply)
            case Leave() if order.job_id in self._open:
                self._open[order.job_id].lifeline.must_leave = True
            case _:
                pass  # about a job that has ended meanwhile

    def leave_softly(self, *_: object) -> None:
        """At a SIGTERM: the job ends after its present step, with a checkpoint, and this process with it.

        A batch system sends it to all processes of a study; how long a step may take is then the parent's to
        say, as long as there is one.
        """
        self._have_jobs_leave()
        self._jobs.put(None)

    def _have_jobs_leave(self) -> None:
        open_ones = tuple(self._open.values())
        has_job = any(conversation.has_started for conversation in open_ones)
        if not has_job and (open_ones or not self._is_ready):
            os._exit(0)  # nothing is trained yet: imports need not be waited for
        for conversation in open_ones:
            conversation.lifeline.must_leave = True

    def _leave(self) -> None:
        self._have_jobs_leave()
        timer = Timer(LEAVE_S, os._exit, [LEFT_BEHIND])
        timer.daemon = True
        timer.start()
        for conversation in tuple(self._open.values()):
            conversation.answers.put("stop")
        self._jobs.put(None)

    def _beat(self) -> None:
        while not self._is_over.wait(BEAT_S):
            for conversation in tuple(self._open.values()):
                with suppress(ChannelError):
                    self._channel.send(conversation.alive())


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Within, all that this process prints goes to the end of `path`, a crash's last words too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = [os.dup(1), os.dup(2)]
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        _redirect([log, log])
        yield
    finally:
        _redirect(before)
        for descriptor in (log, *before):
            os.close(descriptor)


def _redirect(descriptors: list[int]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for standard, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, standard)


def main(arguments: list[str]) -> int:
    """Serve the parent that holds the other end of the socket with this descriptor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    faulthandler.enable()
    leave_garbage_at_exit()  # the parent waits for this process to end
    descriptor, *runners = arguments
    channel = Channel(socket.socket(fileno=int(descriptor)))
    worker = SlotWorker(channel, next((name for name in RUNNERS if name in runners), None))
    signal.signal(signal.SIGTERM, worker.leave_softly)
    worker.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
