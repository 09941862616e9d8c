"""The index of all studies' pages."""

from collections.abc import Sequence
from datetime import datetime

from sweeper.reports.page_parts import Page, Section, document, text

IndexRow = tuple[str, str, str, str, str]
"""Name, address of its page or nothing, state, runs, verdict."""


def index_page(rows: Sequence[IndexRow], written: datetime, refresh_s: float) -> str:
    """A page with a line a study; it reloads itself."""
    body = "".join(map(_row, rows))
    head = "".join(
        f'<th scope="col" class="left">{name}</th>' for name in ("study", "state", "runs", "verdict")
    )
    table = (
        '<div class="scroll"><table id="studies" class="board sortable">'
        "<caption><span>All studies; a name leads to the page.</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    sections = [Section("Studies", table if rows else "<p>There are no studies yet.</p>")]
    n_running = sum(row[2] == "running" for row in rows)
    return document(
        Page(
            title="Studies",
            state="running" if n_running else "idle",
            lead="",
            sections=sections,
            written=written,
            refresh_s=refresh_s,
        )
    )


def _row(row: IndexRow) -> str:
    name, address, state, runs, verdict = row
    link = f'<a href="{text(address)}">{text(name)}</a>' if address else text(name)
    cells = [("left name", link), ("left", text(state)), ("left", text(runs)), ("left name", text(verdict))]
    found = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in cells)
    return f"<tr>{found}</tr>"
