"""A hash of the source that decides what a run computes: where it differs, results are not comparable."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def code_hash(target: str | None = None) -> str:
    """A hash of the source that decides what a run computes.

    That is the worker's, the contract's with the task, and the package, or the single module, of `target`
    ("module:name").
    """
    sha = hashlib.sha256()
    for place in (PACKAGE / "task", PACKAGE / "worker", *_places(target)):
        folder, found = (place.parent, [place]) if place.is_file() else (place, place.rglob("*.py"))
        for path in sorted(found):
            sha.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def _places(target: str | None) -> list[Path]:
    """The folders of the top-level package in `target`, or its file, found without importing it."""
    spec = find_spec(target.partition(":")[0].partition(".")[0]) if target else None
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []
