"""The digest of a file's bytes, remembered for large files so that a second start need not read gigabytes."""

import hashlib
import json
import os
from pathlib import Path

from sweeper.models import digest_of

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
    return str(json.loads(memo.read_text())["digest"])


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _write(memo: Path, content: dict[str, str]) -> None:
    memo.parent.mkdir(parents=True, exist_ok=True)
    beside = memo.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(content))
    os.replace(beside, memo)
