"""Agents on other machines: each that dials in is a slot; the rest is what a local executor does.

SLURM, Ray, a person ──starts──> sweeper.agent ──dials──> AgentServer ──> RemoteExecutor <── the loop
"""

import itertools
import os
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sweeper.agent import Frame, Kind, import_path, own_path
from sweeper.errors import Fault, UserError
from sweeper.executors.agent_call import TOKEN
from sweeper.executors.agent_news import AgentNews
from sweeper.executors.certificate import new_certificate
from sweeper.executors.devices import THREADS
from sweeper.executors.pool import Ended, Worker, WorkerPool
from sweeper.executors.server import AgentServer, Link, Terms, Tls, bound_to
from sweeper.messages import Message, Stopped
from sweeper.schema import Remote
from sweeper.trial import Slot
from sweeper.worker import OWN_PATH, ChannelError, read_message

REAP_S = 2.0
LEAST_TOKEN = 32


class Launcher(Protocol):
    """Has agents started, and takes them back."""

    def news(self) -> list[str]:
        """What is to be told since the last call: what agents wait for, why they could not start."""

    def close(self) -> None:
        """Take all back; nothing stays in a queue."""

    def abandon(self) -> None:
        """The same, without waiting for it."""


@dataclass(frozen=True)
class _Joined:
    link: Link


@dataclass(frozen=True)
class _Left:
    link: Link


class RemoteWorker(Worker):
    """A worker that an agent keeps."""

    def __init__(self, executor: "RemoteExecutor", link: Link, generation: int) -> None:
        self._executor, self._link, self._generation = executor, link, generation
        self.heard_at = time.monotonic()
        self._over, self._how = threading.Event(), ""
        link.attach(generation, self)

    def heard(self, raw: bytes) -> None:
        """From the server's thread: what it says."""
        self.heard_at = time.monotonic()
        try:
            message = read_message(raw)
        except ChannelError as error:
            self._executor.hear_end(self, str(error))
            return
        if isinstance(message, Stopped) and self._link.leaving_because:
            message = message.model_copy(update={"reason": self._link_in_words()})
        self._executor.hear(self, message)

    def ended(self, how: str, *, is_hosts: bool) -> None:
        """From the server's thread: that it is no more."""
        if not self._over.is_set():
            self._how = self._link_in_words() if self._link.leaving_because else how
            self._over.set()
            self._executor.hear_host_end(self, is_hosts=is_hosts)

    def send(self, raw: bytes) -> None:
        """Hand it a frame by its agent."""
        self._link.send(Frame(Kind.FRAME, self._generation, raw))

    def is_running(self) -> bool:
        """Whether it is not known to have ended."""
        return not self._over.is_set()

    def finish(self) -> None:
        """No more jobs: it leaves, after its present step."""
        self._link.send(Frame(Kind.FINISH, self._generation))

    def kill(self) -> None:
        """End it at once."""
        self._link.kill(self._generation)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within `timeout_s`."""
        return self._link.is_gone or self._over.wait(timeout_s)

    def reap(self) -> str:
        """How it ended, in words; its agent sees to it that nothing stays behind."""
        self.wait(REAP_S)
        return self._how or "the agent does not answer"

    def _link_in_words(self) -> str:
        return f"the agent on {self._link.hello.label} had to leave ({self._link.leaving_because})"


class RemoteExecutor(WorkerPool):
    """Follows `executors.base.Executor`. Slots come and go with their agents.

    A run whose agent is gone is Lost once its worker must have left, by its host's fault.
    """

    def __init__(self, config: Remote, folder: Path, target: str | None) -> None:
        """Listens. `folder`: of the study, for the token and the probes; `target`: the task's, if it is one.

        Raises UserError where this machine cannot listen there.
        """
        super().__init__(job_timeout_s=config.job_timeout_s, silence_s=config.silence_s)
        self._config = config
        self._links: dict[int, Link] = {}
        self._slots: dict[int, Slot] = {}
        self._all_slots: tuple[Slot, ...] = ()
        self._numbers, self._generations = itertools.count(), itertools.count(1)
        self._launcher: Launcher | None = None
        self._news = AgentNews(config.agents)
        token, environment = _token(), _environment(config)
        bound = bound_to(config.host, config.port)
        host, port = bound.getsockname()[:2]
        self.address = f"{'tls' if config.tls else 'tcp'}://{host}:{port}"
        self.token_file = _written(folder / "agents" / f"token-{secrets.token_hex(4)}", token)
        terms = Terms(
            folder=folder / "agents",
            cwd=Path.cwd(),
            path=own_path(),
            target=target,
            n_threads=config.n_threads,
            environment=environment,
        )
        tls = Tls(*new_certificate()) if config.tls else None
        self._server = AgentServer(bound, token.encode(), terms, self, tls)

    def launched_by(self, launcher: Launcher) -> None:
        """`launcher` has agents started from now on."""
        self._launcher = launcher

    @property
    def slots(self) -> Sequence[Slot]:
        """Those of the agents that are there and stay."""
        return self._all_slots

    def news(self) -> list[str]:
        """Who came, who left, who was not taken; and what the launcher says."""
        launched = self._launcher.news() if self._launcher is not None else []
        return [*self._news.lines(len(self._slots), time.monotonic()), *launched]

    def start_worker(self, slot: Slot) -> RemoteWorker:
        """Another worker of the slot's agent; of one that is gone, it ends at once."""
        return RemoteWorker(self, self._links[slot.index], next(self._generations))

    def take(self, event: object) -> list[Message]:
        """Agents that come and go change the slots; the rest is about workers."""
        match event:
            case _Joined(link):
                index = next(self._numbers)
                self._links[index] = link
                self._slots[index] = Slot(index, link.hello.device, self._config.n_threads, link.hello.label)
                self._all_slots = tuple(self._slots.values())
                return []
            case _Left(link):
                gone = [index for index in self._slots if self._links[index] is link]
                for index in gone:
                    del self._slots[index]
                self._all_slots = tuple(self._slots.values())
                return []
        return super().take(event)

    def close(self) -> None:
        """Workers leave after their present step; agents and what started them end."""
        super().close()
        self._server.close()
        if self._launcher is not None:
            self._launcher.close()
        self.token_file.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Let go of all: agents notice, and end with their workers within seconds."""
        self._workers.clear()
        self._running.clear()
        self._server.close()
        if self._launcher is not None:
            self._launcher.abandon()
        self.token_file.unlink(missing_ok=True)

    def hear_host_end(self, worker: Worker, *, is_hosts: bool) -> None:
        """From the server's thread: a worker is no more."""
        self._events.put(Ended(worker, is_hosts=is_hosts))

    def joined(self, link: Link) -> None:
        """From the server's thread: an agent offers its slot."""
        self._news.came(link.hello.label)
        self._events.put(_Joined(link))

    def leaves(self, link: Link) -> None:
        """From the server's thread: it takes no further job."""
        self._news.left(link.hello.label, link.leaving_because)
        self._events.put(_Left(link))

    def gone(self, link: Link, how: str) -> None:
        """From the server's thread: it is not there any more."""
        if not link.leaving_because:
            self._news.left(link.hello.label, how)
        self._events.put(_Left(link))

    def turned_away(self, who: str, why: str) -> None:
        """From the server's thread: somebody was not taken."""
        self._news.refused(who, why)


def _token() -> str:
    """Of this study alone, unless the environment has one, which its agents know, too. Raises UserError."""
    given = os.environ.pop(TOKEN, "").strip()
    if given and len(given) < LEAST_TOKEN:
        problem = f"got {len(given)} characters; expected at least {LEAST_TOKEN}, drawn at random"
        raise UserError(Fault(TOKEN, problem, "As from: openssl rand -hex 32"))
    return given or secrets.token_hex(32)


def _written(file: Path, token: str) -> Path:
    """The file that holds the token, readable by its owner only from the moment when it is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(token + "\n")
    return file.resolve()


def _environment(config: Remote) -> dict[str, str]:
    """What every worker gets. Raises UserError for a variable that is not set here."""
    missing = [name for name in config.environment if name not in os.environ]
    if missing:
        problem = f"got {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not set here"
        raise UserError(Fault("executor.environment", problem, "Set it, or leave it out"))
    own = {OWN_PATH: import_path()[OWN_PATH]}
    named = {name: os.environ[name] for name in config.environment}
    return {**dict.fromkeys(THREADS, str(config.n_threads)), **own, **named}
