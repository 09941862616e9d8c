"""Figures, counts and names as they are written wherever they are shown."""

import math
import re

NOTHING = "-"


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


def slugify(text: str, limit: int = 80) -> str:
    """`text` reduced to letters, digits, `.`, `=`, `_`, `+`, `-`; not empty, no leading dot or dash."""
    safe = re.sub(r"[^A-Za-z0-9.=_+-]+", "-", text).strip("-.")
    return safe[:limit].rstrip("-.") or "unnamed"


def _decimals(value: float) -> int:
    """Digits after the point: four for 0.001 to 1, where metrics are at home, else four significant ones."""
    if value == 0 or 1e-3 <= abs(value) < 1:
        return 4
    return max(0, 3 - math.floor(math.log10(abs(value))))
