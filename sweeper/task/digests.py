"""Digests of files and folders, remembered where they are large: a second start need not read them again."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import Fault, UserError
from sweeper.models import digest_of
from sweeper.task.splits import names_below

REMEMBER_FROM_BYTES = 64 << 20
"""Smaller files are read every time: that is cheap, and cannot be fooled by a restored modification time."""


def file_digest(path: Path, cache_dir: Path, remember_from: int = REMEMBER_FROM_BYTES) -> str:
    """`sha256:...` of the file; from `remember_from` bytes on, kept in `cache_dir` by path, size, mtime."""
    stat = path.stat()
    if stat.st_size < remember_from:
        return _read(path)
    known_as = digest_of(str(path.resolve()), str(stat.st_size), str(stat.st_mtime_ns))
    memo = cache_dir / "file_digests" / f"{known_as.removeprefix('sha256:')[:32]}.json"
    if not memo.exists():
        _write(memo, {"path": str(path.resolve()), "digest": _read(path)})
    return str(json.loads(memo.read_text(encoding="utf-8"))["digest"])


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _write(memo: Path, content: dict[str, str]) -> None:
    memo.parent.mkdir(parents=True, exist_ok=True)
    beside = memo.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(content))
    os.replace(beside, memo)


def folder_digest(
    folder: Path, files: Sequence[Path], cache_dir: Path, remember_from: int = REMEMBER_FROM_BYTES
) -> str:
    """`sha256:...` over the names below `folder` and the bytes of `files`, in their order.

    A file that lies elsewhere counts by its own name. From `remember_from` bytes in all, kept in `cache_dir`
    by each file's path, size and time.
    """
    try:
        stats = [file.stat() for file in files]
        for file in files:
            file.open("rb").close()
    except OSError as error:
        problem = f"got a file that cannot be read ({error.strerror or error})"
        raise UserError(
            Fault(str(error.filename or folder), problem, "Give it to this user, or move it away")
        ) from None
    if sum(stat.st_size for stat in stats) < remember_from:
        return _folder_content(folder, files, cache_dir)
    known_by = (f"{file.resolve()} {s.st_size} {s.st_mtime_ns}" for file, s in zip(files, stats, strict=True))
    memo = cache_dir / "file_digests" / f"{digest_of(*known_by).removeprefix('sha256:')[:32]}.json"
    if not memo.exists():
        _write(memo, {"path": str(folder), "digest": _folder_content(folder, files, cache_dir)})
    return str(json.loads(memo.read_text(encoding="utf-8"))["digest"])


def _folder_content(folder: Path, files: Sequence[Path], cache_dir: Path) -> str:
    names = names_below(folder, files)
    named = ((name, file_digest(file, cache_dir)) for name, file in zip(names, files, strict=True))
    return digest_of(*(part for pair in named for part in pair))
