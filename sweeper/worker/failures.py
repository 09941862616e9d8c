"""An exception in the words that a leaderboard shows: what happened and what to try."""

import errno
from dataclasses import dataclass

import torch

from sweeper.errors import DiskFullError, RunError, SweeperError

LESS_MEMORY = "Try a smaller trainer.batch_size or a smaller model."


@dataclass(frozen=True)
class Failure:
    """The fields of a `Failed` message that depend on the exception."""

    error: str
    reason: str
    advice: str = ""
    step: int | None = None


def failure_of(error: Exception) -> Failure:
    """What `error` means for the run it ended."""
    name = type(error).__name__
    if isinstance(error, RunError):
        return Failure(name, error.reason, error.advice, error.step)
    if isinstance(error, SweeperError):
        return Failure(name, str(error))
    if _is_out_of_memory(error):
        return Failure(name, f"out of memory: {_first_line(error)}", LESS_MEMORY)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" for {error.filename}" if error.filename else ""
        return Failure(DiskFullError.__name__, f"no space left{where}", "Free some and run it again.")
    if "not implemented for 'Half'" in str(error):
        return Failure(name, _first_line(error), "Try trainer.precision=bf16.")
    return Failure(name, f"{name}: {_first_line(error)}")


def _is_out_of_memory(error: Exception) -> bool:
    # torch's CPU allocator raises a plain RuntimeError
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["without a message"])[0]
