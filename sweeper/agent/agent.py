"""One slot on this host for a study elsewhere: dials it, keeps one worker, passes frames both ways.

A worker's frames go on unread. When the agent is told to leave (SIGTERM, SIGINT, and what batch systems send
before they take a host away: SIGUSR1, SIGUSR2), its run writes a checkpoint and goes on elsewhere. When the
study is gone, the run writes a checkpoint, too, and the agent ends.
"""

import asyncio
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.agent.gpus import VISIBLE
from sweeper.agent.handshake import StrangerError, met_by_agent
from sweeper.agent.introduction import Hello, Probe, Refused, Welcome, hello, probed
from sweeper.agent.slot_process import SlotProcess
from sweeper.agent.wire import BEAT_S, SILENCE_S, Frame, Kind, Wire, WireError

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
SOFT_S = 18.0
"""So long a run that has to leave may take for its present step; then its worker leaves within seconds."""
REDIAL_S = 30.0
"""So long a study that was there, and does not answer, is looked for; one that is gone refuses at once."""
LINGER_S = 600.0
NEAR_END_S = 90.0
UNANSWERED_CODE, REFUSED_CODE = 1, 3


@dataclass(frozen=True)
class Address:
    """Where a study listens."""

    host: str
    port: int
    is_tls: bool = False

    def __str__(self) -> str:
        return f"{'tls' if self.is_tls else 'tcp'}://{self.host}:{self.port}"


class RefusedError(WireError):
    """The study does not take this agent; it would not the next time either."""


class Child:
    """The worker of one generation."""

    def __init__(self, agent: "Agent", generation: int, environment: Mapping[str, str]) -> None:
        self.generation, self._agent = generation, agent
        self._loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        self.process = SlotProcess(environment, self._heard, self._ended)

    def _heard(self, raw: bytes) -> None:  # from the reader's thread, as is `_ended`
        self._tell(self._agent.say, Frame(Kind.FRAME, self.generation, raw))

    def _ended(self, problem: str | None) -> None:
        self._tell(asyncio.ensure_future, self._see_off(problem))

    def _tell(self, function: object, argument: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, argument)  # type: ignore[arg-type]

    async def _see_off(self, problem: str | None) -> None:
        if problem is not None:
            self.process.kill()
        how = await asyncio.to_thread(self.process.reap)
        self._agent.say(ended(self.generation, f"worker dropped: {problem}" if problem else how))
        self.over.set()


def ended(generation: int, how: str) -> Frame:
    """That a worker has ended."""
    return Frame(Kind.ENDED, generation, json.dumps({"how": how}).encode())


class Agent:
    """Offers its slot until it has to leave, or the study is over."""

    def __init__(self, address: Address, token: bytes, *, patience_s: float, stagger_s: float = 0.0) -> None:
        self._address, self._token = address, token
        self._patience_s, self._stagger_s = patience_s, stagger_s
        self._wire: Wire | None = None
        self._child: Child | None = None
        self._environment: dict[str, str] = {}
        self._heard_at = 0.0
        self.leaving_because = ""
        self._is_told_bye = False
        self._hanging_up: asyncio.Future[None] | None = None

    async def run(self) -> int:
        """Serve; the exit code."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.leave, signal.Signals(number).name)
        await asyncio.sleep(random.uniform(0, self._stagger_s))
        patience_s = self._patience_s
        while True:
            try:
                wire, me = await self._joined(patience_s)
            except RefusedError as error:
                print(f"refused by {self._address}: {error}", file=sys.stderr, flush=True)
                return REFUSED_CODE
            except (OSError, WireError) as error:
                if self.leaving_because:
                    return 0
                gone = patience_s == REDIAL_S  # without a word, so that it may come back, and want agents
                why = "the study is gone" if gone else f"{error}; gave up after {patience_s:g} s"
                print(f"{self._address}: {why}", file=sys.stderr, flush=True)
                return UNANSWERED_CODE
            if self.leaving_because:  # told while the two met
                wire.close()
                return 0
            print(f"{me.label}: one slot for the study at {self._address}", flush=True)
            await self._serve(wire)
            await self._end_child()
            if self.leaving_because:
                wire.close()
                await depart(self.leaving_because)
                return 0
            if self._is_told_bye:
                return 0
            patience_s = REDIAL_S

    def say(self, frame: Frame) -> None:
        """Tell the study, if it is there."""
        if self._wire is not None:
            self._wire.send(frame)

    def leave(self, why: str) -> None:
        """Give the slot up: no further job, and the one that runs leaves with a checkpoint."""
        if self.leaving_because:
            return
        self.leaving_because = why
        self.say(Frame(Kind.LEAVING, 0, why.encode()))
        if self._child is None:
            self._hang_up()
            return
        self._child.process.ask_to_leave()
        asyncio.get_running_loop().call_later(SOFT_S, self._child.process.finish)
        self._hanging_up = asyncio.ensure_future(self._hang_up_after(self._child))

    async def _hang_up_after(self, child: Child) -> None:
        await child.over.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.close()

    async def _joined(self, patience_s: float) -> tuple[Wire, Hello]:
        """A study that has taken the slot, and who it took. Raises RefusedError, OSError, WireError."""
        deadline, pause_s, said = time.monotonic() + patience_s, 0.5, False
        while True:
            try:
                return await self._introduced()
            except (OSError, WireError) as error:
                is_over = isinstance(error, ConnectionRefusedError) and patience_s == REDIAL_S
                if isinstance(error, RefusedError) or is_over or self._is_late(deadline):
                    raise
                if not said:
                    again = f"{error}; tries again for {patience_s:g} s"
                    print(f"{self._address}: {again}", file=sys.stderr, flush=True)
                said = True
            await asyncio.sleep(random.uniform(0.5, 1.0) * pause_s)
            pause_s = min(2 * pause_s, 10.0)

    def _is_late(self, deadline: float) -> bool:
        return bool(self.leaving_because) or time.monotonic() > deadline

    async def _introduced(self) -> tuple[Wire, Hello]:
        context = _unchecked_tls() if self._address.is_tls else None
        connecting = asyncio.open_connection(self._address.host, self._address.port, ssl=context)
        reader, writer = await asyncio.wait_for(connecting, 10)
        try:
            return await self._taken(await met_by_agent(reader, writer, self._token))
        except BaseException:
            writer.close()
            raise

    async def _taken(self, wire: Wire) -> tuple[Wire, Hello]:
        """The introduction, up to the study's welcome."""
        me = hello()
        wire.send(Frame(Kind.HELLO, 0, me.model_dump_json().encode()))
        probe = Probe.model_validate_json(await _answer(wire, Kind.PROBE))
        found = await asyncio.to_thread(probed, probe)
        wire.send(Frame(Kind.HELLO, 0, found.model_dump_json().encode()))
        welcome = Welcome.model_validate_json(await _answer(wire, Kind.WELCOME))
        unseen = {} if me.device != "cpu" else {VISIBLE: ""}
        self._environment = {**welcome.environment, **unseen}
        self._wire, self._heard_at = wire, time.monotonic()
        return wire, me

    async def _serve(self, wire: Wire) -> None:
        """Until the connection is over."""
        beating = asyncio.ensure_future(self._beat(wire))
        try:
            while (frame := await wire.receive()) is not None:
                self._heard_at = time.monotonic()
                self._obey(frame)
                if self._is_told_bye:
                    break
        except WireError as error:
            print(f"{self._address}: {error}", file=sys.stderr, flush=True)
        beating.cancel()
        self._wire = None
        wire.close()

    def _obey(self, frame: Frame) -> None:
        if frame.kind is Kind.BYE:
            self._is_told_bye = True
        elif frame.kind is Kind.START and self.leaving_because:
            self.say(ended(frame.generation, f"the agent leaves ({self.leaving_because})"))
        elif frame.kind is Kind.START:
            self._child = Child(self, frame.generation, self._environment)
        elif (child := self._child) is not None and child.generation == frame.generation:
            if frame.kind is Kind.FRAME:
                child.process.send(frame.payload)
            elif frame.kind is Kind.FINISH:
                child.process.finish()
            elif frame.kind is Kind.KILL:
                child.process.kill()

    async def _beat(self, wire: Wire) -> None:
        while time.monotonic() - self._heard_at < SILENCE_S:
            wire.send(Frame(Kind.BEAT))
            await asyncio.sleep(BEAT_S)
        print(f"{self._address}: nothing was heard for {SILENCE_S:g} s", file=sys.stderr, flush=True)
        wire.close()

    async def _end_child(self) -> None:
        """The study is gone, or has had enough: what still runs writes a checkpoint and leaves."""
        if self._child is not None:
            self._child.process.finish()
            await self._child.over.wait()
            self._child = None


async def _answer(wire: Wire, kind: Kind) -> bytes:
    frame = await asyncio.wait_for(wire.receive(), SILENCE_S)
    if frame is None:
        raise StrangerError("the connection was closed by the study")
    if frame.kind is Kind.REFUSED:
        raise RefusedError(Refused.model_validate_json(frame.payload).reason)
    if frame.kind is not kind:
        raise WireError(f"got {frame.kind.name}; expected {kind.name}")
    return frame.payload


def _unchecked_tls() -> ssl.SSLContext:
    """Any certificate will do: the proofs of the handshake cover the one that was shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def depart(why: str, environ: Mapping[str, str] = os.environ) -> None:
    """Leave a batch system such that it starts this agent again where it would.

    A job that ends by itself is complete for SLURM; one that waits to be killed is requeued after a
    preemption. At a time limit it is not, and has to ask for it.
    """
    job = environ.get("SLURM_JOB_ID")
    if job is None or why in ("SIGTERM", "SIGINT"):  # cancelled: nobody wants it back
        return
    end = environ.get("SLURM_JOB_END_TIME", "")
    if end.isdigit() and int(end) - time.time() < NEAR_END_S:
        await asyncio.to_thread(subprocess.run, ["scontrol", "requeue", job], check=False)
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
    await asyncio.sleep(LINGER_S)
