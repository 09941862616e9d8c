"""The process that evaluates an ensemble: started beside the study, waited for, ended with it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sweeper.executors.worker_process import ending, import_path
from sweeper.layout import EnsembleFolder

COMMAND = (sys.executable, "-m", "sweeper.worker.ensemble")
POLL_S = 0.2
MAX_WORDS = 2000
"""Characters of the log's end that are looked at for the reason of a failure."""


def evaluate_apart(
    folder: EnsembleFolder,
    environment: Mapping[str, str],
    timeout_s: float,
    is_stopped: Callable[[], bool],
) -> str | None:
    """Evaluate the request in `folder`; why there is no result, where there is none.

    The process holds the reading end of a pipe whose other end is ours alone: however this one ends, so does
    the other. Its own session keeps Ctrl-C from it: `is_stopped` is asked instead.
    """
    theirs, ours = os.pipe()
    try:
        with folder.log.open("wb") as log:
            process = subprocess.Popen(
                [*COMMAND, str(folder.request), str(theirs)],
                env={**os.environ, **import_path(), **environment},
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            problem = _wait(process, timeout_s, is_stopped)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(theirs)
        os.close(ours)
    return problem if problem is not None else _judged(process.returncode, folder)


def _wait(process: "subprocess.Popen[bytes]", timeout_s: float, is_stopped: Callable[[], bool]) -> str | None:
    """Until it has ended, or should have."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_stopped():
            return "it was stopped; the same command evaluates it"
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
            return None
    return f"its evaluation was not done after {timeout_s:g} s"


def _judged(returncode: int, folder: EnsembleFolder) -> str | None:
    if returncode == 0 and folder.result.exists():
        return None
    words = folder.log.read_bytes()[-MAX_WORDS:].decode(errors="replace")
    return f"its evaluation failed: {ending(returncode, words)}. Log: {folder.log}"
