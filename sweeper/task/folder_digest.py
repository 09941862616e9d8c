"""The digest of a folder of many small files, remembered so that a second start need not read them all."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from sweeper.models import digest_of
from sweeper.task.file_digest import REMEMBER_FROM_BYTES, file_digest


def folder_digest(
    folder: Path, files: Sequence[Path], cache_dir: Path, remember_from: int = REMEMBER_FROM_BYTES
) -> str:
    """`sha256:...` over the names below `folder` and the bytes of `files`, in their order.

    From `remember_from` bytes in all, kept in `cache_dir` by each file's path, size and time.
    """
    stats = [file.stat() for file in files]
    if sum(stat.st_size for stat in stats) < remember_from:
        return _read(folder, files, cache_dir)
    known_by = (f"{file.resolve()} {s.st_size} {s.st_mtime_ns}" for file, s in zip(files, stats, strict=True))
    memo = cache_dir / "file_digests" / f"{digest_of(*known_by).removeprefix('sha256:')[:32]}.json"
    if not memo.exists():
        memo.parent.mkdir(parents=True, exist_ok=True)
        beside = memo.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"path": str(folder), "digest": _read(folder, files, cache_dir)}))
        os.replace(beside, memo)
    return str(json.loads(memo.read_text())["digest"])


def _read(folder: Path, files: Sequence[Path], cache_dir: Path) -> str:
    named = ((file.relative_to(folder).as_posix(), file_digest(file, cache_dir)) for file in files)
    return digest_of(*(part for pair in named for part in pair))
