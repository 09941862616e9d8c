"""Whoever prints need not know what became of the stream."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.console import Console

from sweeper.output import NEAREST, lost_output, output_survives

PROGRAM = """
import sys
from sweeper.output import output_survives
with output_survives():
    for i in range(20_000):
        print("line", i)
    print("mean ± deviation, größe β, 東", file=sys.stderr)
sys.exit(7)
"""


def of(descriptor: int, encoding: str = "utf-8") -> TextIO:
    return io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), encoding=encoding)


def full() -> TextIO:
    return of(os.open("/dev/full", os.O_WRONLY))


def left_by_its_reader() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return of(writer)


def gone_terminal() -> TextIO:
    ours, theirs = os.openpty()
    os.close(ours)
    return of(theirs)


def closed() -> TextIO:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    stream = of(descriptor)
    os.close(descriptor)
    return stream


@pytest.mark.parametrize(
    ("stream", "lost"),
    [(full, errno.ENOSPC), (left_by_its_reader, None), (gone_terminal, errno.EIO), (closed, errno.EBADF)],
)
def test_what_cannot_be_written_is_dropped_and_told_on_the_other_stream(
    monkeypatch: pytest.MonkeyPatch, stream: Callable[[], TextIO], lost: int | None
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream())
    monkeypatch.setattr(sys, "stderr", said)
    with output_survives():
        for _ in range(3):
            print("x" * 100_000, flush=True)
        Console().print("rich leaves the process at a broken pipe")
        sys.stdout.flush()
        failure = lost_output()
    assert (failure and failure.errno) == lost
    assert said.getvalue().count("some of what was printed is lost") == (lost is not None)
    print("late", flush=True)  # as at the end of a process


def test_a_stream_without_an_object_is_none_to_worry_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with output_survives():
        print("nowhere", flush=True)
    assert sys.stdout is None


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "0.74 +- 0.01, grosse beta, ?: ?"),
        ("latin-1", "0.74 ± 0.01, größe beta, ?: ?"),
        ("utf-8", "0.74 ± 0.01, größe β, 東: ?"),
    ],
)
def test_a_character_that_an_encoding_lacks_becomes_what_is_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    with (tmp_path / "out").open("w", encoding=encoding) as file:
        monkeypatch.setattr(sys, "stdout", file)
        with output_survives():
            print("0.74 ± 0.01, größe β, 東: \udcff")
    assert (tmp_path / "out").read_text(encoding=encoding) == f"{shown}\n"


def test_a_full_disk_that_gets_room_again_gets_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    ours, really = os.open(os.devnull, os.O_WRONLY), os.write

    def write(descriptor: int, data: Any) -> int:
        if descriptor != ours:
            return really(descriptor, data)
        written.append(bytes(data))
        if len(written) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    monkeypatch.setattr(sys, "stdout", of(ours))
    monkeypatch.setattr(os, "write", write)
    with output_survives():
        print("one", flush=True)
        print("two", flush=True)
    assert written == [b"one\n", b"two\n"]


@pytest.mark.parametrize(
    "redirected", ["| head -1", "> /dev/full", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]
)
def test_a_process_ends_as_it_would_have(redirected: str) -> None:
    words = f'set -o pipefail; "$0" -c "$1" {redirected}'
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = ["bash", "-c", words, sys.executable, PROGRAM]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert done.returncode == 7
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_what_has_no_descriptor_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = io.StringIO()
    monkeypatch.setattr(sys, "stdout", memory)
    with output_survives():
        assert sys.stdout is memory


def test_only_encoding_is_ours_to_mend() -> None:
    with pytest.raises(UnicodeDecodeError, match="ascii"):
        b"\xff".decode("ascii", NEAREST)
