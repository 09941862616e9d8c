"""Prepared data: made once, checked, split, written as memory-mapped arrays, and known by its digest.

The parent prepares (so that a broken file is reported before any job starts, and so that the digest can enter
the fingerprint); workers only open. Nothing here imports torch.
"""

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from sweeper.locks import file_lock

Kept = TypeVar("Kept")

MANIFEST = "manifest.json"
UNFINISHED = ".preparing-"
LOCK = ".lock"
"""In an unfinished folder: held by whoever prepares there, for as long as it lives."""
YOUNG_S = 60.0
"""An unfinished folder may be without a lock for a moment after it was made."""
FACTS = 2
"""Goes up with what the facts of the same data hold: older folders are prepared anew, under another name."""


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

    @property
    def tools(self) -> tuple[Path, ...]:
        """What else was made beside arrays and manifest, to make inputs with: a tokenizer."""
        files = (path for path in sorted(self.folder.iterdir()) if path.is_file() and path.suffix != ".npy")
        return tuple(path for path in files if path.name not in (MANIFEST, LOCK))

    @classmethod
    def open(cls, folder: Path) -> "Prepared":
        """The prepared data in `folder`. Raises FileNotFoundError where no manifest is."""
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return cls(folder=folder, **manifest)


def prepare_once(cache_dir: Path, key: str, build: Callable[[Path], Mapping[str, Any]]) -> Prepared:
    """The prepared data known as `key` (a digest), built by `build(folder)` when they are not there yet.

    `build` writes its arrays into the folder that it is given and returns `{"n_train", "real", "facts"}`. It
    works in a private folder that is renamed at the end, so that two processes, or a crash, never leave half
    of it. What a process that was killed has left is removed.
    """
    final = _folder_of(cache_dir, key)
    if not (final / MANIFEST).exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(cache_dir)
        beside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache_dir))
        try:
            with file_lock(beside / LOCK, timeout_s=0):
                manifest = {"digest": key, **build(beside)}
                (beside / MANIFEST).write_text(json.dumps(manifest, indent=1))
                (beside / LOCK).unlink()
                _move_into_place(beside, final)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return Prepared.open(final)


def as_if_strict(prepared: Prepared, digests: Mapping[str, str]) -> Prepared:
    """The data by the digest that they have where nothing may be left out, if nothing was.

    `digests`: by the digest with `data.skip_bad=true`, the one without. They lie in folders of their own all
    the same, so that what was left out once is refused where that is not allowed.
    """
    if prepared.facts.get("skipped"):
        return prepared
    return replace(prepared, digest=digests.get(prepared.digest, prepared.digest))


def new_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> np.memmap[Any, Any]:
    """A new array of zeros in the `.npy` file `path`, memory-mapped to be written.

    Its space is reserved: to write into a mapped file on a full disk ends the process by a signal, without a
    word. Raises OSError (ENOSPC, EDQUOT) where there is not enough, and leaves no file.
    """
    made: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)
    try:
        _reserve(path)
    except OSError:
        path.unlink()
        raise
    return made


def _reserve(path: Path) -> None:
    """Have the file system set space aside for a file of this size, all of which may be a hole."""
    size = path.stat().st_size
    if not hasattr(os, "posix_fallocate"):  # no Linux: better than nothing
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
                return
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def _remove_abandoned(cache_dir: Path) -> None:
    """Remove what processes that are no more were preparing: it may be what fills the disk."""
    for folder in cache_dir.glob(f"{UNFINISHED}*"):
        try:
            if time.time() - folder.stat().st_mtime > YOUNG_S:
                with file_lock(folder / LOCK, timeout_s=0):
                    shutil.rmtree(folder, ignore_errors=True)
        except (TimeoutError, OSError):  # somebody is at work there, or was faster than us
            continue


def is_prepared(cache_dir: Path, key: str) -> bool:
    """Whether the data known as `key` are in the cache."""
    return (_folder_of(cache_dir, key) / MANIFEST).exists()


def _folder_of(cache_dir: Path, key: str) -> Path:
    return cache_dir / f"{key.removeprefix('sha256:')[:32]}-{FACTS}"


def _move_into_place(beside: Path, final: Path) -> None:
    try:
        os.rename(beside, final)
    except OSError:
        if not (final / MANIFEST).exists():  # somebody else's finished folder is as good as ours
            raise
