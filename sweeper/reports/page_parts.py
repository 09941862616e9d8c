"""The parts of a page: tables, figures and the document around them. Text from anywhere is only text here."""

import base64
import gzip
import html
import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a browser may load for a page: what is inside it, nothing from anywhere else."""

Figures = Mapping[str, Mapping[str, Any]]
"""By the id of its place, `data` and `layout` as plotly has them; a color `$best` is that of the page."""


@dataclass(frozen=True)
class Cell:
    """`text` as it is shown, and what a column is sorted by: the text where `sort` is None."""

    text: str
    sort: float | str | None = None
    is_left: bool = False
    kind: str = ""


@dataclass(frozen=True)
class BoardRow:
    """A row of a table, `kind` is `best`, `baseline` or nothing."""

    cells: tuple[Cell, ...]
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """A titled part of a page; `body` is HTML."""

    title: str
    body: str
    kind: str = ""

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


@dataclass(frozen=True)
class Page:
    """A whole page. `refresh_s`: how often a page reloads that is not final; None for one that is."""

    title: str
    state: str
    lead: str
    sections: Sequence[Section]
    written: datetime
    figures: Figures = field(default_factory=dict)
    refresh_s: float | None = None


def text(value: object) -> str:
    """The value as text in HTML."""
    return html.escape(str(value))


def table(
    caption: str, head: Sequence[str], rows: Sequence[BoardRow], left: Sequence[str] = (), ident: str = ""
) -> str:
    """A real table, which scrolls alone where it is too wide; one with an `ident` can be sorted."""
    kind = f' id="{ident}" class="board sortable"' if ident else ' class="board"'
    names = "".join(_head(name, name in left) for name in head)
    body = "".join(map(_row, rows))
    return (
        f'<div class="scroll"><table{kind}><caption><span>{text(caption)}</span></caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(ident: str, caption: str, still: str = "") -> str:
    """The place of a figure; `still` is the image for those who have no scripts, as a data URL."""
    image = f'<img src="{still}" alt="{text(caption)}">' if still else ""
    label = f'role="img" aria-label="{text(caption)}"'
    return (
        f'<figure><div class="plot" id="{ident}" {label}></div>{image}'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def data_url(image: bytes) -> str:
    """A PNG inside a page."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def prepare_figures() -> None:
    """Pack what draws figures: the first page of a process takes a quarter of a second longer without."""
    _plotly()


def document(page: Page) -> str:
    """The page as one file that needs no other."""
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            _refresh_without_scripts(page.refresh_s),
            f"<title>{text(page.title)}</title>\n<style>\n{style}</style>\n</head>\n{_body_tag(page)}\n",
            f'<a class="skip" href="#{page.sections[0].anchor}">to the content</a>\n'
            if page.sections
            else "",
            f"<header><h1>{text(page.title)}</h1>\n{_status(page)}\n{_contents(page.sections)}</header>\n",
            f"<main>{page.lead}\n{''.join(map(_section, page.sections))}</main>\n",
            _packed_figures(page.figures),
            f"<script>\n{script}</script>\n</body>\n</html>\n",
        ]
    )


def _head(name: str, is_left: bool) -> str:
    return f'<th scope="col"{_class("left" if is_left else "")}>{text(name)}</th>'


def _row(row: BoardRow) -> str:
    return f"<tr{_class(row.kind)}>{''.join(map(_cell, row.cells))}</tr>"


def _cell(cell: Cell) -> str:
    sort = "" if cell.sort is None else f' data-sort="{text(cell.sort)}"'
    kind = " ".join(filter(None, ["left" if cell.is_left else "", cell.kind]))
    return f"<td{_class(kind)}{sort}>{text(cell.text)}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _section(section: Section) -> str:
    return (
        f'<section id="{section.anchor}"{_class(section.kind)}><h2>{text(section.title)}</h2>\n'
        f"{section.body}\n</section>\n"
    )


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(f'<a href="#{one.anchor}">{text(one.title)}</a>' for one in sections)
    return f'<nav aria-label="Contents">{links}</nav>' if links else ""


def _status(page: Page) -> str:
    written = f"{page.written:%Y-%m-%d %H:%M:%S}"
    follow = ""
    if page.refresh_s is not None:
        every = f"reloads every {page.refresh_s:.3g} s"
        follow = f' <label class="follow"><input type="checkbox" id="follow" checked> {every}</label>'
    return (
        f'<p class="status"><span class="chip {text(page.state)}">{text(page.state)}</span> '
        f'written <time>{written}</time><span id="age"></span>{follow}</p>'
    )


def _body_tag(page: Page) -> str:
    refresh = "" if page.refresh_s is None else f' data-refresh="{page.refresh_s:g}"'
    return f'<body data-written="{page.written.astimezone().isoformat()}"{refresh}>'


def _refresh_without_scripts(refresh_s: float | None) -> str:
    if refresh_s is None:
        return ""
    return f'<noscript><meta http-equiv="refresh" content="{max(1, round(refresh_s))}"></noscript>\n'


def _packed_figures(figures: Figures) -> str:
    if not figures:
        return ""
    packed = _packed(json.dumps(figures, allow_nan=False, separators=(",", ":")).encode())
    kind = 'type="application/octet-stream"'
    return f'<script {kind} id="figures">{packed}</script>\n<script {kind} id="plotly">{_plotly()}</script>\n'


@cache
def _plotly() -> str:
    """What draws the figures, once a process: the packing takes a fifth of a second.

    `plotly.offline.get_plotlyjs` reads the same file, after loading what takes as long as packing it.
    """
    script = pkgutil.get_data("plotly", "package_data/plotly.min.js")
    assert script is not None
    return _packed(script, level=5)


def _packed(data: bytes, level: int = 6) -> str:
    return base64.b64encode(gzip.compress(data, level, mtime=0)).decode()
