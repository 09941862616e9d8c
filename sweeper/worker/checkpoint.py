"""Checkpoints that can be trusted: whole or absent, checksummed, never those of another configuration.

A file is what `torch.save` writes, followed by its SHA-256: `torch.load(path, weights_only=True)` reads it as
it is, but only the digest notices a flipped bit. During a run the last and the one before are kept.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sweeper.errors import CheckpointError
from sweeper.layout import RunFolder, write_atomic
from sweeper.worker.training import MisfitError

Content = dict[str, Any]
"""Tensors, numbers, strings, and lists, tuples and dicts of them."""

N_DIGEST_BYTES = hashlib.sha256().digest_size


def write_checkpoint(path: Path, content: Content) -> None:
    """Write `content` with its digest, atomically."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    write_atomic(path, buffer.getvalue())


def read_checkpoint(path: Path) -> Content:
    """The content of `path`, tensors on the CPU. Raises CheckpointError for a missing or damaged file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(str(path), f"cannot be read ({error.strerror})") from error
    body, digest = raw[:-N_DIGEST_BYTES], raw[-N_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise CheckpointError(str(path), "is damaged: its checksum does not match")
    try:
        content: Content = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except Exception as error:  # whole, but of another version of torch, or of other types
        said = " ".join(str(error).split())[:200]
        raise CheckpointError(str(path), f"cannot be read ({type(error).__name__}: {said})") from error
    return content


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run, known by its `identity`: a hash of configuration, seed and data."""

    folder: RunFolder
    identity: str

    def write(self, content: Content) -> None:
        """Make `content` the last checkpoint, and the last one the previous."""
        if self.folder.checkpoint.exists():
            self.folder.checkpoint.replace(self.folder.previous_checkpoint)
        write_checkpoint(self.folder.checkpoint, {"identity": self.identity, **content})

    def newest(
        self, accept: Callable[[Content], None] = lambda _: None
    ) -> tuple[Content | None, tuple[str, ...]]:
        """The newest usable checkpoint, or None, and a sentence about each that had to be skipped.

        `accept` raises MisfitError for one that it cannot go on from. Skipped files are removed: moved aside
        by the next `write`, they would take the place of a good one.
        """
        skipped: list[str] = []
        for path in (self.folder.checkpoint, self.folder.previous_checkpoint):
            if not path.exists():
                continue
            try:
                content = self._read_own(path)
                accept(content)
                return content, tuple(skipped)
            except CheckpointError as error:
                skipped.append(f"checkpoint skipped: {error}")
            except MisfitError as error:
                skipped.append(f"checkpoint skipped: {path}: {error}")
            path.unlink()
        return None, tuple(skipped)

    def remove(self) -> None:
        """Leave no checkpoint behind."""
        self.folder.checkpoint.unlink(missing_ok=True)
        self.folder.previous_checkpoint.unlink(missing_ok=True)

    def _read_own(self, path: Path) -> Content:
        content = read_checkpoint(path)
        if not isinstance(content, dict) or content.get("identity") != self.identity:
            raise CheckpointError(str(path), "belongs to another configuration, seed or data")
        return content


def environment(device: torch.device) -> dict[str, str | int]:
    """What the last bits of a result depend on beside configuration, seed and data."""
    return {
        "device": device.type,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
    }


def environment_notes(then: dict[str, str | int], now: dict[str, str | int]) -> tuple[str, ...]:
    """A sentence about each fact that has changed since the checkpoint was written."""
    return tuple(
        f"checkpoint written with {name} {then.get(name)}, resumed with {value}: equal up to rounding only"
        for name, value in now.items()
        if then.get(name) != value
    )
