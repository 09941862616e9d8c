"""What becomes of runs that did not end on their own account. Decisions and words only, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from sweeper.errors import OUT_OF_MEMORY, DeviceError, DiskFullError, FolderHeldError, sentences
from sweeper.messages import Failed, Finished, Lost, Stopped
from sweeper.results import RunKey, RunResult
from sweeper.trial import JobSpec
from sweeper.wording import plural

STOPS_ALL = frozenset(error.__name__ for error in (DiskFullError, DeviceError))
"""Errors that every other run would meet too."""
BLAMELESS = STOPS_ALL | {FolderHeldError.__name__}
"""Errors that say nothing about the configuration of the run that met them."""

LastWord = Finished | Stopped | Failed | Lost


N_NAMED = 5
"""So many other sessions are named."""
FROM_FINISHED = ("metrics", "best_step", "steps_trained", "steps_inherited", "seconds")


def outcome(job: JobSpec, message: LastWord, pruned_because: str | None = None) -> RunResult:
    """The result of a job's run, from its last message; what is no fault of the run's is INTERRUPTED."""
    run = job.members[0]
    result = RunResult(run.trial, run.seed, "FAILED", attempt=run.attempt, folder=Path(run.folder))
    match message:
        case Finished():
            known = {name: getattr(message, name) for name in FROM_FINISHED}
            return replace(result, state="COMPLETE", **known)
        case Stopped():
            where = f"at step {message.step}"
            reason = pruned_because or where if message.why == "pruned" else where
            state = "PRUNED" if message.why == "pruned" else "INTERRUPTED"
            spent = {"steps_trained": message.steps_trained, "seconds": message.seconds}
            return replace(result, state=state, reason=reason, **spent)  # type: ignore[arg-type]
        case Lost():
            return replace(result, state="INTERRUPTED", reason=message.reason)
        case Failed():
            reason = sentences(message.reason, message.advice)
            is_blameless = message.error in BLAMELESS
            failed = replace(result, reason=reason, error=message.error)
            return replace(failed, state="INTERRUPTED") if is_blameless else failed


def died(message: LastWord) -> bool:
    """Whether the run ended with its worker, or could not begin for another one's sake."""
    return isinstance(message, Lost) or (
        isinstance(message, Failed) and message.error == FolderHeldError.__name__
    )


def without_baseline(run: RunResult) -> str:
    """Why a study ends when the baseline's `run` has failed."""
    reason = (run.reason or "no reason given").rstrip(".")
    return f"the baseline has failed on seed {run.seed} ({reason}), so that nothing can be judged"


def left_to(holders: Mapping[str, int], idle_s: float) -> str:
    """Why a session ends before its study; `holders`: how many runs each of the others holds."""
    named = sorted(holders.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{where} ({plural(n, 'run')})" for where, n in named[:N_NAMED])
    more = f" and {plural(len(named) - N_NAMED, 'more session')}" if len(named) > N_NAMED else ""
    return (
        f"nothing was left to start for {idle_s:g} s (study.idle_s); other sessions hold the runs that are "
        f"left and conclude the study: {shown}{more}"
    )


class Retries:
    """Which runs are tried again, and which have to run alone.

    A run that is lost with its worker is tried again from its last checkpoint, `allowed` times in a row
    without progress. One that ran out of memory is tried once more, alone on its device.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._lost: dict[RunKey, tuple[int, int]] = {}
        self._alone_on: dict[RunKey, str] = {}

    def reconsider(
        self, key: RunKey, message: LastWord, result: RunResult, *, device: str, reached: int, is_ending: bool
    ) -> RunResult:
        """`result`, or what it comes to where the run is not to blame for it.

        `reached`: the last step that the run has reported. `is_ending`: nothing is tried again by this
        session, so that no attempt counts.
        """
        if died(message) and not is_ending:
            return self._after_death(key, result, reached)
        if isinstance(message, Failed) and message.error == OUT_OF_MEMORY:
            return self._after_out_of_memory(key, result, device)
        return result

    def is_alone(self, key: RunKey) -> bool:
        """Whether the run must share its device with nobody."""
        return key in self._alone_on

    def waiting_for(self, device: str, keys: Iterable[RunKey]) -> RunKey | None:
        """The first of `keys` that is to run alone on `device`."""
        wanted = set(keys)
        return next((key for key, place in self._alone_on.items() if place == device and key in wanted), None)

    def _after_death(self, key: RunKey, result: RunResult, reached: int) -> RunResult:
        n_before, reached_before = self._lost.get(key, (0, -1))
        n_lost = 1 if reached > reached_before else n_before + 1
        self._lost[key] = (n_lost, max(reached, reached_before))
        if n_lost <= self._allowed:
            return replace(result, reason=f"{result.reason}; tried again from its last checkpoint")
        times = "once" if n_lost == 1 else f"{n_lost} times without progress"
        return replace(result, state="FAILED", reason=f"{result.reason}; {times}")

    def _after_out_of_memory(self, key: RunKey, result: RunResult, device: str) -> RunResult:
        if key in self._alone_on:
            return replace(result, reason=f"{result.reason} It had {device} to itself.")
        self._alone_on[key] = device
        return replace(result, state="INTERRUPTED", reason=f"{result.reason} Tried again alone on {device}.")
