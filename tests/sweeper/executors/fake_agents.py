"""Agents without a worker, many in one process: they meet a study and say what a test wants."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from sweeper.agent.agent import _unchecked_tls
from sweeper.agent.handshake import met_by_agent
from sweeper.agent.introduction import Hello, Probe, Probed, hello, probed
from sweeper.agent.wire import Frame, Kind, Wire, WireError
from sweeper.executors.remote import RemoteExecutor

Answer = Callable[[Probe], Probed]


class FakeAgent:
    """One connection to a study. `changes` are made to what it says of itself."""

    def __init__(self, executor: RemoteExecutor, answer: Answer = probed, **changes: Any) -> None:
        self.address = urlsplit(executor.address)
        self.token = executor.token_file.read_text().strip().encode()
        self.answer, self.changes = answer, changes
        self.wire: Wire | None = None

    async def join(self) -> Frame:
        """Meet the study; its last word of the introduction."""
        tls = _unchecked_tls() if self.address.scheme == "tls" else None
        reader, writer = await asyncio.open_connection(self.address.hostname, self.address.port, ssl=tls)
        try:
            self.wire = await met_by_agent(reader, writer, self.token)
        except WireError:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            raise
        said: Hello = hello().model_copy(update=self.changes)
        self.wire.send(Frame(Kind.HELLO, 0, said.model_dump_json().encode()))
        frame = await self._next()
        if frame.kind is not Kind.PROBE:
            return frame
        found = self.answer(Probe.model_validate_json(frame.payload))
        self.wire.send(Frame(Kind.HELLO, 0, found.model_dump_json().encode()))
        return await self._next()

    async def _next(self) -> Frame:
        assert self.wire is not None
        frame = await asyncio.wait_for(self.wire.receive(), 20)
        assert frame is not None, "the study closed the connection"
        return frame

    async def close(self) -> None:
        """Leave without a word."""
        if self.wire is not None:
            self.wire.close()
            with suppress(OSError):
                await self.wire._writer.wait_closed()


def last_word(agent: FakeAgent) -> Frame:
    """The study's last word of the introduction, the connection closed after it."""

    async def meet() -> Frame:
        try:
            return await agent.join()
        finally:
            await agent.close()

    return asyncio.run(meet())


def news_of(executor: RemoteExecutor, *words: str, timeout_s: float = 20.0) -> str:
    """All that the executor tells until every one of `words` is in it."""
    told, deadline = "", time.monotonic() + timeout_s
    while not all(word in told for word in words):
        assert time.monotonic() < deadline, told
        executor.receive(0.05)
        told += "\n".join(executor.news())
    return told
