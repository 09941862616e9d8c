"""Figures, counts and names as they are written wherever they are shown."""

import math
import re
import shlex
from collections.abc import Iterable, Mapping

NOTHING = "-"
_NAME = re.compile(
    r"(?!(?:null|true|false)$)[\w(#<-](?:[^,=:\[\]{}'\"\\\u200b-\u200d\ufeff]*[^\s,=:\[\]{}'\"\\])?", re.I
)
"""What has no other meaning in the lists and mappings of an override."""


def plural(n: int, noun: str) -> str:
    """`1 run`, `3 runs`, `0 confirmation seeds`: for nouns that take an s."""
    return f"{n} {noun}{'s' * (n != 1)}"


def number(value: float | None) -> str:
    """`value` with four significant digits, and no exponent where that is readable: 0.7425, 12.30, 4813."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-6 <= abs(value) < 1e6:
        return f"{value:.3e}"
    return f"{value:.{_decimals(value)}f}"


def split_name(split: str) -> str:
    """`validation` for `val`; other splits are called what they are."""
    return "validation" if split == "val" else split


def duration(seconds: float | None) -> str:
    """`21.4 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def typed(line: str) -> str:
    """An override as it is typed into a shell: in quotes only where it needs them."""
    if '"' not in line and "$" not in line and "`" not in line and "!" not in line and "'" in line:
        return f'"{line}"'
    return shlex.quote(line)


def typed_list(key: str, names: Iterable[str]) -> str:
    """The override of a key of `data` that names columns or words, as it is typed: `'data.drop=[a b]'`."""
    return typed(f"{key}=[{','.join(map(_as_element, names))}]")


def typed_mapping(key: str, items: Mapping[str, str]) -> str:
    """The same of a mapping: `'data.types={dose: category}'`."""
    pairs = (f"{_as_element(name)}: {_as_element(value)}" for name, value in items.items())
    return typed(f"{key}={{{', '.join(pairs)}}}")


def slugify(text: str, limit: int = 80) -> str:
    """`text` reduced to letters, digits, `.`, `=`, `_`, `+`, `-`; not empty, no leading dot or dash."""
    safe = re.sub(r"[^A-Za-z0-9.=_+-]+", "-", text).strip("-.")
    return safe[:limit].rstrip("-.") or "unnamed"


def _as_element(name: str) -> str:
    if _NAME.fullmatch(name) and name.count("(") == name.count(")"):
        return name
    quote = '"' if "'" in name and '"' not in name else "'"
    escaped = name.replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _decimals(value: float) -> int:
    """Digits after the point: four for 0.001 to 1, where metrics are at home, else four significant ones."""
    if value == 0 or 1e-3 <= abs(value) < 1:
        return 4
    return max(0, 3 - math.floor(math.log10(abs(value))))
