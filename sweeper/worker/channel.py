"""How a parent and its worker talk: JSON frames of bounded size over a pair of connected UNIX sockets.

The pair is made by the parent and has no name: nobody else can connect, there is no file to protect or to
leave behind, and when either side dies, however that is, the other reads the end of the stream.

`multiprocessing.connection.Connection` frames in the same way and is as fast. It is not used since it knows
its descriptor by number only: closed by one thread while another reads, it could read on from a new worker's.
Nor does it say how long a refused frame was.
"""

import socket
import struct
from contextlib import suppress
from threading import Lock
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sweeper.errors import SweeperError
from sweeper.messages import Message, MessageAdapter, Reply
from sweeper.models import StrictModel
from sweeper.trial import JobSpec

MAX_FRAME_BYTES = 16 * 2**20
SEND_TIMEOUT_S = 10
_LENGTH = struct.Struct(">I")


class ChannelError(SweeperError):
    """The peer does not keep to the rules, or does not read; it cannot be talked to any more."""


class Work(StrictModel):
    """Parent to worker: run this job."""

    kind: Literal["work"] = "work"
    job: JobSpec


class Answer(StrictModel):
    """Parent to worker: the reply to the job's last `Reported`."""

    kind: Literal["answer"] = "answer"
    job_id: str
    reply: Reply


class Leave(StrictModel):
    """Parent to worker: end the job after its present step, with a checkpoint."""

    kind: Literal["leave"] = "leave"
    job_id: str


Order = Annotated[Work | Answer | Leave, Field(discriminator="kind")]
OrderAdapter: TypeAdapter[Order] = TypeAdapter(Order)


class Channel:
    """One end of the conversation. Any thread may send; one thread receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket, self._sending = end, Lock()
        # a peer that does not read must not hold up whoever sends; receiving may wait for ever
        timeout = struct.pack("ll", SEND_TIMEOUT_S, 0)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)

    def send(self, frame: StrictModel) -> None:
        """Raises ChannelError where the peer is gone, or has not read for `SEND_TIMEOUT_S`."""
        self.send_raw(frame.model_dump_json(by_alias=True).encode())

    def send_raw(self, raw: bytes) -> None:
        """The same for a frame that is written already."""
        if len(raw) > MAX_FRAME_BYTES:
            raise ChannelError(f"a frame of {len(raw)} bytes; at most {MAX_FRAME_BYTES} can be sent")
        try:
            with self._sending:
                self._socket.sendall(_LENGTH.pack(len(raw)) + raw)
        except OSError as error:
            raise ChannelError(f"the peer does not listen ({error.strerror or error})") from error

    def receive(self) -> bytes | None:
        """The next frame, waiting for it; None at the end of the stream. Raises ChannelError."""
        header = self._read(_LENGTH.size)
        if not header:
            return None
        if len(header) < _LENGTH.size:
            raise ChannelError("the stream ends within a frame's length")
        (length,) = _LENGTH.unpack(header)
        if length > MAX_FRAME_BYTES:
            raise ChannelError(f"a frame of {length} bytes; at most {MAX_FRAME_BYTES} are accepted")
        raw = self._read(length)
        if len(raw) < length:
            raise ChannelError(f"the stream ends within a frame ({len(raw)} of {length} bytes)")
        return raw

    def finish(self) -> None:
        """Say no more; the peer reads the end of the stream, and may still answer."""
        with suppress(OSError):  # the peer is gone
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of the socket; a `receive` under way returns."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, n_bytes: int) -> bytes:
        """So many bytes, or fewer at the end of the stream."""
        parts, missing = [], n_bytes
        while missing:
            try:
                part = self._socket.recv(min(missing, 2**20))
            except OSError:  # a dead peer with unread words of ours resets the stream
                part = b""
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def read_message(raw: bytes) -> Message:
    """What a worker says. Raises ChannelError where it is no message."""
    try:
        return MessageAdapter.validate_json(raw)
    except ValidationError as error:
        raise ChannelError(f"not a message: {_first(error)}") from error


def read_order(raw: bytes) -> Order:
    """What a parent says. Raises ChannelError where it is no order."""
    try:
        return OrderAdapter.validate_json(raw)
    except ValidationError as error:
        raise ChannelError(f"not an order: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    return str(error.errors(include_url=False, include_input=False)[0]["msg"])
