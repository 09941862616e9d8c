"""Where agents dial in: one thread that meets them, hears them, and knows when they are gone.

Whoever does not know the token costs a bounded number of bytes and descriptors for a bounded time.
"""

import asyncio
import json
import resource
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Protocol

from pydantic import ValidationError

from sweeper.agent import (
    BEAT_S,
    HUSH_S,
    LEAVING_S,
    SILENCE_S,
    Frame,
    Hello,
    Kind,
    Probe,
    Probed,
    Refused,
    Welcome,
    Wire,
    WireError,
    code_hash,
    met_by_study,
    refusal,
)
from sweeper.errors import Fault, UserError

BACKLOG = 1024
MOST_STRANGERS = 1024
"""So many may be about to show who they are at a time; one more, and the first of them has to go."""
MOST_DESCRIPTORS = 65536
SWITCH_S = 0.0005
"""How long a thread that computes may keep the server's from a frame; Python's own 5 ms would be felt."""
MEETING_S = 15.0
"""So long an agent may take for the introduction."""
UNHEARD_S = 45.0
"""After an agent was last heard: until it has noticed the silence, too, and its worker has left."""
PARTING_S = 0.1
ENDING_S = 1.0
"""So long the loop waits for its connections to be gone, once it has ended them."""
KILL_S = 5.0
"""An agent that does not confirm a kill within so long is dismissed."""


@dataclass(frozen=True)
class Terms:
    """What agents are asked and told. `folder`: of the study, which both sides should see."""

    folder: Path
    cwd: Path
    path: tuple[str, ...]
    target: str | None
    n_threads: int
    environment: dict[str, str]


class RemoteEnd(Protocol):
    """What hears a worker's frames, and its end."""

    def heard(self, raw: bytes) -> None:
        """A frame of the worker's own."""

    def ended(self, how: str, *, is_hosts: bool) -> None:
        """The worker is no more."""


class Link:
    """One agent that has been taken. `leaving_because`: why it takes no further job, where it does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire, hello: Hello) -> None:
        self.hello, self.leaving_because = hello, ""
        self.heard_at = time.monotonic()
        self.is_gone, self._why = False, ""
        self._loop, self._wire = loop, wire
        self._workers: dict[int, RemoteEnd] = {}

    def send(self, frame: Frame) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the server is closed
            self._loop.call_soon_threadsafe(self._wire.send, frame)

    def attach(self, generation: int, worker: RemoteEnd) -> None:
        """A worker is started there, and heard from now on."""
        self._workers[generation] = worker
        self.send(Frame(Kind.START, generation))
        if self.is_gone:
            self._end(generation, f"the agent on {self.hello.label} is gone", is_hosts=True)

    def kill(self, generation: int) -> None:
        """End a worker; an agent that does not confirm it is dismissed."""
        self.send(Frame(Kind.KILL, generation))
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.call_later, KILL_S, self._insist, generation)

    def dismiss(self, why: str) -> None:
        """Have nothing more to do with it."""
        self._why = self._why or why
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wire.close)

    def part(self) -> None:
        """The study is over; from the server's thread."""
        self._why = self._why or "the study is over"
        self._wire.send(Frame(Kind.BYE))
        self._wire.close()

    async def listen(self, on_leaving: Callable[[], None]) -> str:
        """Pass on what the agent says until it is gone; how that was."""
        try:
            while (frame := await self._wire.receive()) is not None:
                self.heard_at = time.monotonic()
                if frame.kind is Kind.LEAVING:
                    self.leaving_because = frame.payload.decode(errors="replace")[:200]
                    on_leaving()
                elif frame.kind is Kind.FRAME and (worker := self._workers.get(frame.generation)):
                    worker.heard(frame.payload)
                elif frame.kind is Kind.ENDED:
                    how = str(json.loads(frame.payload)["how"])
                    self._end(frame.generation, how, is_hosts=bool(self.leaving_because))
        except (WireError, ValueError, LookupError, TypeError) as error:
            self._why = self._why or f"dropped: {error}"
        self._wire.close()
        return self._why or self.leaving_because or "the connection ended"

    def look(self, now: float) -> None:
        """Show that the study is here, unless the agent is silent; from the server's thread."""
        silent_s = now - self.heard_at
        if silent_s > SILENCE_S:
            self._why = self._why or f"nothing was heard for {SILENCE_S:g} s"
            self._wire.abort()
        elif silent_s < HUSH_S:
            self._wire.send(Frame(Kind.BEAT))

    def lose(self, how: str) -> None:
        """It is gone: its workers are, too, but for the time that they may take to notice."""
        self.is_gone = True
        is_silent = time.monotonic() - self.heard_at > HUSH_S
        wait_s = UNHEARD_S - SILENCE_S if is_silent else LEAVING_S
        for generation in tuple(self._workers):
            why = f"the agent on {self.hello.label} is gone ({how})"
            self._loop.call_later(wait_s, self._end, generation, why, True)

    def _end(self, generation: int, how: str, is_hosts: bool) -> None:
        if (worker := self._workers.pop(generation, None)) is not None:
            worker.ended(how, is_hosts=is_hosts)

    def _insist(self, generation: int) -> None:
        if generation in self._workers and not self.is_gone:
            self.dismiss(f"it did not confirm a kill within {KILL_S:g} s")


class Listener(Protocol):
    """Who is told of agents, from the server's thread."""

    def joined(self, link: Link) -> None:
        """An agent offers its slot."""

    def leaves(self, link: Link) -> None:
        """It takes no further job."""

    def gone(self, link: Link, how: str) -> None:
        """It is not there any more."""

    def turned_away(self, who: str, why: str) -> None:
        """Somebody was not taken."""


class AgentServer:
    """Listens from the start until `close`."""

    def __init__(
        self, bound: socket.socket, token: bytes, terms: Terms, listener: Listener, tls: "Tls | None" = None
    ) -> None:
        self._token, self._terms, self._listener, self._tls = token, terms, listener, tls
        self._strangers: dict[asyncio.Task[None], None] = {}
        self._links: set[Link] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._loop, self._is_over = asyncio.new_event_loop(), asyncio.Event()
        _raise_descriptor_limit()
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        self._own_code, self._task_code = code_hash(), code_hash(terms.target)
        self._thread = Thread(target=self._run, args=(bound,), name="agents", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say good-bye to all agents, and listen no more."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join(5.0)

    def _run(self, bound: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(bound))

    async def _serve(self, bound: socket.socket) -> None:
        context = self._tls.context if self._tls else None
        server = await asyncio.start_server(self._come, sock=bound, backlog=BACKLOG, ssl=context, limit=2**16)
        looking = asyncio.create_task(self._look_after_links())
        await self._is_over.wait()
        server.close()
        for link in tuple(self._links):
            link.part()
        await asyncio.sleep(PARTING_S)  # what was said last goes out
        looking.cancel()
        for writer in self._connections:
            writer.transport.abort()
        gone = (writer.wait_closed() for writer in self._connections)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*gone, return_exceptions=True), ENDING_S)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self._serve_one(reader, writer)
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()  # encrypted, it is open until the other side has closed it, too
            self._connections.discard(writer)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        task = asyncio.current_task()
        assert task is not None
        self._strangers[task] = None
        if len(self._strangers) > MOST_STRANGERS:
            next(iter(self._strangers)).cancel()
        peer = str((writer.get_extra_info("peername") or ("?",))[0])
        try:
            link = await self._met(reader, writer, peer, task)
        except (OSError, WireError, ValidationError, TimeoutError, asyncio.CancelledError) as error:
            self._listener.turned_away(peer, str(error).partition("\n")[0] or type(error).__name__)
            writer.transport.abort()
            link = None
        finally:
            self._strangers.pop(task, None)
        if link is not None:
            await self._keep(link)

    async def _keep(self, link: Link) -> None:
        self._links.add(link)
        self._listener.joined(link)
        how = await link.listen(lambda: self._listener.leaves(link))
        self._links.discard(link)
        link.lose(how)
        self._listener.gone(link, how)

    async def _met(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        task: "asyncio.Task[None]",
    ) -> Link | None:
        """The agent, introduced; None where it was refused. Raises WireError and others for a stranger."""
        certificate = self._tls.certificate if self._tls else b""
        wire = await met_by_study(reader, writer, self._token, certificate)
        self._strangers.pop(task, None)
        return await asyncio.wait_for(self._introduced(wire, peer), MEETING_S)

    async def _introduced(self, wire: Wire, peer: str) -> Link | None:
        terms = self._terms
        hello = Hello.model_validate_json(await _said(wire))
        why = refusal(hello, self._own_code, is_program=terms.target is None)
        if why is None:
            why = await self._probed(wire)
        if why is not None:
            wire.send(Frame(Kind.REFUSED, 0, Refused(reason=why).model_dump_json().encode()))
            await wire.drain()
            wire.close()
            self._listener.turned_away(f"the agent on {hello.node} ({peer})", why)
            return None
        welcome = Welcome(n_threads=terms.n_threads, environment=terms.environment)
        wire.send(Frame(Kind.WELCOME, 0, welcome.model_dump_json().encode()))
        return Link(self._loop, wire, hello)

    async def _probed(self, wire: Wire) -> str | None:
        """Why the agent's file system, or the code that it sees there, is not the study's; or None."""
        terms, here = self._terms, _SharedFile(self._terms.folder)
        try:
            await asyncio.to_thread(here.write)  # a slow disk keeps no other agent's frames
            probe = Probe(file=str(here.file), cwd=str(terms.cwd), path=terms.path, target=terms.target)
            wire.send(Frame(Kind.PROBE, 0, probe.model_dump_json().encode()))
            found = Probed.model_validate_json(await _said(wire))
            if found.problem or found.words != here.words:
                return found.problem or f"{terms.folder} is not the same folder there"
            if found.code != self._task_code:
                return f"the code of the task is another one there ({found.code}, here {self._task_code})"
            if await asyncio.to_thread(here.is_answered):
                return None
            return f"what it writes into {terms.folder} is not seen here"
        finally:
            await asyncio.to_thread(here.remove)

    async def _look_after_links(self) -> None:
        while True:
            now = time.monotonic()
            for link in tuple(self._links):
                link.look(now)
            await asyncio.sleep(BEAT_S)


class _SharedFile:
    """A file that an agent should find in the study's folder, and answer beside it."""

    def __init__(self, folder: Path) -> None:
        self.words = secrets.token_hex(16)
        self.file = folder / f"probe-{secrets.token_hex(6)}" / "words"

    def write(self) -> None:
        self.file.parent.mkdir(parents=True)
        self.file.write_text(self.words)

    def is_answered(self) -> bool:
        with suppress(OSError):
            return self.file.with_suffix(".answer").read_text() == self.words[::-1]
        return False

    def remove(self) -> None:
        for left in (self.file.with_suffix(".answer"), self.file):
            left.unlink(missing_ok=True)
        with suppress(OSError):
            self.file.parent.rmdir()


@dataclass(frozen=True)
class Tls:
    """What connections are encrypted with, and the certificate that shows (DER)."""

    context: ssl.SSLContext
    certificate: bytes


def bound_to(host: str, port: int) -> socket.socket:
    """A socket on this address; `auto` is the one by which this machine is reached. Raises UserError."""
    name = outward_address() if host == "auto" else host
    try:
        return socket.create_server((name, port), backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        where = "executor.host" if port == 0 else "executor.host, executor.port"
        problem = f"got {name}:{port}, where this machine cannot listen ({error})"
        raise UserError(
            Fault(where, problem, "Name an address of this machine, and a free port or 0")
        ) from error


def outward_address() -> str:
    """The address of this machine on the way to others; the loopback where there are none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the interface
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


async def _said(wire: Wire) -> bytes:
    frame = await wire.receive()
    if frame is None or frame.kind is not Kind.HELLO:
        raise WireError("it left before it had introduced itself")
    return frame.payload


def _raise_descriptor_limit() -> None:
    """More connections than a shell's usual 1,024, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
