"""Prepared data: made once, checked, split, written as memory-mapped arrays, and known by its digest.

The parent prepares (so that a broken file is reported before any job starts, and so that the digest can enter
the fingerprint); workers only open. Nothing here imports torch.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Kept = TypeVar("Kept")

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Prepared:
    """A folder of `.npy` arrays with a manifest.

    `facts` are plain numbers and names that a task or a report needs (rows, positives, vocabulary sizes, best
    reachable AUC); `real` says whether the data were observed rather than generated.
    """

    folder: Path
    digest: str
    n_train: int
    real: bool
    facts: dict[str, Any] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: str, build: Callable[[], Kept]) -> Kept:
        """What `build()` made the first time that `key` was asked for: a worker runs many jobs on these data.

        For what is the same for every configuration, such as a split on a device. Nobody may change it.
        """
        if key not in self._kept:
            self._kept[key] = build()
        kept: Kept = self._kept[key]
        return kept

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """The array `<name>.npy`, memory-mapped read-only."""
        loaded: np.ndarray[Any, Any] = np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return loaded

    @classmethod
    def open(cls, folder: Path) -> "Prepared":
        """The prepared data in `folder`. Raises FileNotFoundError where no manifest is."""
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return cls(folder=folder, **manifest)


def prepare_once(cache_dir: Path, key: str, build: Callable[[Path], Mapping[str, Any]]) -> Prepared:
    """The prepared data known as `key` (a digest), built by `build(folder)` when they are not there yet.

    `build` writes its arrays into the folder that it is given and returns `{"n_train", "real", "facts"}`. It
    works in a private folder that is renamed at the end, so that two processes, or a crash, never leave half
    of it.
    """
    final = cache_dir / key.removeprefix("sha256:")[:32]
    if not (final / MANIFEST).exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".preparing-", dir=cache_dir))
        try:
            manifest = {"digest": key, **build(beside)}
            (beside / MANIFEST).write_text(json.dumps(manifest, indent=1))
            _move_into_place(beside, final)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return Prepared.open(final)


def _move_into_place(beside: Path, final: Path) -> None:
    try:
        os.rename(beside, final)
    except OSError:
        if not (final / MANIFEST).exists():  # somebody else's finished folder is as good as ours
            raise
