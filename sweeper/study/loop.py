"""The study loop: ask, submit, receive, settle, until no run is wanted any more."""

import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from sweeper.errors import AskingError
from sweeper.executors import Executor
from sweeper.messages import Alive, Failed, Finished, Message, Reported, Started
from sweeper.results import ENDED, NEEDLESS, RunKey, RunResult
from sweeper.search import Pruning
from sweeper.study.active import Active, ActiveJobs, FreeSlots
from sweeper.study.health import NoHealth, RunHealth
from sweeper.study.interrupts import Interrupt
from sweeper.study.retries import STOPS_ALL, LastWord, Retries, died, left_to, outcome, without_baseline
from sweeper.study.run_table import RunTable
from sweeper.study.screening import WantedNow
from sweeper.study.sharing import NoSharing, Sharing
from sweeper.study.slot_watch import SlotWatch
from sweeper.trial import JobSpec, Slot, TrialSpec
from sweeper.watch import Observer

LOOK_S = 5.0
"""How often a session that has work of its own looks at what others have finished, and at what they hold."""
PATIENCE_S = 1.0
"""How long to wait for messages before looking at leases, signals and other parents' results again."""

JobMaker = Callable[[TrialSpec, int, int, Slot, bool], JobSpec]
"""`(trial, seed, attempt, slot, is_alone)`: the job that trains a run; what it reads is written before."""


@dataclass(frozen=True)
class Limits:
    """Limits in seconds and counts; `now` reads a clock that only goes forward.

    `grace_s`: what running jobs may take to leave. `n_retries`: how often in a row a run that is lost without
    progress is tried again. `timeout_s`: no run starts that long after the session began. `idle_s`: so long a
    session stays for which others leave no run to start. `wait_s`: so long agents may take to come.
    """

    grace_s: float
    n_retries: int
    timeout_s: float | None = None
    idle_s: float | None = None
    wait_s: float = 60.0
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Hooks:
    """Who has a say in the loop, or is told: who makes jobs, who ends runs early, who watches.

    `grow`: lets trials join that the results so far ask for; it is told which runs are under way. `sharing`:
    who waits for what another run trains of it. `at_leisure`: called while runs train and some slot has
    none.
    """

    job_of: JobMaker
    pruning: Pruning
    observer: Observer
    health: RunHealth = field(default_factory=NoHealth)
    grow: Callable[[Collection[RunKey]], None] = lambda running: None
    sharing: Sharing = field(default_factory=NoSharing)
    at_leisure: Callable[[], None] = lambda: None


class StudyLoop:
    """Keeps every slot busy with the runs that are wanted, until none is."""

    def __init__(
        self, table: RunTable, executor: Executor, hooks: Hooks, limits: Limits, interrupt: Interrupt
    ) -> None:
        self.stopped_because: str | None = None
        self.left_because: str | None = None
        self.table, self.executor, self._hooks = table, executor, hooks
        self._limits, self._interrupt = limits, interrupt
        self._observer, self._sharing = hooks.observer, hooks.sharing
        self._n_waiting = 0
        self._retries = Retries(limits.n_retries)
        self._active = ActiveJobs(self._retries)
        self.slots = SlotWatch(executor, hooks.observer, limits.now, limits.wait_s)
        self._began = self._look_at = limits.now()
        self._started_runs: set[RunKey] = set()
        self._incidents: dict[RunKey, list[str]] = {}
        self._stop_by: float | None = None
        self._said: set[str] = set()
        self._heard: deque[Message] = deque()
        self._idle_since: float | None = None

    def work_off(
        self,
        wanted: Callable[[], WantedNow],
        *,
        asks: bool,
        wanted_ahead: Callable[[], WantedNow] | None = None,
    ) -> None:
        """Run what `wanted()` names until nothing is left; with `asks`, free slots bring further trials.

        What `wanted_ahead()` names is begun where a slot has nothing else to do, and not waited for.
        """
        self._stop_if_hopeless()
        self.slots.begin()
        for active in self._active:
            active.is_ahead = False
        while not (self.is_stopping and not self._active):
            self._look_at_others()
            self.slots.look(self._active)
            self._fill(wanted, asks)
            if wanted_ahead is not None:
                self._begin_ahead(wanted_ahead)
            self._stop_needless(wanted, asks)
            if self._active and self._active.n_free:
                self._hooks.at_leisure()
            is_busy = any(not active.is_ahead for active in self._active)
            if not is_busy and (self.is_time_up or not (wanted() or (asks and self._waits_to_ask))):
                return
            self._receive()

    def close(self) -> None:
        """End the workers; nothing runs after that."""
        self.executor.close()

    @property
    def is_stopping(self) -> bool:
        """Whether no further run should start."""
        reasons = (self.stopped_because, self.left_because, self._interrupt.received)
        return any(reason is not None for reason in reasons)

    @property
    def is_hopeless(self) -> bool:
        """Whether failed runs ended the study: they would end it again."""
        failed, allowed = self.table.n_failed, self.table.policy.failures_allowed
        return self.table.baseline_failure is not None or failed > allowed

    @property
    def is_time_up(self) -> bool:
        """Whether the session has had its time."""
        limit = self._limits.timeout_s
        return limit is not None and self._limits.now() - self._began > limit

    @property
    def begun(self) -> frozenset[RunKey]:
        """Runs that this process had jobs for."""
        return frozenset(self._started_runs)

    @property
    def _waits_to_ask(self) -> bool:
        """Whether trials are to come that nobody was asked for, since there is no slot."""
        return not self._active.slots and self.table.n_unasked > 0

    def _stop_jobs(self) -> None:
        """Running jobs leave with a checkpoint; those that have not within the time of grace are killed."""
        now, grace_s = self._limits.now(), self._limits.grace_s
        if self._stop_by is None:
            self._stop_by = now + grace_s
            why = f"{self._interrupt.received.name}: " if self._interrupt.received is not None else ""
            self._observer.warned(f"{why}running jobs write a checkpoint and leave, within {grace_s:g} s")
            for active in self._active:
                if active.has_started:
                    self.executor.stop(active.job.job_id)
                else:  # there is nothing yet that a checkpoint could keep
                    self.executor.kill(active.job.job_id, "stopped before it began")
        elif now >= self._stop_by:
            for active in self._active:
                self.executor.kill(active.job.job_id, f"did not leave within study.grace_s={grace_s:g}")

    def _stop_needless(self, wanted: Callable[[], WantedNow], asks: bool) -> None:
        """Running confirmation pairs leave once those before them have decided the verdict."""
        if asks or not self._active or not self.table.policy.is_sequential:
            return
        runs = wanted()
        for active in self._active:
            if active.key in runs or active.is_needless:
                continue
            active.is_needless = True
            if active.has_started:
                self.executor.stop(active.job.job_id)
            else:
                self.executor.kill(active.job.job_id, NEEDLESS)

    def _fill(self, wanted: Callable[[], WantedNow], asks: bool) -> None:
        if asks and not self.is_stopping:
            self._hooks.grow(self._active.keys)
        while not self.is_stopping and not self.is_time_up:
            runs = wanted()
            self._sharing.see(runs)
            free = self._active.free(runs)
            if not free:
                return
            if self._start_one(runs, free):
                continue
            if not (asks and self._may_ask and self._ask()):
                return

    def _begin_ahead(self, wanted_ahead: Callable[[], WantedNow]) -> None:
        while not self.is_stopping and not self.is_time_up and (slot := self._active.free(()).slot):
            begun = next((key for key in wanted_ahead() if self._start(key, slot)), None)
            if begun is None:
                return
            if (active := self._active.of(begun)) is not None:
                active.is_ahead = True

    @property
    def _may_ask(self) -> bool:
        """Whether there is a slot for a further trial beside those that wait; of a grid more are seen."""
        return self._n_waiting < self._active.n_free + self._sharing.ahead

    def _ask(self) -> bool:
        try:
            return self.table.ask()
        except AskingError as error:
            self._stop(str(error))
            return False

    def _start_one(self, runs: WantedNow, free: FreeSlots) -> bool:
        """Start the first run that a free slot may have and nobody else holds; False where there is none."""
        if any(self._start(key, slot) for slot, key in free.alone):
            return True
        slot, self._n_waiting = free.slot, 0
        return slot is not None and any(
            self._start(key, slot)
            for key in runs
            if not self._retries.is_alone(key) and not self._waits(key, slot)
        )

    def _waits(self, key: RunKey, slot: Slot) -> bool:
        """Whether the run's first steps are being trained by another."""
        waits = self._sharing.waits(self.table.trials[key[0]], key[1], slot)
        self._n_waiting += waits
        return waits

    def _start(self, key: RunKey, slot: Slot) -> bool:
        trial, seed = self.table.trials[key[0]], key[1]
        if self._active.trains(trial, seed) or (attempt := self.table.claim(key)) is None:
            return False
        if trial.refused:
            self._refuse(
                trial, RunResult(trial.number, seed, "FAILED", reason=trial.refused, attempt=attempt)
            )
            return True
        pruning = self._hooks.pruning
        why = pruning.before_run(trial, seed, self.table.runs) if trial.prunable else None
        if why is not None:
            self._settle(trial, RunResult(trial.number, seed, "PRUNED", reason=why, attempt=attempt))
        else:
            self._submit(trial, seed, attempt, slot)
        return True

    def _refuse(self, trial: TrialSpec, result: RunResult) -> None:
        """A point that cannot be trained has failed, as one that was tried."""
        self._settle(trial, result)
        self._stop_if_hopeless()

    def _submit(self, trial: TrialSpec, seed: int, attempt: int, slot: Slot) -> None:
        is_alone = self._retries.is_alone((trial.number, seed))
        job = self._hooks.job_of(trial, seed, attempt, slot, is_alone)
        self._active.add(Active(slot, job, trial, seed, self._limits.now()))
        self._idle_since = None
        self._started_runs.add((trial.number, seed))
        self.executor.submit(slot, job)

    def _receive(self) -> None:
        self._kill_lost_claims()
        if self.is_stopping:
            self._stop_jobs()
        is_idle, has_slots = not self._active, bool(self._active.slots)
        if is_idle and not has_slots:
            self._idle_since = None
            self.slots.say_waiting()
        self._heard.extend(self.executor.receive(PATIENCE_S))
        while self._heard:
            self._handle(self._heard.popleft())
        if is_idle and has_slots:
            self._wait_for_others()

    def keep_last_words(self) -> None:
        """Write into their folders how runs have ended meanwhile: the database cannot be told."""
        self._heard.extend(self.executor.receive(0.0))
        for message in self._heard:
            active = self._active.get(message.job_id, message.attempt)
            if active is not None and isinstance(message, LastWord):
                self.table.keep(active.trial, self._judged(active, message))

    def _kill_lost_claims(self) -> None:
        lost = self.table.lost_claims()
        for active in self._active if lost else ():
            if active.key in lost:
                active.is_taken = True
                self.executor.kill(active.job.job_id, "another session has taken the run over")

    def _look_at_others(self) -> None:
        """Learn of other sessions' results now and then; of all that happens meanwhile, none waits for it."""
        if self._limits.now() >= self._look_at:
            self._look_at = self._limits.now() + LOOK_S
            self.table.learn_from_others()
            self._stop_if_hopeless()

    def _wait_for_others(self) -> None:
        """Another session holds what is wanted; its results are ours too, once they are there."""
        self._look_at = now = self._limits.now()
        if not (holders := self.table.holders):
            self._idle_since = None
            return
        self._say_once("another session holds the runs that are left; waiting for its results or its end")
        self._idle_since = now if self._idle_since is None else self._idle_since
        if self._limits.idle_s is not None and now - self._idle_since >= self._limits.idle_s:
            self.left_because = left_to(holders, self._limits.idle_s)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._observer.warned(text)

    def _handle(self, message: Message) -> None:
        active = self._active.get(message.job_id, message.attempt)
        if active is None:
            return  # a late word from an attempt that is no longer ours
        if isinstance(message, Started):
            active.reached = active.step = message.resumed_step
            active.has_started, active.inherited = True, message.steps_inherited
            self._sharing.moved(active.key, message.resumed_step, is_start=True)
            self._incidents.setdefault(active.key, []).extend(message.incidents)
            self._hooks.health.run_started(active.trial, message)
            self._observer.run_started(active.trial, message, active.slot)
        elif isinstance(message, Alive):
            active.step = message.step
            self._sharing.moved(active.key, message.step)
            self._observer.run_stepped(active.trial, message)
        elif isinstance(message, Reported):
            self._answer(active, message)
        else:
            self._active.remove(active)
            self._end(active, message)
            self._sharing.ended(active.key)

    def _answer(self, active: Active, reported: Reported) -> None:
        active.reached = active.step = max(active.reached, reported.step)
        if self.is_stopping:
            self.executor.reply(reported, "stop")
        else:
            active.pruned_because = self._given_up(active.trial, reported)
            self.executor.reply(reported, "continue" if active.pruned_because is None else "prune")
        self._observer.run_reported(active.trial, reported)

    def _given_up(self, trial: TrialSpec, reported: Reported) -> str | None:
        """Why the run ends early, by a rule of the monitor or by the pruner; both see the evaluation."""
        why = self._hooks.health.after_report(trial, reported)
        pruned = self._hooks.pruning.after_report(trial, reported) if trial.prunable else None
        return why or pruned

    def _judged(self, active: Active, message: LastWord) -> RunResult:
        return self.table.judged(self._outcome(active, message))

    def _end(self, active: Active, message: LastWord) -> None:
        result = self._judged(active, message)
        incidents = self._incidents.setdefault(active.key, [])
        incidents.extend(message.incidents if isinstance(message, Finished) else ())
        self._settle(active.trial, replace(result, incidents=tuple(incidents)))
        if result.state in ENDED:
            self._retries.forget(active.key)
        if result.state == "INTERRUPTED":
            incidents.append(f"attempt {active.attempt}: {result.reason}")
        elif result.state == "FAILED":
            self._count_failures(active)

    def _outcome(self, active: Active, message: LastWord) -> RunResult:
        result = outcome(active.job, message, pruned_because=active.pruned_because)
        if died(message):
            result = replace(result, reason=f"{result.reason}, at step {active.step}")
        if result.state == "FAILED":  # it has no figures of its own
            seconds, own = self._limits.now() - active.since, active.step - active.inherited
            result = replace(result, steps_trained=own, steps_inherited=active.inherited, seconds=seconds)
        if result.state == "INTERRUPTED" and active.is_needless:
            result = replace(result, reason=NEEDLESS)
        is_ending = self.is_stopping or active.is_taken or active.is_needless
        self.slots.count(message)
        result = self._retries.reconsider(
            active.key,
            message,
            replace(result, device=active.slot.label),
            device=active.slot.label,
            reached=active.reached,
            is_ending=is_ending,
        )
        if result.state == "INTERRUPTED" and isinstance(message, Failed) and message.error in STOPS_ALL:
            self._stop(result.reason or message.error)  # others would meet it too
        return result

    def _settle(self, trial: TrialSpec, result: RunResult) -> None:
        self.table.settle(trial, result)
        self._hooks.health.run_ended(trial, result)
        self._observer.run_ended(trial, result)

    def _count_failures(self, active: Active) -> None:
        failed, allowed = self.table.n_failed, self.table.policy.failures_allowed
        folder, is_screening = active.job.members[0].folder, active.seed in self.table.policy.seeds
        counted = f" ({failed} of {self.table.policy.n_candidates} so far, {allowed} may)"
        self._observer.warned(
            f"trial {active.trial.number} ({active.trial.name}) seed {active.seed} has failed"
            f"{counted if active.trial.role == 'candidate' and is_screening else ''}. Log: {folder}/log.txt. "
            f"Again: python -m sweeper.worker {folder}/job.json"
        )
        self._stop_if_hopeless()

    def _stop_if_hopeless(self) -> None:
        """Stop where nothing can be judged any more, or where too much has gone wrong."""
        failed, allowed = self.table.n_failed, self.table.policy.failures_allowed
        if (lost := self.table.baseline_failure) is not None:
            self._stop(without_baseline(lost))
        elif failed > allowed:
            self._stop(f"{failed} failed candidates, more than study.max_failure_rate allows ({allowed})")

    def _stop(self, why: str) -> None:
        if self.stopped_because is None:
            self.stopped_because = why
            self._observer.warned(f"stopping: {why}")
