"""The one door by which text comes into a report: whatever it holds, it is read as it is, and does nothing.

Names, values, reasons and captions come from anywhere: data, exceptions, a command line. In markdown each of
them could be a heading, a link, a picture from elsewhere, or HTML.
"""

import html
import re
from collections.abc import Callable, Iterable, Sequence

Table = Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], list[str]]
"""`table(head, body, left)`: the lines of a table; the columns named in `left` are left-aligned."""

_BREAKS = re.compile(r"[\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
_PUNCTUATION = r"!-/:-@\[-`{-~"
_BACKSLASH = re.compile(rf"\\(?=[{_PUNCTUATION}]|$)")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BEGINS_A_BLOCK = re.compile(r"(#{1,6}|[-+])(?=\s|$)|>|-{2,}|(\d{1,9})([.)])(?=\s|$)")
_ESCAPED = re.compile(rf"\\([{_PUNCTUATION}])")


def inline(text: str) -> str:
    """`text` in one line, for a place within a line: a cell of a table, a caption, a part of a sentence."""
    text = _BACKSLASH.sub(r"\\\\", _BREAKS.sub(" ", text).strip())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("~~", "&#126;&#126;")
    text = text.replace("`", r"\`").replace("*", r"\*").replace("|", r"\|")
    text = re.sub(r"\](?=[(\[:])", r"\]", text)
    return _UNDERSCORE.sub(r"\\_", text)


def line(text: str) -> str:
    """`text` as a line, or an entry of a list, of its own."""
    text = inline(text)
    if text.startswith(("~~~", "==")):
        return f"&#{ord(text[0])};{text[1:]}"
    found = _BEGINS_A_BLOCK.match(text)
    if found is None:
        return text
    return f"{found[2]}\\{text[len(found[2]) :]}" if found[2] else f"\\{text}"


def heading(text: str) -> str:
    """`text` as a heading, without its marks: a `#` at the end would be one of them."""
    return inline(text).replace("#", r"\#")


def plain(markdown: str) -> str:
    """The text that `inline` was given."""
    return html.unescape(_ESCAPED.sub(_as_entity, markdown))


def code(text: str) -> str:
    """`text` as code within a line."""
    text = _BREAKS.sub(" ", text)
    fence = "`" * (1 + _longest_run(text))
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def block(lines: Iterable[str]) -> list[str]:
    """Lines as they are, in a block that none of them can end."""
    found = [part for text in lines for part in text.splitlines() or [""]]
    fence = "`" * max(3, 1 + max(map(_longest_run, found), default=0))
    return [fence, *found, fence]


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _as_entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[1])};"
