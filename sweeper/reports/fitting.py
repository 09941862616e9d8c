"""Tables and sentences for terminals of any width.

Where space is short, whole columns go, those of least use first, in the order that each table states
(`Column.leaves`). Names neither shrink nor fold: where one leaves no room for the figures that stay, each has
a line of its own above its figures. Only in a view that has few lines are they cut, in the middle. Sentences
break between words only.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from sweeper.reports.short_names import shortened

WIDTH = 100
"""Columns where a terminal is asked for that has no width of its own."""
UNWRAPPED = 100_000
"""Columns of a file: its sentences are searched line by line, and no column leaves its tables."""
NAME_WIDTH = 40
"""Columns of a name that a table leaves whole where it `cuts_names`, as far as there is room."""
GAP = 2
INDENT = 2
"""Of figures under their name."""
_COMMAND = re.compile(r"(.*?)((?:^|(?<=\s))(?:python -m sweeper|sweeper (?:studies|predict)|mlflow ui)\b.*)")
Cell = str | Text


def default_console() -> Console:
    """Standard output: as wide as the terminal, or as COLUMNS says; else lines are as long as they are."""
    console = Console(highlight=False, markup=False)
    if not sys.stdout.isatty() and not _columns_given():
        console.width = WIDTH if console.is_terminal else UNWRAPPED  # a terminal that the user insists on
    return console


def say(console: Console, text: str, style: str = "") -> None:
    """Print sentences: wrapped at whole words on a terminal, line by line elsewhere."""
    if console.is_terminal or _columns_given():
        console.print(Prose(text, style), crop=False)
    else:
        console.print(Text(printable(text), style), soft_wrap=True)


def printable(text: str) -> str:
    """`text` without what would steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def wrapped(text: str, width: int) -> list[str]:
    """The lines of `text`, broken between words; a command at the end of a line stays whole, to be copied."""
    return [part for line in text.splitlines() for part in _wrapped_line(line, width)]


def _wrapped_line(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    command = _COMMAND.fullmatch(line)
    if command is not None and command[1].strip():
        return [*_wrapped_line(command[1].rstrip(), width), command[2]]
    if command is not None:
        return [line]
    lines, words = [], line.split(" ")
    current = words[0]
    for word in words[1:]:
        if cell_len(current) + 1 + cell_len(word) <= width:
            current += f" {word}"
        else:
            lines.append(current)
            current = word
    return [*lines, current]


@dataclass(frozen=True)
class Prose:
    """Sentences that wrap at whole words."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What rich draws in its place."""
        for line in wrapped(printable(self.text), options.max_width):
            yield _whole(Text(line, self.style))


@dataclass(frozen=True)
class Column:
    """A column. `leaves`: the one that goes first where space is short has 1; 0 for one that stays."""

    name: str
    leaves: int = 0
    is_left: bool = False
    is_name: bool = False
    least: int = 0


@dataclass(frozen=True)
class Layout:
    """The columns that are shown, by index; whether names have lines of their own."""

    shown: tuple[int, ...]
    is_stacked: bool


@dataclass(frozen=True)
class Row:
    """The cells of one line, and the style of it all."""

    cells: Sequence[Cell]
    style: str = ""


@dataclass(frozen=True)
class FittedTable:
    """A table as wide as there is room for.

    `cuts_names`: for a view of few lines. Where not everything fits, long names are cut, unless two of them
    would look the same; and one that is longer than the terminal is folded.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    has_rule: bool = True
    cuts_names: bool = False

    def n_lines(self, width: int) -> int:
        """The lines that it takes in so many columns of a terminal."""
        table = self.fitted(width)
        names = [self.columns[i].name for i in self._name_columns] + table.names
        n_of_names = sum(max(1, -(-cell_len(name) // width)) for name in names)
        return 1 + self.has_rule + len(self.rows) + n_of_names * table.layout(width).is_stacked

    def fitted(self, width: int) -> "FittedTable":
        """The same with names that leave room for the columns that stay, where it `cuts_names`."""
        if not self.cuts_names or self._width(range(len(self.columns))) <= width:
            return self
        least = [i for i, column in enumerate(self.columns) if not (column.is_name or column.leaves)]
        short = shortened(self.names, min(NAME_WIDTH, width - self._width(least) - GAP))
        return self if short is None else replace(self, rows=[self._renamed(row, short) for row in self.rows])

    def _renamed(self, row: Row, short: Mapping[str, str]) -> Row:
        cells = list(row.cells)
        for i in self._name_columns:
            name = _text(cells[i]).plain
            cells[i] = cells[i] if short[name] == name else short[name]
        return Row(cells, row.style)

    @property
    def _name_columns(self) -> list[int]:
        return [i for i, column in enumerate(self.columns) if column.is_name]

    @property
    def names(self) -> list[str]:
        """Those of its rows."""
        return [_text(row.cells[i]).plain for row in self.rows for i in self._name_columns]

    def layout(self, width: int) -> Layout:
        """What is shown in so many columns of a terminal."""
        everything = tuple(range(len(self.columns)))
        side_by_side = self._reduced(everything, width)
        if side_by_side is not None:
            return Layout(side_by_side, is_stacked=False)
        figures = tuple(i for i in everything if not self.columns[i].is_name)
        least = tuple(i for i in figures if not self.columns[i].leaves)
        return Layout(self._reduced(figures, width - INDENT) or least, is_stacked=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What rich draws in its place."""
        yield from self.fitted(options.max_width).drawn(options)

    def drawn(self, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Its lines, with the names as they are."""
        found = self.layout(options.max_width)
        names = self._name_columns if found.is_stacked else []
        indent = " " * (INDENT if found.is_stacked else 0)
        head = Row([column.name for column in self.columns], "bold")
        for number, row in enumerate((head, *self.rows)):
            for i in names:
                yield self._name_line(row, i)
            yield _whole(self._line(row, found.shown, indent))
            if number == 0 and self.has_rule:
                width = min(self._width(found.shown) + len(indent), options.max_width)
                yield _whole(Text(("-" if options.ascii_only else "─") * width))

    def _name_line(self, row: Row, i: int) -> Text:
        text = _text(row.cells[i], row.style)
        return text if self.cuts_names else _whole(text)

    def _line(self, row: Row, shown: Sequence[int], indent: str) -> Text:
        line = Text(indent, row.style)
        for position, i in enumerate(shown):
            cell, column = _text(row.cells[i]), self.columns[i]
            padding = " " * (self._widths[i] - cell_len(cell.plain))
            line.append(" " * GAP if position else "")
            line.append_text(cell if column.is_left else Text(padding).append_text(cell))
            line.append(padding if column.is_left else "")
        line.rstrip()
        return line

    def _reduced(self, columns: tuple[int, ...], width: int) -> tuple[int, ...] | None:
        """The columns that are left when those that may go have gone, one by one, until all fit."""
        going = sorted((i for i in columns if self.columns[i].leaves), key=lambda i: self.columns[i].leaves)
        for n_gone in range(len(going) + 1):
            left = tuple(i for i in columns if i not in going[:n_gone])
            if self._width(left) <= width:
                return left
        return None

    def _width(self, columns: Sequence[int]) -> int:
        return sum(self._widths[i] for i in columns) + GAP * max(0, len(columns) - 1)

    @cached_property
    def _widths(self) -> list[int]:
        cells = [[column.name for column in self.columns], *(row.cells for row in self.rows)]
        return [
            max(column.least, *(cell_len(_text(line[i]).plain) for line in cells))
            for i, column in enumerate(self.columns)
        ]


def _text(cell: Cell, style: str = "") -> Text:
    if isinstance(cell, Text):
        return cell.copy()
    return Text(" ".join(printable(cell).split("\n")), style)


def _whole(text: Text) -> Text:
    """The same, neither wrapped nor cut by rich."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _columns_given() -> bool:
    return os.environ.get("COLUMNS", "").isdigit()
