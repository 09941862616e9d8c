"""What becomes of runs that did not end on their own account. Decisions and words only, no I/O."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from sweeper.errors import KILLED, OUT_OF_MEMORY, DeviceError, DiskFullError, FolderHeldError, sentences
from sweeper.messages import Failed, Finished, Lost, Stopped
from sweeper.results import RunKey, RunResult
from sweeper.trial import JobSpec
from sweeper.wording import plural

STOPS_ALL = frozenset(error.__name__ for error in (DiskFullError, DeviceError))
"""Errors that every other run would meet too."""
BLAMELESS = STOPS_ALL | {FolderHeldError.__name__, KILLED}
"""Errors that say nothing about the configuration of the run that met them."""

DEATHS = frozenset({FolderHeldError.__name__, KILLED})
"""Errors that another attempt may not meet."""
MOST_HOSTS_LOST = 10
"""A run that is lost with its host so often in a row, without progress, may be what ends its hosts."""

LastWord = Finished | Stopped | Failed | Lost


N_NAMED = 5
"""So many other sessions are named."""
FROM_STOPPED = ("steps_trained", "steps_inherited", "seconds")
FROM_FINISHED = ("metrics", "best_step", *FROM_STOPPED)


def outcome(job: JobSpec, message: LastWord, pruned_because: str | None = None) -> RunResult:
    """The result of a job's run, from its last message; what is no fault of the run's is INTERRUPTED."""
    run = job.members[0]
    result = RunResult(run.trial, run.seed, "FAILED", attempt=run.attempt, folder=Path(run.folder))
    match message:
        case Finished():
            known = {name: getattr(message, name) for name in FROM_FINISHED}
            return replace(result, state="COMPLETE", **known)
        case Stopped():
            where = (
                f"{message.reason}, at step {message.step}" if message.reason else f"at step {message.step}"
            )
            reason = pruned_because or where if message.why == "pruned" else where
            state = "PRUNED" if message.why == "pruned" else "INTERRUPTED"
            spent = {name: getattr(message, name) for name in FROM_STOPPED}
            return replace(result, state=state, reason=reason, **spent)  # type: ignore[arg-type]
        case Lost():
            return replace(result, state="INTERRUPTED", reason=message.reason)
        case Failed():
            reason = sentences(message.reason, message.advice)
            is_blameless = message.error in BLAMELESS
            failed = replace(result, reason=reason, error=message.error)
            return replace(failed, state="INTERRUPTED") if is_blameless else failed


def died(message: LastWord) -> bool:
    """Whether the run ended with its worker or was killed, or could not begin for another one's sake."""
    return isinstance(message, Lost) or (isinstance(message, Failed) and message.error in DEATHS)


def is_of_host(message: LastWord) -> bool:
    """Whether it was the run's host that went, or had it leave."""
    is_told_to = isinstance(message, Stopped) and message.why == "interrupted" and bool(message.reason)
    return is_told_to or (isinstance(message, Lost) and message.is_hosts)


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


class LossesInARow:
    """How often in a row each run was lost without progress."""

    def __init__(self) -> None:
        self._lost: dict[RunKey, tuple[int, int]] = {}

    def one_more(self, key: RunKey, reached: int) -> int:
        """The losses in a row with this one, `reached` being the last step that the run has reported."""
        n_before, reached_before = self._lost.get(key, (0, -1))
        n_lost = 1 if reached > reached_before else n_before + 1
        self._lost[key] = (n_lost, max(reached, reached_before))
        return n_lost


class Retries:
    """Which runs are tried again, and which have to run alone.

    A run that is lost with its worker is tried again from its last checkpoint, `allowed` times in a row
    without progress. One that is lost with its host is not to blame for that, unless it happens
    `MOST_HOSTS_LOST` times in a row. One that ran out of memory is tried once more, alone on its device.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._losses, self._hosts = LossesInARow(), LossesInARow()
        self._alone_on: dict[RunKey, str] = {}

    def reconsider(
        self, key: RunKey, message: LastWord, result: RunResult, *, device: str, reached: int, is_ending: bool
    ) -> RunResult:
        """`result`, or what it comes to where the run is not to blame for it.

        `reached`: the last step that the run has reported. `is_ending`: nothing is tried again by this
        session, so that no attempt counts.
        """
        if is_of_host(message) and not is_ending:
            return self._after_host(key, message, result, reached)
        if died(message) and not is_ending:
            return self._after_death(key, result, reached)
        if isinstance(message, Failed) and message.error == OUT_OF_MEMORY:
            return self._after_out_of_memory(key, result, device)
        return result

    @property
    def alone(self) -> Collection[RunKey]:
        """The runs that must share their device with nobody, in the order in which that was found."""
        return self._alone_on.keys()

    def is_alone(self, key: RunKey) -> bool:
        """Whether the run must share its device with nobody."""
        return key in self._alone_on

    def waiting_alone(self, keys: Iterable[RunKey]) -> dict[str, RunKey]:
        """By device, the first of `keys` that is to run alone there."""
        wanted, found = set(keys), dict[str, RunKey]()
        for key, place in self._alone_on.items():
            if key in wanted:
                found.setdefault(place, key)
        return found

    def move_alone(self, keys: Iterable[RunKey], devices: Collection[str]) -> None:
        """Runs whose device is none of `devices` any more are to be alone on the first of these."""
        for key in keys:
            if devices and self._alone_on[key] not in devices:
                self._alone_on[key] = next(iter(devices))

    def forget(self, key: RunKey) -> None:
        """The run has ended for good."""
        self._alone_on.pop(key, None)

    def _after_host(self, key: RunKey, message: LastWord, result: RunResult, reached: int) -> RunResult:
        if isinstance(message, Stopped):
            return replace(result, reason=f"{result.reason}; goes on from there")
        n_lost = self._hosts.one_more(key, reached)
        if n_lost < MOST_HOSTS_LOST:
            return replace(result, reason=f"{result.reason}; goes on elsewhere from its last checkpoint")
        why = f"lost with its host {n_lost} times without progress, so it may be what ends them"
        return replace(result, state="FAILED", reason=f"{result.reason}; {why}")

    def _after_death(self, key: RunKey, result: RunResult, reached: int) -> RunResult:
        n_lost = self._losses.one_more(key, reached)
        if n_lost <= self._allowed:
            return replace(result, reason=f"{result.reason}; tried again from its last checkpoint")
        times = "once" if n_lost == 1 else f"{n_lost} times without progress"
        return replace(result, state="FAILED", reason=f"{result.reason}; {times}")

    def _after_out_of_memory(self, key: RunKey, result: RunResult, device: str) -> RunResult:
        if key in self._alone_on:
            return replace(result, reason=f"{result.reason} It had {device} to itself.")
        self._alone_on[key] = device
        return replace(result, state="INTERRUPTED", reason=f"{result.reason} Tried again alone on {device}.")
