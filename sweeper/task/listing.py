"""The files of a folder that a user means; what a machine, an editor or a browser left there is counted.

One listing for all tasks and for prediction, so that a folder holds the same files wherever it is read.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

N_FIRST = 3
SYSTEM = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "iconcache.db"),
    *("__macosx", "@eadir", "@recycle", "#recycle", "$recycle.bin", "system volume information"),
    *("lost+found", "__pycache__", "network trash folder", "temporary items"),
}
"""Files and folders of operating systems and of storage devices, in small letters."""
LEFT_OVER = ("~", ".bak", ".tmp", ".temp", ".swp", ".swo", ".orig", ".part", ".partial", ".crdownload")
LOCKS = ("~$", "~lock", ".~")
HIDDEN, FOREIGN, COPY, LOST = "hidden", "of the system", "an editor's or a download's", "a link to nothing"


@dataclass(frozen=True)
class Listing:
    """What a folder holds, by the paths below it: `files` are meant, `ignored` by kind are not."""

    files: tuple[Path, ...]
    ignored: Mapping[str, Sequence[str]]

    def facts(self) -> dict[str, Any]:
        """By kind, how many files were not looked at, and the first few."""
        return counted([self])

    def words(self) -> str:
        """`3 hidden (._a.png, ...), 2 .txt (a.txt, b.txt)`; "no file" where nothing was ignored either."""
        return words_of_ignored(self.facts()) or "no file"


def words_of_ignored(facts: Mapping[str, Any]) -> str:
    """`Listing.facts` in words; empty where nothing was ignored."""
    return ", ".join(f"{found['n']} {kind} ({_some(found)})" for kind, found in facts.items())


def lines_of_ignored(facts: Mapping[str, Any]) -> list[str]:
    """The line that a plan shows of files that were not looked at; none where there were none."""
    return [f"files not read: {words_of_ignored(facts)}"] if facts else []


def list_files(
    folder: Path, suffixes: Collection[str], *, deep: bool = True, known: Collection[str] = ()
) -> Listing:
    """The files in `folder`, and below it where `deep`, with one of `suffixes`, sorted by path.

    Suffixes are compared in small letters. Hidden files and folders, and those that an operating system, an
    editor or a browser leaves behind, are not meant (such a folder counts once), nor are links that lead
    nowhere; folders that are linked are read. Files with other suffixes are counted by suffix, but for those
    named in `known`, which have a meaning of their own.
    """
    files: list[Path] = []
    ignored: dict[str, list[str]] = defaultdict(list)
    for path, is_folder in sorted(_walk(folder, deep)):
        name = path.relative_to(folder).as_posix() + "/" * is_folder
        if name in known:
            continue
        kind = _kind_of_name(path.name) or _kind_of_file(path)
        if kind is None and path.suffix.lower() in suffixes:
            files.append(path)
        else:
            ignored[kind or path.suffix.lower() or "without a suffix"].append(name)
    order = sorted(ignored, key=lambda kind: (-len(ignored[kind]), kind))
    return Listing(tuple(files), {kind: ignored[kind] for kind in order})


def is_foreign(path: Path) -> bool:
    """Whether the file's name says that a system, an editor or a browser left it there."""
    return _kind_of_name(path.name) is not None


def counted(listings: Sequence[Listing]) -> dict[str, Any]:
    """The facts of several listings as one."""
    number: Counter[str] = Counter()
    first: dict[str, list[str]] = defaultdict(list)
    for kind, names in ((kind, names) for one in listings for kind, names in one.ignored.items()):
        number[kind] += len(names)
        first[kind] = [*first[kind], *names][:N_FIRST]
    return {kind: {"n": n, "first": first[kind]} for kind, n in number.most_common()}


def _walk(folder: Path, deep: bool) -> Iterator[tuple[Path, bool]]:
    """All files, and the folders that are not looked into; each with whether it is a folder."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        if here in seen:  # a link to a folder that was read, or to one above
            folders.clear()
            continue
        seen.add(here)
        folders.sort()
        yield from ((Path(place, name), False) for name in names)
        yield from ((Path(place, name), True) for name in folders if _kind_of_name(name))
        folders[:] = [name for name in folders if deep and not _kind_of_name(name)]


def _kind_of_file(path: Path) -> str | None:
    if path.is_file() or path.is_dir():
        return None
    return LOST if path.is_symlink() else "no file"


def _kind_of_name(name: str) -> str | None:
    small = name.lower()
    if small in SYSTEM:
        return FOREIGN
    if small.endswith(LEFT_OVER) or small.startswith(LOCKS) or (small[0] == small[-1] == "#"):
        return COPY
    return HIDDEN if small.startswith(".") else None


def _some(found: Mapping[str, Any]) -> str:
    return ", ".join(found["first"]) + (", ..." if found["n"] > len(found["first"]) else "")
