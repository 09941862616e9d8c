"""The study loop: ask, plan, submit, receive, tell. Whatever else a study does is an observer's business."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sweeper.errors import DiskFullError, sentences
from sweeper.executors.base import Executor, Slot
from sweeper.interrupts import Interrupt
from sweeper.messages import Failed, Finished, Message, Reported, Started, Stopped
from sweeper.observers import Observer
from sweeper.results import RunResult, RunState
from sweeper.run_book import RunBook
from sweeper.run_state import Policy, RunKey, Wish, n_failed
from sweeper.trial import JobSpec, TrialSpec

PATIENCE_S = 1.0
"""How long to wait for messages before looking at leases, signals and other parents' results again."""

FROM_FINISHED = ("metrics", "best_step", "steps_trained", "steps_inherited", "seconds")


class Asker(Protocol):
    """Where further trials come from; `None` when there are no more."""

    def ask(self) -> TrialSpec | None:
        """The next trial, or None."""


@dataclass
class Active:
    """A job that runs now."""

    slot: Slot
    job: JobSpec
    trial: TrialSpec
    seed: int
    device: str = ""


class StudyLoop:
    """Keeps every slot busy with the runs that are wanted, until none is."""

    def __init__(
        self,
        policy: Policy,
        book: RunBook,
        executor: Executor,
        observer: Observer,
        interrupt: Interrupt,
        job_of: Callable[[TrialSpec, int, int, Slot], JobSpec],
        on_run_ended: Callable[[], None],
        is_time_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.trials: dict[int, TrialSpec] = {}
        self.runs: dict[RunKey, RunResult] = {}
        self.stopped_because: str | None = None
        self._policy, self._book, self._executor = policy, book, executor
        self._observer, self._interrupt = observer, interrupt
        self._job_of, self._on_run_ended, self._is_time_up = job_of, on_run_ended, is_time_up
        self._active: dict[str, Active] = {}
        self._started_runs: set[RunKey] = set()
        self._said: set[str] = set()

    def add(self, trial: TrialSpec) -> None:
        """A trial joins, with all that is known of its runs."""
        self.trials[trial.number] = trial
        self._learn([trial])
        self._on_run_ended()

    def work_off(self, wanted: Callable[[], Wish], asker: Asker) -> None:
        """Run what `wanted()` names, and what `asker` adds while slots are free, until nothing is left."""
        while not (self.is_stopping and not self._active):
            self._fill(wanted, asker)
            if not self._active and (self._is_time_up() or not wanted().runs):
                return
            self._receive()

    @property
    def is_stopping(self) -> bool:
        """Whether no further run should start."""
        return self.stopped_because is not None or self._interrupt.received is not None

    @property
    def n_jobs(self) -> int:
        """Runs that this process trained itself."""
        return len(self._started_runs)

    def _stop_jobs(self) -> None:
        signal = self._interrupt.received
        reason = self.stopped_because or (signal.name if signal is not None else "")
        self._say_once(f"stopping: {reason}; running jobs leave at their next evaluation")
        for job_id in self._active:
            self._executor.stop(job_id)

    def _fill(self, wanted: Callable[[], Wish], asker: Asker) -> None:
        while not self.is_stopping and not self._is_time_up() and (slot := self._free_slot()) is not None:
            if self._start_one(wanted().runs, slot):
                continue
            trial = asker.ask()
            if trial is None:
                return
            self.add(trial)

    def _free_slot(self) -> Slot | None:
        busy = {active.slot.index for active in self._active.values()}
        return next((slot for slot in self._executor.slots if slot.index not in busy), None)

    def _start_one(self, keys: Sequence[RunKey], slot: Slot) -> bool:
        running = {(active.trial.fingerprint, active.seed) for active in self._active.values()}
        for number, seed in keys:
            trial = self.trials[number]
            if (trial.fingerprint, seed) in running:
                continue
            attempt = self._book.claim(trial, seed)
            if attempt is not None:
                self._submit(trial, seed, attempt, slot)
                return True
        return False

    def _submit(self, trial: TrialSpec, seed: int, attempt: int, slot: Slot) -> None:
        job = self._job_of(trial, seed, attempt, slot)
        self._active[job.job_id] = Active(slot, job, trial, seed)
        self._started_runs.add((trial.number, seed))
        self._executor.submit(slot, job)

    def _receive(self) -> None:
        self._book.renew()
        if self.is_stopping:
            self._stop_jobs()
        is_idle = not self._active
        for message in self._executor.receive(PATIENCE_S):
            self._handle(message)
        if is_idle:
            self._wait_for_others()

    def _wait_for_others(self) -> None:
        """Another session holds what is wanted; its results are ours too, once they are there."""
        self._say_once("another session holds the runs that are left; waiting for its results or its end")
        self._learn(list(self.trials.values()))

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._observer.warned(text)

    def _handle(self, message: Message) -> None:
        active = self._active.get(message.job_id)
        if active is None or active.job.members[0].attempt != message.attempt:
            return  # a late word from an attempt that is no longer ours
        if isinstance(message, Started):
            active.device = message.device
            self._observer.run_started(active.trial, message)
        elif isinstance(message, Reported):
            self._executor.reply(message, "stop" if self.is_stopping else "continue")
            self._observer.run_reported(active.trial, message)
        else:
            del self._active[message.job_id]
            self._end(active, replace(outcome(active.job, message), device=active.device))

    def _end(self, active: Active, result: RunResult) -> None:
        kept = self._book.settle(active.trial, result)
        if kept and result.state != "INTERRUPTED":
            self._learn(
                [trial for trial in self.trials.values() if trial.fingerprint == active.trial.fingerprint]
            )
        self._observer.run_ended(active.trial, result)
        if result.state == "FAILED":
            self._count_failures(active, result)
        elif result.state == "INTERRUPTED" and not self.is_stopping:
            self.stopped_because = result.reason
        self._on_run_ended()

    def _learn(self, trials: Sequence[TrialSpec]) -> None:
        self.runs.update(self._book.known(trials))

    def _count_failures(self, active: Active, result: RunResult) -> None:
        failed, allowed = n_failed(self.trials.values(), self.runs), self._policy.failures_allowed
        self._observer.warned(
            f"trial {active.trial.number} ({active.trial.name}) seed {active.seed}: {result.reason}; "
            f"recorded as failed ({failed} so far, {allowed} of {self._policy.n_candidates} allowed). "
            f"Log: {result.folder}/log.txt. Again: python -m sweeper.worker {result.folder}/job.json"
        )
        if failed > allowed:
            self.stopped_because = (
                f"{failed} failed trials, more than study.max_failure_rate allows ({allowed})"
            )


def outcome(job: JobSpec, message: Finished | Stopped | Failed) -> RunResult:
    """The result of a job's run, from its last message."""
    run = job.members[0]
    if isinstance(message, Finished):
        known = {name: getattr(message, name) for name in FROM_FINISHED}
        result = RunResult(run.trial, run.seed, "COMPLETE", **known)
    elif isinstance(message, Stopped):
        result = RunResult(
            run.trial,
            run.seed,
            "PRUNED" if message.why == "pruned" else "INTERRUPTED",
            reason=f"at step {message.step}",
            steps_trained=message.steps_trained,
            seconds=message.seconds,
        )
    else:
        state: RunState = "INTERRUPTED" if message.error == DiskFullError.__name__ else "FAILED"
        reason = sentences(message.reason, message.advice)
        result = RunResult(run.trial, run.seed, state, reason=reason)
    return replace(result, attempt=run.attempt, folder=Path(run.folder))
