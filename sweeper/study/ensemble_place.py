"""Where an ensemble is evaluated: in a process of its own here, or as a job where the study's agents are."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sweeper.agent import SAME_PATH, import_path
from sweeper.ensemble_spec import EnsembleSpec
from sweeper.errors import sentences
from sweeper.executors import Executor
from sweeper.layout import EnsembleFolder
from sweeper.messages import Failed, Finished, Lost
from sweeper.schema import Inline, Local, Remote
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec, Slot
from sweeper.worker import ending

TIMEOUT_S = 7200.0
"""The end of an evaluation where `executor.job_timeout_s` sets none: two passes a model, no training."""
STOPPED = "it was stopped; the same command evaluates it"
COMMAND = (sys.executable, *SAME_PATH, "-m", "sweeper.worker.ensemble")


POLL_S = 0.2


MAX_WORDS = 2000
"""Characters of the log's end that are looked at for the reason of a failure."""


def apart(
    folder: EnsembleFolder,
    environment: Mapping[str, str],
    timeout_s: float,
    is_stopped: Callable[[], bool],
) -> str | None:
    """Evaluate the request in `folder` in a process here; why there is no result, where there is none.

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
            return STOPPED
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
            return None
    return _late(timeout_s)


def _judged(returncode: int, folder: EnsembleFolder) -> str | None:
    if returncode == 0 and folder.result.exists():
        return None
    words = folder.log.read_bytes()[-MAX_WORDS:].decode(errors="replace")
    return f"its evaluation failed: {ending(returncode, words)}. Log: {folder.log}"


def _late(timeout_s: float) -> str:
    return f"its evaluation was not done after {timeout_s:g} s"


def on_agent(
    executor: Executor, slot: Slot, spec: EnsembleSpec, folder: EnsembleFolder, is_stopped: Callable[[], bool]
) -> str | None:
    """Evaluate `spec` as a job on `slot`, alone on its device; why there is no result, where there is none.

    How long it may take is the executor's to limit.
    """
    job = JobSpec(
        job_id=f"ensemble-{time.time_ns():x}",
        study=spec.study,
        members=(
            RunSpec(
                trial=0,
                name="ensemble",
                seed=0,
                config={"ensemble": spec.model_dump(mode="json")},
                folder=str(folder.path),
                attempt=1,
            ),
        ),
        prepared=spec.prepared,
        start_from=None,
        stop_at=None,
        needs=DeviceNeeds(device=slot.device, n_threads=slot.n_threads, is_alone=True),
        runner="ensemble",
    )
    executor.submit(slot, job)
    while not is_stopped():
        for message in executor.receive(POLL_S):
            if message.job_id != job.job_id:
                continue
            match message:
                case Finished():
                    return None if folder.result.exists() else f"its result is not in {folder.path}"
                case Failed():
                    why = sentences(message.reason, message.advice)
                    return f"its evaluation failed: {why} Log: {folder.log}"
                case Lost():
                    return f"its evaluation was lost: {message.reason}; the same command tries again"
    executor.kill(job.job_id, STOPPED)
    return STOPPED


def timeout_of(executor: Inline | Local | Remote) -> float:
    """As long as a job may take, where that is limited."""
    return (None if isinstance(executor, Inline) else executor.job_timeout_s) or TIMEOUT_S
