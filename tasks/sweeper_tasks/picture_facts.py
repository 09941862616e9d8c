"""Which files are pictures, and what had to be done to read them: counted and told. No Pillow here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff")
"""Of files that are taken for pictures; what a file is follows from its content."""
N_FIRST = 3

Noted = tuple[str, tuple[str, ...]]
"""A file by its name below the folder, and what is to be said of how it was read."""


def facts_of_read(noted: Iterable[Noted]) -> dict[str, Any]:
    """By what was done, with how many files, and the first few."""
    files: dict[str, list[str]] = defaultdict(list)
    for name, notes in noted:
        for note in notes:
            files[note].append(name)
    return {note: {"n": len(names), "first": names[:N_FIRST]} for note, names in sorted(files.items())}


def lines_of_read(read: Mapping[str, Any]) -> list[str]:
    """`facts_of_read` in words, a line a kind."""
    return [f"read {found['n']} ({_some(found)}): {note}" for note, found in read.items()]


def _some(found: Mapping[str, Any]) -> str:
    return ", ".join(found["first"]) + (", ..." if found["n"] > len(found["first"]) else "")
