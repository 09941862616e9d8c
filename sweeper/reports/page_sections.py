"""The sections of `report.md` as parts of a page, with the pictures that they show inside."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sweeper.reports.markdown_text import plain
from sweeper.reports.page_parts import Section, data_url, text
from sweeper.reports.report_html import body_of

MAX_IMAGES = 900_000
"""Bytes of pictures in one page, so that it stays below 3 MB with what draws its figures."""
_HEADING = re.compile(r"^## (.*)$")
_FENCE = re.compile(r"^(`{3,})")
_TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
_IMAGE = re.compile(r'src="([^":]+\.png)"')


@dataclass(frozen=True)
class Written:
    """A section of the report: its title, and its lines in markdown without the heading."""

    title: str
    lines: tuple[str, ...]


def written_sections(report: str) -> tuple[tuple[str, ...], list[Written]]:
    """The lines before the first section, without the title of the whole, and the sections."""
    head: list[str] = []
    found: list[tuple[str, list[str]]] = []
    fence = ""
    for one in report.splitlines():
        mark = _FENCE.match(one)
        if mark and (not fence or one == fence):
            fence = "" if fence else mark[1]
        title = None if fence else _HEADING.match(one)
        if title:
            found.append((plain(title[1]), []))
        else:
            (found[-1][1] if found else head).append(one)
    return (
        tuple(one for one in head if not one.startswith("# ")),
        [Written(title, tuple(lines)) for title, lines in found],
    )


class Pictures:
    """Puts the pictures of a folder into a page, as long as there is room."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._room = folder, MAX_IMAGES

    def inside(self, name: str) -> str:
        """The picture as a data URL; empty where there is none, or no room for it."""
        path = (self._folder / unquote(name)).resolve()
        if not path.is_file() or not path.is_relative_to(self._folder.resolve()):
            return ""
        if path.stat().st_size > self._room:
            return ""
        self._room -= path.stat().st_size
        return data_url(path.read_bytes())

    def put_into(self, body: str) -> str:
        """`body` with its pictures inside; one without room is named instead."""
        return _IMAGE.sub(lambda found: self._source(found[1]), body)

    def _source(self, name: str) -> str:
        return f'src="{self.inside(name)}" data-file="{text(unquote(name))}"'


def html_of(lines: Iterable[str], title: str, pictures: Pictures) -> str:
    """Markdown lines as HTML, their tables with captions and scopes."""
    body = pictures.put_into(body_of("\n".join(lines)))
    return _TABLE.sub(lambda found: _captioned(found[1], title), body)


def section_of(written: Written, pictures: Pictures) -> Section:
    """A section of the report as it is."""
    return Section(written.title, html_of(written.lines, written.title, pictures), "report")


def without_table(lines: Iterable[str]) -> list[str]:
    """The lines but for those of tables."""
    return [one for one in lines if not one.startswith("|")]


def _captioned(inner: str, title: str) -> str:
    headed = re.sub(r"<th(?=[ >])", '<th scope="col"', inner)
    return f'<div class="scroll"><table><caption>{text(title)}</caption>{headed}</table></div>'
