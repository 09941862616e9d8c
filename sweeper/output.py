"""Standard output and standard error that outlive their readers: nothing that is printed ends the work.

A reader that stops early, a full disk, a stream that is closed, a terminal that is gone or that lacks a
character: what cannot be written there is dropped, and whoever prints need not know.
"""

import codecs
import errno
import io
import os
import select
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

NEAREST = "sweeper.nearest"
"""The name of our way to encode what an encoding lacks."""
IN_ASCII = {
    **dict(zip("ßæÆøØ", ("ss", "ae", "AE", "o", "O"), strict=True)),
    **dict(zip("αβγλμ", ("alpha", "beta", "gamma", "lambda", "u"), strict=True)),
    **dict(zip("±×≤≥…", ("+-", "x", "<=", ">=", "..."), strict=True)),  # noqa: RUF001
    **dict.fromkeys("─━╸╺–—−‐‑", "-"),  # noqa: RUF001
    **dict.fromkeys("‘’‚", "'"),  # noqa: RUF001
    **dict.fromkeys("“”„", '"'),
}
PASSING = {errno.ENOSPC, errno.EDQUOT}
"""After these a later write may succeed."""


class Surviving(io.RawIOBase):
    """Writes to a descriptor while that works. `failure` is the first reason why something was dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._is_gone = descriptor, False
        self.failure: OSError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal, and still there."""
        return not self._is_gone and os.isatty(self._descriptor)

    def write(self, data: memoryview) -> int:  # type: ignore[override]  # what BufferedWriter hands over
        """The length of `data`, written or not."""
        left = memoryview(data)
        while left and not self._is_gone:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.failure = self.failure or error
                self._is_gone = error.errno not in PASSING
                break
        return len(data)


@contextmanager
def output_survives() -> Iterator[None]:
    """Within, `sys.stdout` and `sys.stderr` never fail; a loss on the first is told on the second."""
    if _raw(sys.stdout) is not None and _raw(sys.stderr) is not None:
        yield  # a command called by another one
        return
    _open_closed_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _surviving(sys.stdout), _surviving(sys.stderr)
    try:
        yield
    finally:
        _flush_and_tell()
        for stream, earlier in zip((sys.stdout, sys.stderr), before, strict=True):
            _let_go(stream)
            if earlier is None:
                stream.close()
        sys.stdout, sys.stderr = before


def lost_output() -> OSError | None:
    """Why something printed on standard output is lost; None where all is there, or its reader had enough."""
    failure = _failure(sys.stdout)
    return None if failure is None or failure.errno == errno.EPIPE else failure


def _surviving(stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if _raw(stream) is not None:
        return stream
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream  # in memory: a test's, or an embedding program's
    with suppress(OSError, ValueError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Surviving(descriptor)),  # type: ignore[type-var]  # mode and name are for others
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=NEAREST,
        line_buffering=True,  # whoever reads along, in a log file too, sees each line when it is printed
    )


def _raw(stream: TextIO | None) -> Surviving | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Surviving) else None


def _failure(stream: TextIO | None) -> OSError | None:
    raw = _raw(stream)
    return raw.failure if raw is not None else None


def _flush_and_tell() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if failure := lost_output():
        print(
            f"warning: standard output: {failure.strerror}; some of what was printed is lost", file=sys.stderr
        )
        sys.stderr.flush()


def _let_go(stream: TextIO) -> None:
    """What others print there while the process ends, or have buffered, must not fail either."""
    if (raw := _raw(stream)) is not None and raw.failure is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        if null != raw.fileno():
            os.dup2(null, raw.fileno())
            os.close(null)


def _open_closed_descriptors() -> None:
    """So that no file of ours gets the number of a standard stream, and what a library prints there."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    """For characters that an encoding lacks, what comes nearest in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_in_ascii, lacking)), error.end


def _in_ascii(character: str) -> str:
    if character in IN_ASCII:
        return IN_ASCII[character]
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if part.isascii()) or "?"


codecs.register_error(NEAREST, _nearest)
