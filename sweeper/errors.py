"""Every error this project raises on purpose.

    SweeperError
    ├── UserError          the user's input; raised before any job starts; exit code 2
    ├── StudyError         the study has no result; exit code 1
    │   └── AskingError    no further trial can be proposed; the study ends with a report of those it has
    ├── RunError           ends one run, never the study; recorded with its reason
    │   ├── NonFiniteLossError
    │   ├── ProgramError   somebody's program ended as it should not
    │   │   ├── NoResultError         without saying how good it is
    │   │   └── NonFiniteResultError  with an objective that is no finite number
    │   ├── DiskFullError  no fault of the trial: the run is interrupted, and the study stops
    │   ├── DeviceError    the same: the device is not there, or cannot be used by anybody
    │   └── FolderHeldError  a worker of an earlier attempt is still at it: the run is tried again
    └── CheckpointError    a checkpoint that cannot be trusted; the one before it is used

Errors carry their facts as attributes, so that nobody has to parse a message.
"""

import errno
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType

FULL_ERROR = "HYDRA_FULL_ERROR"
"""Set to 1, it shows the whole traceback of what ends a command."""
JOB_TIMEOUT = "JobTimeoutError"
"""The `error` of a run whose job was killed for taking too long."""
KILLED = "KilledError"
"""The `error` of a run whose program was killed by somebody else, as the system does that has no memory."""
OUT_OF_MEMORY = "OutOfMemoryError"
"""The `error` of a run that asked for more memory than its device, or the machine, could give."""

_WITH_PASSWORD = re.compile(r"(://[^\s:/@]*:)(?:[^\s/]*|[^\s@]*)@")
_TOKEN_AS_USER = re.compile(r"(://)[^\s:/@]+@")
_IN_QUERY = re.compile(
    r"([?&][^=&\s]*(?:password|passwd|pwd|token|secret|api_?key)[^=&\s]*=)[^&\s'\"]+", re.I
)
FULL = {errno.ENOSPC, errno.EDQUOT}
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")


@dataclass(frozen=True)
class Fault:
    """One mistake in the user's input: where it is, what was got, what was expected, what to do.

    `follows_from` names a section: where that is at fault as a whole, this is no mistake of its own.
    """

    where: str
    problem: str
    advice: str = ""
    follows_from: str = ""

    def __str__(self) -> str:
        """One line, as the user reads it; a value may be a URL with a password."""
        text = sentences(self.problem, self.advice) if self.advice else self.problem
        return redact(f"{self.where}: {text}")


class SweeperError(Exception):
    """Root of all errors raised on purpose."""


class UserError(SweeperError):
    """What the user gave cannot be used; `faults` holds all that is wrong with it."""

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class StudyError(SweeperError):
    """The study ended without a result."""


class AskingError(StudyError):
    """The sampler itself failed: what it would propose next is not known."""


class RunError(SweeperError):
    """One run failed; `reason` is what a leaderboard shows, `advice` what to try."""

    def __init__(self, reason: str, *, step: int | None = None, advice: str = "") -> None:
        self.reason, self.step, self.advice = reason, step, advice
        super().__init__(sentences(reason, advice))


class NonFiniteLossError(RunError):
    """The training loss became NaN or infinite."""


class ProgramError(RunError):
    """A program that is not ours ended as it should not."""


class NoResultError(ProgramError):
    """It ended without a figure that the study is judged by."""


class NonFiniteResultError(ProgramError):
    """A figure that the study is judged by is NaN or infinite."""


class DiskFullError(RunError):
    """There was no space left to write what the run had to write."""


class DeviceError(RunError):
    """The device that the run was given does not exist, or refuses everybody."""


class FolderHeldError(RunError):
    """Another process writes into the run's folder."""


class CheckpointError(SweeperError):
    """A checkpoint is damaged or does not fit; `path` names it."""

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}")


def sentences(reason: str, advice: str) -> str:
    """Two sentences, or the one that there is."""
    end = "" if reason.endswith((".", "?", "!")) else "."
    return f"{reason}{end} {advice}" if advice else reason


def in_a_line(error: BaseException) -> str:
    """What an exception says, on one line: our own as they are, others with their kind."""
    said = " ".join(str(error).split())
    if isinstance(error, SweeperError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def did_you_mean(got: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the nearest known name, or an empty string."""
    near = get_close_matches(got, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def redact(text: str) -> str:
    """`text` with the secrets of every URL in it blanked: passwords, tokens as user, secret query fields.

    A password may hold an `@` (as HTTP clients allow) or a `/` (as SQLAlchemy does); where it cannot be told
    from the rest of the URL, more is blanked rather than less.
    """
    text = _WITH_PASSWORD.sub(r"\1***@", text)
    text = _TOKEN_AS_USER.sub(r"\1***@", text)
    return _IN_QUERY.sub(r"\1***", text)


def redacting_excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What `sys.excepthook` does, with the secrets blanked."""
    print(redact("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it: who caught the first may have met another one."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the user's share of it, has no space left."""
    said = "disk is full" in str(error)  # SQLite has no error number for it
    cut = isinstance(error, OSError) and _CUT_SHORT.fullmatch(str(error))  # nor has NumPy
    return said or bool(cut) or (isinstance(error, OSError) and error.errno in FULL)
