"""The parts that a task adds to a report, as sections in markdown."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sweeper.report.report_text import table
from sweeper.task.reporting import Part, Plot, Table


def sections_of(parts: Sequence[Part]) -> list[list[str]]:
    """A section a title: parts that follow each other under one title share it. Lines of markdown."""
    return [
        [f"## {_plain(title)}", *(line for part in group for line in _lines(part))]
        for title, group in groupby(parts, lambda part: part.title)
    ]


def _lines(part: Part) -> Iterator[str]:
    yield ""
    match part:
        case Table():
            yield from table(_heads(part.head), part.rows, _heads(part.left))
            yield from ("", _plain(part.caption)) if part.caption else ()
        case Plot():
            yield f"![{_plain(part.title)}](plots/{part.name}.png)"
            yield from ("", f"*{_plain(part.caption)}*") if part.caption else ()


def _heads(names: Sequence[str]) -> list[str]:
    """Names of columns, of trials perhaps, that cannot break the table; its cells are made so by `table`."""
    return [_plain(name).replace("|", "\\|") for name in names]


def _plain(text: str) -> str:
    """One line that can break no page."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
