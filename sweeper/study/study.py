"""One study from its sweep to its report: plan, open, screen, confirm, conclude."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sweeper.config import Sweep
from sweeper.executors import make_executor
from sweeper.report import added_by_task, write_report
from sweeper.results import Mix, StudyResult
from sweeper.search import TrialBook, pruning_of
from sweeper.storage import (
    RunBook,
    Storage,
    is_gone,
    new_owner,
    open_storage,
    place_faults_named,
    refuse_closed,
)
from sweeper.study.asked_for import warnings_of_others, with_others_named
from sweeper.study.attribution import begun_attribution
from sweeper.study.conclusion import exit_code, study_result, tidy_checkpoints, without_verdict
from sweeper.study.dry_run import show_forecast
from sweeper.study.ensemble import EnsembleContext, Outcome, ensemble_of, timeout_of
from sweeper.study.interrupts import Interrupt, watch_signals
from sweeper.study.job_files import JobFiles
from sweeper.study.loop import Hooks, StudyLoop
from sweeper.study.plan import Plan, plan
from sweeper.study.proposals import asker_of, check_known_space
from sweeper.study.provenance import (
    changed_code,
    provenance,
    refuse_another_study,
    refuse_shared_folder,
)
from sweeper.study.recovery import recovered
from sweeper.study.run_table import RunTable
from sweeper.study.specs import workload
from sweeper.task import task_entry
from sweeper.trial import TrialSpec
from sweeper.verdict import judge, judged_attribution
from sweeper.watch import Observer, Observers, StudyStart, Terminal, make_tracker
from sweeper.wording import plural

HOPELESS = (
    "the same command stops here again: mend what failed (the logs say why), then use it with "
    "study.retry=failed, which tries the failed runs again"
)


def run_sweep(sweep: Sweep) -> int:
    """Run, resume or extend the study that `sweep` describes; the process's exit code."""
    with place_faults_named(sweep.settings.study.results_dir):
        planned = plan(sweep)
        with open_storage(sweep.settings.study.storage, planned.study, new_owner()) as storage:
            if sweep.settings.study.dry_run:
                return show_forecast(planned, storage)
            with watch_signals() as interrupt, open_session(planned, storage, interrupt) as session:
                return session.run()


@contextmanager
def open_session(plan: Plan, storage: Storage, interrupt: Interrupt) -> Iterator["Session"]:
    """The study, open in its database and folder, with an executor at work and observers that listen.

    What can be wrong with a command beside an earlier one (another study of this name, another range of a
    parameter, data of earlier trials that are gone) is asked before anything is changed. Raises UserError.
    """
    refuse_shared_folder(plan.folder, plan.study)
    refuse_closed(plan.folder.path, plan.settings.study.results_dir)
    trials = TrialBook(storage.optuna_study([o.direction for o in plan.policy.objectives]))
    refuse_another_study(trials, plan.factory, plan.study)
    check_known_space(plan.sweep, trials)
    asker = asker_of(plan.sweep, plan.factory, plan.drafts, trials)
    for trial in asker.known:
        plan.factory.adopt(trial)
    pruning = pruning_of(plan.settings, plan.policy, trials, plan.drafts[0].max_steps)
    trials.name_objectives([o.metric for o in plan.policy.objectives])
    storage.release(is_gone)
    warnings = [
        *plan.sweep.warnings,
        *_tried_again(storage.reopen(plan.reopened)),
        *recovered(storage, plan.folder, trials),
        *changed_code(trials, plan.settings.task.target),
        *warnings_of_others(plan, trials.specs()),
        *plan.notices,
    ]
    slot = plan.arrangement.slots[0]

    def workload_of(trial: TrialSpec) -> str:
        return workload(plan.settings, plan.factory.prepared_of(trial), slot)

    table = RunTable(plan.policy, RunBook(storage, plan.folder, workload_of), asker, trials)
    tracker = make_tracker(plan.settings.tracking, plan.settings.study.results_dir)
    observer: Observer = Observers(Terminal(), tracker)
    storage.warn_of_waits(observer.warned, lambda: interrupt.received is not None)
    executor = make_executor(plan.settings.executor, plan.arrangement)
    hooks = Hooks(JobFiles(plan).job_of, pruning, observer)
    try:
        for trial in asker.known:
            table.add(trial)
        loop = StudyLoop(table, executor, hooks, plan.limits, interrupt)
        yield Session(plan, table, loop, observer, interrupt, warnings)
    except KeyboardInterrupt:
        executor.abandon()
        _leave_at_once(interrupt)
    finally:
        executor.close()
        observer.close()


class Session:
    """What one process does for one study."""

    def __init__(
        self,
        plan: Plan,
        table: RunTable,
        loop: StudyLoop,
        observer: Observer,
        interrupt: Interrupt,
        warnings: list[str],
    ) -> None:
        self._plan, self._table, self._loop = plan, table, loop
        self._observer, self._interrupt, self._warnings = observer, interrupt, warnings
        self._began, self._n_planned = time.monotonic(), 0
        self._mix: Mix | None = None
        slot = plan.arrangement.slots[0]
        self._provenance = provenance(slot.n_threads, plan.settings.task.target) | {"started": _now()}

    def run(self) -> int:
        """Screen, confirm, judge, report; the exit code."""
        self._start()
        self._loop.work_off(self._table.wanted_screening, asks=True)
        if not self._loop.is_stopping:
            self._announce_confirmation()
            self._loop.work_off(self._table.wanted_confirmation, asks=False)
        if not self._loop.is_stopping and not self._loop.is_time_up:
            self._attribute()
        return self._conclude()

    def _start(self) -> None:
        plan, table = self._plan, self._table
        n_known = len(table.runs)
        self._n_planned = n_known + table.n_to_come
        self._observer.study_started(
            StudyStart(
                study=plan.study,
                task=plan.settings.task.name,
                objectives=plan.policy.objectives,
                seeds=plan.policy.seeds,
                confirm_seeds=plan.policy.confirm_seeds,
                folder=plan.folder,
                n_runs_planned=self._n_planned,
                n_runs_known=n_known,
                slots=plan.arrangement.slots,
                config=plan.sweep.config,
                data=plan.factory.data(),
                provenance=self._provenance,
                announced=plan.announced,
            )
        )
        for warning in self._warnings:
            self._observer.warned(warning)

    def _announce_confirmation(self) -> None:
        """The plan has held these runs from the start; it changes by what pruned and failed trials spared."""
        n_runs = len(self._table.wanted_confirmation().runs)
        n_left = self._n_planned - len(self._table.runs)
        if n_runs:
            why = f"confirming the best candidate and the baseline on fresh seeds, {plural(n_runs, 'run')}"
            self._observer.plan_grew(n_runs - n_left, why)

    def _attribute(self) -> None:
        """Train what tells the winner's differences apart, where that is asked for and there is a winner."""
        self._mix = begun_attribution(self._plan, self._table)
        if self._mix is None:
            return
        n_runs = len(self._table.wanted_attribution().runs)
        if n_runs:
            names = " / ".join(group.name for group in self._mix.groups)
            self._observer.plan_grew(n_runs, f"attribution: which of {names} makes the difference")
        self._loop.work_off(self._table.wanted_attribution, asks=False)

    def _conclude(self) -> int:
        if not self._table.trials:
            return self._interrupt.exit_code  # told to stop before the first trial
        plan, folder, failed_by = self._plan, self._plan.folder, self._loop.stopped_because
        result = self._result()
        judgement = judge(result)
        if judgement.look is not None:
            self._table.add_look(self._split, judgement.look)
        judgement = replace(
            with_others_named(plan, result, judgement), attribution=judged_attribution(result)
        )
        if failed_by is not None:
            judgement = without_verdict(judgement, failed_by, has_baseline=result.baseline.state != "FAILED")
        ensemble = self._ensemble(result)
        result = replace(result, warnings=(*result.warnings, *ensemble.warnings), announced=plan.announced)
        judgement = replace(judgement, ensemble=ensemble.entry)
        factory, entry = plan.factory, task_entry(plan.settings.task)
        added = added_by_task(result, judgement, entry, factory.task_config_of, factory.prepared_of)
        summary = write_report(folder, result, judgement, added)
        if result.totals.stopped_because is not None:
            self._observer.warned(self._to_go_on())
        else:
            tidy_checkpoints(folder, result, judgement, plan.settings.study.keep_models, ensemble.members)
        for note in judgement.notes:
            self._observer.warned(note)
        self._observer.study_ended(result, summary)
        return exit_code(judgement, self._interrupt, failed_by)

    def _result(self) -> StudyResult:
        stopped_because = self._stopped_because()
        return study_result(
            study=self._plan.study,
            sweep=self._plan.sweep,
            policy=self._table.policy,
            trials=self._table.results(with_interrupted=True),
            data=self._plan.factory.data(),
            n_jobs=self._loop.n_jobs,
            wall_s=time.monotonic() - self._began,
            provenance=self._provenance | {"finished": _now()},
            warnings=tuple(self._warnings),
            stopped_because=stopped_because,
            to_go_on=None if stopped_because is None else self._to_go_on(),
            looks=self._table.looks(self._split),
            added=self._table.added(with_interrupted=True),
            mix=self._mix,
        )

    @property
    def _split(self) -> str:
        """What the study's looks at its test split are kept under."""
        return str(self._plan.factory.data()["digest"])

    def _stopped_because(self) -> str | None:
        """Why the study ends before its time, if it does."""
        signal = self._interrupt.received
        reason = self._loop.stopped_because or (signal.name if signal is not None else None)
        phases = (
            self._table.wanted_screening,
            self._table.wanted_confirmation,
            self._table.wanted_attribution,
        )
        wanted = [key for phase in phases for key in phase().runs]
        is_cut_short = self._loop.is_time_up and bool(wanted or self._table.n_unasked)
        return reason or ("study.timeout_s" if is_cut_short else None)

    def _to_go_on(self) -> str:
        again = "the same command goes on where this one ended"
        if self._loop.is_hopeless:
            of_candidates = self._table.baseline_failure is None
            return HOPELESS + ("; or raise study.max_failure_rate" if of_candidates else "")
        if self._loop.stopped_because is not None:
            return f"{again}; with study.retry=failed it also tries failed runs again"
        limit_s = self._plan.settings.study.timeout_s
        return again if self._loop.is_stopping else f"study.timeout_s={limit_s:g} is over; {again}"

    def _ensemble(self, result: StudyResult) -> Outcome:
        """The average of the best runs, where it is asked for and the study is over."""
        k = self._plan.settings.study.ensemble_top_k
        if k is None or result.totals.stopped_because is not None:
            return Outcome()
        self._loop.close()  # its workers hold data on the device
        context = EnsembleContext(
            folder=self._plan.folder,
            prepared=self._plan.factory.prepared_of(result.baseline.spec).folder,
            placement=self._plan.arrangement.placements[0],
            timeout_s=timeout_of(self._plan.settings.executor),
            is_stopped=lambda: self._interrupt.received is not None,
        )
        outcome = ensemble_of(result, k, context)
        for warning in outcome.warnings:
            self._observer.warned(warning)
        return outcome


def _tried_again(n_runs: int) -> list[str]:
    return [f"tried again: {plural(n_runs, 'failed or pruned run')} of earlier commands"] if n_runs else []


def _leave_at_once(interrupt: Interrupt) -> None:
    """The second Ctrl-C. Nothing is waited for: what ran is resumed from its last checkpoint."""
    print("stopped at once; the same command resumes the study", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(interrupt.exit_code)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
