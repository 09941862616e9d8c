"""A hash of an app's own code: results of other code are never taken for its results."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

INSTALLED = ("site-packages", "dist-packages")


def code_of(folders: Iterable[Path], config: Mapping[str, Any]) -> str:
    """A hash of the app's modules: those below `folders` that are imported, or named by a `_target_`.

    Of a package all files count: which of them a job imports is known only when it has.
    """
    roots = [folder.resolve() for folder in folders]
    sha = hashlib.sha256()
    for path in sorted({file for place in _places(roots, config) for file in _files(place)}):
        root = next(root for root in roots if root in path.parents)
        sha.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def _places(roots: list[Path], config: Mapping[str, Any]) -> Iterator[Path]:
    """The top-level packages and single modules of the app."""
    loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    named = (_file_of(target) for target in _targets(config))
    for text in (*loaded, *named):
        if not text or _is_installed(text):  # most of them, and resolving them takes long
            continue
        path = Path(text).resolve()
        is_ours = path.suffix == ".py" and any(root in path.parents for root in roots)
        if is_ours and not _is_installed(str(path)):
            yield _top(path)


def _is_installed(text: str) -> bool:
    return any(f"{os.sep}{place}{os.sep}" in text for place in INSTALLED)


def _top(path: Path) -> Path:
    """The topmost package that a file belongs to, or the file itself."""
    top = path
    while (top.parent / "__init__.py").exists():
        top = top.parent
    return top


def _files(place: Path) -> Iterable[Path]:
    return [place] if place.is_file() else (path for path in place.rglob("*.py") if path.is_file())


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "_target_" and isinstance(value, str):
                yield value
            else:
                yield from _targets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value)


def _file_of(target: str) -> str | None:
    """The file of the top-level package or module of a dotted path, found without importing it."""
    try:
        spec = find_spec(target.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.origin is not None and spec.origin.endswith(".py"):
        return spec.origin
    # a namespace: any file in it stands for all of it
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    found = next((path for place in places for path in place.rglob("*.py")), None)
    return None if found is None else str(found)
