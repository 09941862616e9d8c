"""Frames over a socket pair: what arrives is what was sent, and a bad peer does no harm."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from sweeper.messages import Alive, MessageAdapter, Reported
from sweeper.worker.channel import (
    MAX_FRAME_BYTES,
    Answer,
    Channel,
    ChannelError,
    Leave,
    read_message,
    read_order,
)

REPORT = Reported(job_id="j", trial=1, seed=0, attempt=2, step=5, metrics={"val/auc": 0.5}, steps_per_s=2.0)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket of its peer."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_what_arrives_is_what_was_sent(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    peer = Channel(theirs)
    peer.send(REPORT)
    peer.send(Answer(job_id="j", reply="prune"))
    assert read_message(channel.receive() or b"") == REPORT
    assert read_order(channel.receive() or b"") == Answer(job_id="j", reply="prune")


def test_frames_of_many_threads_do_not_mix(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    peer = Channel(theirs)

    def send(number: int) -> None:
        for step in range(200):
            peer.send(Alive(job_id=str(number) * 50, trial=number, seed=0, attempt=1, step=step))

    threads = [threading.Thread(target=send, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    heard = [read_message(channel.receive() or b"") for _ in range(800)]
    for thread in threads:
        thread.join()
    for number in range(4):
        steps = [m.step for m in heard if isinstance(m, Alive) and m.trial == number]
        assert steps == list(range(200))


def test_the_end_of_the_stream_is_none(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.close()
    assert channel.receive() is None


def test_a_peer_that_finished_can_still_be_answered(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    peer = Channel(theirs)
    peer.finish()
    assert channel.receive() is None
    channel.send(Leave(job_id="j"))
    assert read_order(peer.receive() or b"") == Leave(job_id="j")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (struct.pack(">I", MAX_FRAME_BYTES + 1), "at most 16777216 are accepted"),
        (b"\x00\x00", "within a frame's length"),
        (struct.pack(">I", 10) + b"four", "4 of 10 bytes"),
    ],
)
def test_an_oversized_or_broken_frame_is_refused(
    raw: bytes, problem: str, pair: tuple[Channel, socket.socket]
) -> None:
    channel, theirs = pair
    theirs.sendall(raw)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ChannelError, match=problem):
        channel.receive()


@pytest.mark.parametrize("raw", [b"no json", b"{}", b'{"kind": "reported"}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(ChannelError, match="not a message"):
        read_message(raw)
    with pytest.raises(ChannelError, match="not an order"):
        read_order(raw)


def test_more_than_fits_is_not_even_sent(pair: tuple[Channel, socket.socket]) -> None:
    channel, _ = pair
    with pytest.raises(ChannelError, match="at most 16777216 can be sent"):
        channel.send(Leave(job_id="j" * MAX_FRAME_BYTES))


def test_a_peer_that_does_not_read_holds_nobody_up(
    pair: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, _ = pair
    channel._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
    with pytest.raises(ChannelError, match="does not listen"):
        channel.send(Leave(job_id="j" * 2**22))


def test_a_number_that_json_lacks_cannot_slip_through() -> None:
    raw = REPORT.model_copy(update={"metrics": {"val/auc": float("nan")}}).model_dump_json()
    with pytest.raises(ValueError, match="metrics"):
        MessageAdapter.validate_json(raw)
