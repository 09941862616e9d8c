"""Names that are cut in the middle, so that those that differ still look different."""

from collections.abc import Iterable, Mapping

from rich.cells import cell_len, set_cell_size

CUT = "…"
LEAST = 12
"""Columns of a name that is cut; in less nobody recognises it."""
TAILS = (0.5, 0.7, 0.3, 0.9, 0.1)
"""The part of what is left that comes from a name's end, in the order in which it is tried."""


def shortened(names: Iterable[str], width: int) -> Mapping[str, str] | None:
    """Each name in at most `width` columns of a terminal, by the name.

    None where names that differ would look the same, or hardly anything of one would be left.
    """
    wanted = set(names)
    if all(cell_len(name) <= width for name in wanted):
        return {name: name for name in wanted}
    if width < LEAST:
        return None
    tries = ({name: _cut(name, width, round((width - 1) * tail)) for name in wanted} for tail in TAILS)
    return next((found for found in tries if len(set(found.values())) == len(wanted)), None)


def _cut(name: str, width: int, n_of_tail: int) -> str:
    if cell_len(name) <= width:
        return name
    head = set_cell_size(name, width - 1 - n_of_tail).rstrip()
    tail = set_cell_size(name[::-1], n_of_tail).rstrip()[::-1]
    return f"{head}{CUT}{tail}"
