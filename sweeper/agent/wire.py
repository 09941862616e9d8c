"""Frames between a study and an agent: bounded, numbered, and sealed with a key that both derived.

    study ──START, FRAME, FINISH, KILL, BEAT, BYE──> agent
    agent ──FRAME, ENDED, LEAVING, BEAT────────────> study

A FRAME is a worker's own (`worker.channel`), passed on unread. `generation` tells the workers of an agent
apart, which has one at a time. The seal covers the frame's number in its direction, so that a frame that is
changed, left out, or sent twice by somebody between ends the connection.
"""

import asyncio
import hmac
import struct
from dataclasses import dataclass
from enum import Enum

from sweeper.errors import SweeperError
from sweeper.worker import MAX_FRAME_BYTES

BEAT_S = 5.0
"""How often either side shows that it is there."""
SILENCE_S = 25.0
"""After so long without a sign the other side is gone."""
HUSH_S = 10.0
"""A study that has not heard an agent for so long says nothing more: the agent will know it for gone, too."""
LEAVING_S = 12.0
"""So long after the end of the connection a worker may still be at its last step."""
_HEADER = struct.Struct(">IcI")
_NUMBER = struct.Struct(">Q")
_SEAL_BYTES = 16


class Kind(bytes, Enum):
    """What a frame is. The first four are of the meeting, one each way in turn."""

    HELLO = b"H"
    REFUSED = b"R"
    PROBE = b"P"
    WELCOME = b"W"
    START = b"S"
    FRAME = b"F"
    FINISH = b"X"
    KILL = b"K"
    ENDED = b"E"
    LEAVING = b"L"
    BEAT = b"B"
    BYE = b"Y"


class WireError(SweeperError):
    """The other side does not keep to the rules; the connection is over."""


@dataclass(frozen=True)
class Frame:
    """One frame; `generation` is 0 where it is about no worker."""

    kind: Kind
    generation: int = 0
    payload: bytes = b""


class Wire:
    """An authenticated connection: frames out, frames in. Used from one event loop only."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key_in: bytes, key_out: bytes
    ) -> None:
        self._reader, self._writer = reader, writer
        self._key_in, self._key_out = key_in, key_out
        self._n_in = self._n_out = 0

    def send(self, frame: Frame) -> None:
        """Hand it to the connection; one that is over gets none."""
        if self._writer.is_closing():
            return
        header = _HEADER.pack(len(frame.payload), frame.kind.value, frame.generation)
        body = header + frame.payload
        self._writer.write(body + _seal(self._key_out, self._n_out, body))
        self._n_out += 1

    async def receive(self) -> Frame | None:
        """The next frame; None at the end of the stream. Raises WireError."""
        try:
            header = await self._reader.readexactly(_HEADER.size)
            n_bytes, kind, generation = _HEADER.unpack(header)
            if n_bytes > MAX_FRAME_BYTES:
                raise WireError(f"a frame of {n_bytes} bytes; at most {MAX_FRAME_BYTES} are accepted")
            rest = await self._reader.readexactly(n_bytes + _SEAL_BYTES)
        except (asyncio.IncompleteReadError, OSError):
            return None
        payload, seal = rest[:n_bytes], rest[n_bytes:]
        if not hmac.compare_digest(seal, _seal(self._key_in, self._n_in, header + payload)):
            raise WireError("a frame with a wrong seal")
        self._n_in += 1
        try:
            return Frame(Kind(kind), generation, payload)
        except ValueError:
            raise WireError(f"a frame of an unknown kind, {kind!r}") from None

    async def drain(self) -> None:
        """Wait until the connection has taken what was sent."""
        await self._writer.drain()

    @property
    def is_over(self) -> bool:
        """Whether it was closed here."""
        return self._writer.is_closing()

    def close(self) -> None:
        """End the connection; what was sent before still goes out."""
        if not self.is_over:  # an encrypted one that is closed twice cannot be aborted any more (Python 3.11)
            self._writer.close()

    def abort(self) -> None:
        """End the connection at once: the other side does not take anything any more."""
        self._writer.transport.abort()


def _seal(key: bytes, number: int, body: bytes) -> bytes:
    return hmac.digest(key, _NUMBER.pack(number) + body, "sha256")[:_SEAL_BYTES]
