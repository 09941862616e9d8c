"""Bytes become text: by the mark at their beginning, by what is declared, else as UTF-8; never by luck."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TextIO

from sweeper.task import Fault
from sweeper_tasks.tables.kinds import HEAD_BYTES, Foreign

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODINGS = "cp1252 (Western Europe), cp1251 (Cyrillic), gbk (Chinese), shift_jis (Japanese)"
_CONTROL = re.compile(rb"[\x04-\x06\x0e-\x1a\x1c-\x1f]")  # some separate columns by \x01 to \x03
BINARY = Foreign("bytes that are no text, of an unknown format", "Save it as CSV or Parquet")


def encoding_of(head: bytes, declared: str | None) -> str | Foreign:
    """The name of the encoding of text that begins so, or that it is none."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if declared is not None:
        return declared
    if wide := _wide(head):
        return wide
    if b"\0" in head or len(_CONTROL.findall(head)) * 20 > len(head):
        return BINARY
    return "utf-8"


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a mark: most text has its zeros at the same places."""
    whole = head[: len(head) // 4 * 4]
    if len(whole) < 8:
        return ""
    zeros = [whole[i::4].count(0) * 4 / len(whole) for i in range(4)]
    for name, pattern in (
        ("utf-32-le", "0111"),
        ("utf-32-be", "1110"),
        ("utf-16-le", "0101"),
        ("utf-16-be", "1010"),
    ):
        if all(
            share > 0.6 if is_zero == "1" else share < 0.2
            for share, is_zero in zip(zeros, pattern, strict=True)
        ):
            return name
    return ""


@contextmanager
def lines_of(stream: io.BufferedReader, encoding: str) -> Iterator[TextIO]:
    """The lines with their ends, of all three kinds; reading them raises UnicodeError."""
    text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
    try:
        yield text
    finally:
        text.detach()  # the stream is closed by who opened it


def fault_of_bytes(stream: io.BufferedReader, encoding: str, where: str) -> Fault | None:
    """Line, place and value of the first bytes of a stream, read anew, that are not of this encoding."""
    decoder, line, column = codecs.getincrementaldecoder(encoding)(), 1, 0
    while True:
        block = stream.read(HEAD_BYTES)
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            before = codecs.decode(error.object[: error.start], encoding, "replace")
            bad = error.object[error.start : error.start + 1] or pending[:1]
            line, column = _moved(line, column, before)
            return _fault(where, line, column + 1, bad, encoding)
        except UnicodeError as error:
            return Fault(
                where, f"got bytes that are not {encoding.upper()} ({error}); expected text", _advice()
            )
        if not block:
            return None
        line, column = _moved(line, column, text)


def _moved(line: int, column: int, text: str) -> tuple[int, int]:
    breaks = text.count("\n") or text.count("\r")
    last = max(text.rfind("\n"), text.rfind("\r"))
    return line + breaks, (column + len(text) if last < 0 else len(text) - last - 1)


def _fault(where: str, line: int, column: int, bad: bytes, encoding: str) -> Fault:
    shown = f"byte 0x{bad.hex()}" if bad else "an unfinished character"
    name = encoding.removesuffix("-sig").upper() if encoding.startswith("utf") else encoding
    problem = f"got {shown} at character {column}, which is not {name}; expected text in {name}"
    return Fault(f"{where}, line {line}", problem, _advice())


def _advice() -> str:
    return f"Name its encoding, data.encoding=cp1252 for example, or save it as UTF-8. Others are {ENCODINGS}"


def first_lines(lines: Iterator[str], n: int) -> list[str]:
    """Up to `n` lines, which are then gone from `lines`."""
    return list(islice(lines, n))
