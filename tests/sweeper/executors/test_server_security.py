"""What strangers may send to a study that listens, and what somebody between may do; the study goes on."""

import asyncio
import gc
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sweeper.agent.agent import _unchecked_tls
from sweeper.agent.handshake import BANNER, NONCE_BYTES, StrangerError, met_by_agent, met_by_study
from sweeper.agent.wire import Frame, Kind, Wire, WireError
from sweeper.executors.certificate import new_certificate
from sweeper.executors.remote import RemoteExecutor
from sweeper.messages import Finished
from sweeper.worker import MAX_FRAME_BYTES
from tests.contracts.test_executor_contract import until_ended
from tests.sweeper.executors.agents import remote_executor, started_agent, until
from tests.sweeper.executors.fake_agents import FakeAgent, news_of
from tests.sweeper.executors.proxy import Proxy
from tests.sweeper.worker.toy_jobs import toy_job

TOKEN = b"0123456789abcdef"
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemoteExecutor, Proxy]]:
    """A study, and its one agent behind a proxy that keeps what it passes on."""
    executor = remote_executor(tmp_path_factory.mktemp("through"))
    proxy = Proxy(executor.address)
    agent = started_agent(executor, through=proxy.address)
    until(executor, 1)
    yield executor, proxy
    executor.close()
    agent.wait(30)
    proxy.close()
    assert agent.stdout is not None
    agent.stdout.close()


def place_of(executor: RemoteExecutor) -> tuple[str, int]:
    address = urlsplit(executor.address)
    return address.hostname or "", address.port or 0


def trains(executor: RemoteExecutor, folder: Path, name: str) -> bool:
    executor.submit(executor.slots[0], job := toy_job(folder, name))
    return isinstance(until_ended(executor, job)[-1], Finished)


def test_ten_thousand_connections_of_garbage_leave_a_study_running(
    through: tuple[RemoteExecutor, Proxy], tmp_path: Path
) -> None:
    """A port scan, a browser, noise, half a greeting, silence; a run trains meanwhile."""
    executor, _ = through
    place = place_of(executor)
    kinds = [b"", HTTP, os.urandom(200), BANNER[:5], BANNER + os.urandom(NONCE_BYTES + 32), b"\0" * 5000]

    def pour() -> None:
        open_ones: list[socket.socket] = []
        for number in range(10_000):
            with suppress(OSError):
                open_ones.append(socket.create_connection(place, timeout=10))
                open_ones[-1].sendall(kinds[number % len(kinds)])
            if len(open_ones) > 300:
                open_ones.pop(0).close()
        for stranger in open_ones:
            stranger.close()

    pouring = threading.Thread(target=pour)
    pouring.start()
    n_trained = 0
    while pouring.is_alive():
        assert trains(executor, tmp_path, f"run-{n_trained}")
        n_trained += 1
    pouring.join()
    assert n_trained > 0
    assert len(executor.slots) == 1
    assert len(executor.news()) < 20


def test_what_an_agent_said_is_of_no_use_to_whoever_says_it_again(
    through: tuple[RemoteExecutor, Proxy], tmp_path: Path
) -> None:
    executor, proxy = through
    assert trains(executor, tmp_path, "before")
    recorded = proxy.kept["to study"]
    with socket.create_connection(place_of(executor), timeout=20) as thief:
        thief.sendall(recorded)
        answer = b""
        with suppress(OSError):
            while part := thief.recv(4096):
                answer += part
    assert len(answer) == len(BANNER) + NONCE_BYTES  # its greeting, which everybody gets
    assert len(executor.slots) == 1
    assert trains(executor, tmp_path, "after")


def test_a_frame_sent_twice_within_a_connection_ends_it(tmp_path: Path) -> None:
    """The run goes on elsewhere; what was slipped in is never read."""
    executor = remote_executor(tmp_path / "agents")
    proxy = Proxy(executor.address)
    agent = started_agent(executor, through=proxy.address)
    try:
        until(executor, 1)
        beat = 9 + 16  # a frame without payload: its header, its seal
        time.sleep(5.5)
        proxy.send_to_study(proxy.kept["to study"][-beat:])
        told = news_of(executor, "left")
        assert "dropped: a frame with a wrong seal" in told
    finally:
        executor.close()
        agent.kill()
        agent.wait()
        proxy.close()
        assert agent.stdout is not None
        agent.stdout.close()


def test_an_encrypted_study_trains_and_nothing_readable_passes(tmp_path: Path) -> None:
    executor = remote_executor(tmp_path / "agents", tls=True)
    assert executor.address.startswith("tls://127.0.0.1:")
    proxy = Proxy(executor.address)
    agent = started_agent(executor, through=proxy.address)
    try:
        until(executor, 1)
        assert trains(executor, tmp_path, "secret-name")
        passed = proxy.kept["to study"] + proxy.kept["to agent"]
        assert BANNER not in passed
        assert b"secret-name" not in passed
    finally:
        executor.close()
        agent.wait(30)
        proxy.close()
        assert agent.stdout is not None
        agent.stdout.close()


def test_a_study_that_ends_leaves_no_connection_to_an_agent_that_does_not_close_it(tmp_path: Path) -> None:
    """An encrypted connection is open until both sides have closed it; this agent has stopped reading."""
    executor = remote_executor(tmp_path / "agents", tls=True)

    async def refused() -> None:
        agent = FakeAgent(executor, code="another")
        assert (await agent.join()).kind is Kind.REFUSED
        assert agent.wire is not None
        agent.wire._writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.to_thread(executor.close)
        agent.wire.abort()

    asyncio.run(refused())
    gc.collect()  # a socket that was left open is a ResourceWarning, which fails this test


def test_without_encryption_jobs_can_be_read_but_not_the_token(
    through: tuple[RemoteExecutor, Proxy], tmp_path: Path
) -> None:
    """What TLS is for; the name of the run shows that the test above looks at what passes."""
    executor, proxy = through
    assert trains(executor, tmp_path, "open-name")
    passed = proxy.kept["to study"] + proxy.kept["to agent"]
    assert b"open-name" in passed
    assert executor.token_file.read_bytes().strip() not in passed


async def _meeting(token_of_agent: bytes, token_of_study: bytes) -> tuple[Wire, Wire]:
    """Both sides of a handshake over loopback. Raises what either side does."""
    met: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()

    async def study(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            met.set_result(await met_by_study(reader, writer, token_of_study))
        except WireError as error:
            writer.close()
            met.set_exception(error)

    server = await asyncio.start_server(study, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        agent = await met_by_agent(reader, writer, token_of_agent)
        return agent, await met
    except WireError:
        writer.close()
        with suppress(WireError):
            await met
        raise
    finally:
        server.close()


def test_frames_come_out_as_they_went_in() -> None:
    async def talk() -> list[Frame | None]:
        agent, study = await _meeting(TOKEN, TOKEN)
        sent = [Frame(Kind.FRAME, 3, b"x" * size) for size in (0, 1, 2**20)]
        for frame in sent:
            agent.send(frame)
        heard = [await study.receive() for _ in sent]
        agent.close()
        heard.append(await study.receive())
        study.close()
        assert heard[:-1] == sent
        return heard

    assert asyncio.run(talk())[-1] is None


def test_neither_side_talks_to_who_has_another_token() -> None:
    with pytest.raises(StrangerError):
        asyncio.run(_meeting(TOKEN, b"another"))


def test_a_study_that_only_pretends_is_found_out() -> None:
    """It takes any proof, and makes its own with another token."""

    async def talk() -> None:
        async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(BANNER + os.urandom(NONCE_BYTES))
            await reader.readexactly(len(BANNER) + NONCE_BYTES + 32)
            writer.write(os.urandom(32))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(pretend, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        try:
            await met_by_agent(reader, writer, TOKEN)
        finally:
            writer.close()
            server.close()

    with pytest.raises(StrangerError, match="does not know the token"):
        asyncio.run(talk())


def test_a_frame_beyond_the_bound_is_not_read() -> None:
    async def talk() -> None:
        agent, study = await _meeting(TOKEN, TOKEN)
        agent._writer.write((MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"F" + bytes(4))
        try:
            await study.receive()
        finally:
            agent.close()
            study.close()

    with pytest.raises(WireError, match=f"a frame of {MAX_FRAME_BYTES + 1} bytes"):
        asyncio.run(talk())


@pytest.mark.parametrize("where", [0, 4, 5, 9, -1])
def test_a_frame_that_was_changed_on_its_way_ends_the_connection(where: int) -> None:
    """In its length, kind, generation, payload or seal."""

    async def talk() -> Frame | None:
        agent, study = await _meeting(TOKEN, TOKEN)
        written: list[bytes] = []
        real, agent._writer.write = agent._writer.write, written.append  # type: ignore
        agent.send(Frame(Kind.FRAME, 1, b"payload"))
        agent._writer.write = real  # type: ignore[method-assign]
        raw = bytearray(written[0])
        raw[where] ^= 1
        agent._writer.write(bytes(raw))
        agent.close()
        try:
            return await study.receive()
        finally:
            study.close()

    with suppress(WireError):
        assert asyncio.run(talk()) is None  # the length reaches beyond what came


def test_somebody_between_with_a_certificate_of_his_own_cannot_pass_the_proofs_on() -> None:
    """He reads all and writes all, but the proofs cover the certificate that each side knows."""

    async def talk() -> None:
        context, certificate = new_certificate()
        theirs, _ = new_certificate()

        async def study(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(WireError, OSError):
                await met_by_study(reader, writer, TOKEN, certificate)
            writer.close()

        real = await asyncio.start_server(study, "127.0.0.1", 0, ssl=context)

        async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            place = real.sockets[0].getsockname()[:2]
            onward_reader, onward = await asyncio.open_connection(*place, ssl=_unchecked_tls())

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                with suppress(OSError, ssl.SSLError):
                    while part := await source.read(4096):
                        target.write(part)
                        await target.drain()
                target.close()

            await asyncio.gather(copy(reader, onward), copy(onward_reader, writer))

        false = await asyncio.start_server(between, "127.0.0.1", 0, ssl=theirs)
        for server, is_met in ((real, True), (false, False)):
            place = server.sockets[0].getsockname()[:2]
            reader, writer = await asyncio.open_connection(*place, ssl=_unchecked_tls())
            try:
                await met_by_agent(reader, writer, TOKEN)
                assert is_met
            except StrangerError:
                assert not is_met
            finally:
                writer.close()
                with suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()
        real.close()
        false.close()

    asyncio.run(talk())
