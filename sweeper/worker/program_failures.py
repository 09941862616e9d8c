"""How a program ended that should not have ended so, in the words that a leaderboard shows."""

import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.errors import (
    FULL,
    KILLED,
    OUT_OF_MEMORY,
    DiskFullError,
    ProgramError,
    RunError,
    in_a_line,
    is_full,
)
from sweeper.worker.failure import Failure
from sweeper.worker.program_process import code_in_words
from sweeper.worker.program_results import COLOURS, lines_from_end

LESS_MEMORY = "Try a smaller batch or a smaller model."
FREE_SOME = "Free some and run it again."
BY_SIGKILL = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""How a program ends that is killed, and a shell whose program is."""
MAX_CHARACTERS = 300
"""Of a last line that is shown."""
N_LINES = 50
"""How many lines from the end of the output may hold nothing, or Hydra's advice."""
_NAMED = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Interrupt|Exit))(?:: |$)")
_NOT_NEWS = re.compile(r"Set the environment variable HYDRA_FULL_ERROR=1|Error executing job with overrides")
_NO_ROOM = re.compile(r"CUDA out of memory|HIP out of memory|CUDA error: out of memory|can't allocate memory")


def failure_of(error: BaseException) -> Failure:
    """Of an error that a worker met, not the program."""
    name = type(error).__name__
    if isinstance(error, RunError):
        return Failure(name, error.reason, error.advice, error.step)
    if is_full(error):
        return Failure(DiskFullError.__name__, f"no space left ({error})", FREE_SOME)
    return Failure(name, in_a_line(error))


def raised_failure(raised: Mapping[str, Any], step: int | None) -> Failure:
    """Of an exception that an app's function has raised, as `sweeper.client` tells of it."""
    name, reason = str(raised.get("error")), str(raised.get("reason"))
    place = f" ({raised['place']})" if raised.get("place") else ""
    if raised.get("errno") in FULL:
        return Failure(DiskFullError.__name__, f"no space left ({reason})", FREE_SOME, step)
    if name == MemoryError.__name__ or _NO_ROOM.search(reason):
        return Failure(OUT_OF_MEMORY, f"out of memory: {reason}{place}", LESS_MEMORY, step)
    return Failure(name, f"{name}: {reason}{place}", "", step)


def exit_failure(code: int, log: Path, start: int, step: int | None) -> Failure:
    """Of a program that ended with `code` and no word to us, by what it printed last: see `log`."""
    if code in BY_SIGKILL:
        return Failure(KILLED, code_in_words(code), "", step)
    last = last_line(log, start)
    said = f": {last}" if last and code >= 0 else ""
    named = _NAMED.match(last)
    name = named[1] if named and code > 0 else ProgramError.__name__
    if name == MemoryError.__name__ or (code > 0 and _NO_ROOM.search(last)):
        return Failure(OUT_OF_MEMORY, f"out of memory: {code_in_words(code)}{said}", LESS_MEMORY, step)
    return Failure(name, f"{code_in_words(code)}{said}", "", step)


def last_line(log: Path, start: int) -> str:
    """The last line that a program printed and that says something; empty where there is none."""
    for _, line in zip(range(N_LINES), lines_from_end(log, start), strict=False):
        text = COLOURS.sub("", line).strip()
        if text and not _NOT_NEWS.match(text):
            return text[:MAX_CHARACTERS]
    return ""
