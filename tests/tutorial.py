"""A tutorial's page as tests see it: its commands, what it shows of what they print, and its files."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "tutorials"
FILE = re.compile(r"^\*\*`(?P<path>[^`]+)`\*\*\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?P<kind>console|text)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = re.compile(r"^\.\.\.$", re.MULTILINE)
VARIES = (
    (r"-[0-9a-f]{8}-[0-9a-f]{4}\b", "-HASH"),
    (r"own: .*/(?=\w+\.py)", "own: "),
    (r"─+", "─"),
    (r"\[?[-+]?\d[\d,.]*%?", "#"),
    (r"\b(slot|thread|run)s?\b( each)?", r"\1"),
    (r"\s+", " "),
)
"""What differs between two machines or two runs of a command, and what stands for it."""


@dataclass(frozen=True)
class Step:
    """A command of a page, and the pieces of output that it shows below it."""

    words: tuple[str, ...]
    shown: tuple[str, ...]


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows whole, by their paths."""
    return {match["path"]: match["text"] for match in FILE.finditer(page.read_text())}


def steps_of(page: Path) -> Iterator[Step]:
    """The commands in order, each with what is shown until the next one."""
    words: tuple[str, ...] = ()
    shown: list[str] = []
    for match in BLOCK.finditer(page.read_text()):
        if match["kind"] == "text":
            shown += [piece for piece in LEFT_OUT.split(match["text"]) if piece.strip()]
            continue
        if words:
            yield Step(words, tuple(shown))
        words, shown = tuple(shlex.split(match["text"].removeprefix("$ "))), []
    yield Step(words, tuple(shown))


def shape(text: str) -> str:
    """The text without numbers, hashes, folders and how its lines are broken."""
    for pattern, put in VARIES:
        text = re.sub(pattern, put, text)
    return text.strip()
