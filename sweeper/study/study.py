"""One study from its sweep to its report: open, screen, confirm, judge, write."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml

from sweeper.config import Sweep
from sweeper.executors import make_executor
from sweeper.jobs import job_for
from sweeper.layout import StudyFolder, write_atomic
from sweeper.report import added_by_task, write_report
from sweeper.results import StudyResult, TrialResult
from sweeper.schema import Local, Settings
from sweeper.search import NoMoreTrials, TrialBook, pruner_warnings, pruning_of
from sweeper.storage import RunBook, Storage, is_gone, new_owner, open_storage, place_told
from sweeper.study.conclusion import exit_code, study_result, tidy_checkpoints, without_verdict
from sweeper.study.dry_run import show_plan
from sweeper.study.ensemble import EnsembleContext, Outcome, ensemble_of, timeout_of
from sweeper.study.interrupts import Interrupt, watch_signals
from sweeper.study.loop import Patience, StudyLoop
from sweeper.study.proposals import asker_of, drafts_of, policy_of, reopened
from sweeper.study.provenance import identity_warnings, provenance
from sweeper.study.recovery import recovered
from sweeper.study.run_state import (
    WantedRuns,
    contenders,
    screened,
    screening_seeds,
    trial_results,
    wanted_confirmation,
    wanted_screening,
)
from sweeper.study.specs import SpecFactory, notices_of, workload
from sweeper.task import task_entry
from sweeper.trial import DeviceNeeds, JobSpec, Slot, TrialSpec
from sweeper.verdict import best_of, judge
from sweeper.watch import Observer, Observers, StudyStart, Terminal, make_tracker


def run_sweep(sweep: Sweep) -> int:
    """Run, resume or extend the study that `sweep` describes; the process's exit code."""
    with place_told(sweep.settings.study.results_dir):
        return _run(sweep)


def _run(sweep: Sweep) -> int:
    factory = SpecFactory(sweep)
    with open_storage(sweep.settings.study.storage, factory.study_name(), new_owner()) as storage:
        if sweep.settings.study.dry_run:
            return show_plan(sweep, factory, storage)
        with watch_signals() as interrupt:
            storage.release(is_gone)
            return StudySession(sweep, factory, storage, interrupt).run()


def patience_of(settings: Settings) -> Patience:
    """How long running jobs may take to leave, and how often a lost run is tried again."""
    executor = settings.executor
    return Patience(settings.study.grace_s, executor.retries if isinstance(executor, Local) else 0)


class StudySession:
    """What one process does for one study."""

    def __init__(self, sweep: Sweep, factory: SpecFactory, storage: Storage, interrupt: Interrupt) -> None:
        self._sweep, self._factory, self._interrupt = sweep, factory, interrupt
        self._began = time.monotonic()
        self._settings, self._policy = sweep.settings, policy_of(sweep)
        self._drafts = drafts_of(sweep, factory)
        self._folder = StudyFolder.of(self._settings.study.results_dir, storage.study)
        self._trials = TrialBook(storage.optuna_study([o.direction for o in self._policy.objectives]))
        self._warnings = [
            *sweep.warnings,
            *_tried_again(storage.reopen(reopened(self._settings))),
            *recovered(storage, self._folder, self._trials),
            *identity_warnings(self._trials, factory, storage.study, sweep.settings.task.target),
            *notices_of(self._drafts),
            *factory.warnings(self._drafts),
            *pruner_warnings(
                self._settings, self._drafts[0].max_steps, len(self._policy.seeds), self._policy.n_candidates
            ),
        ]
        self._announced = factory.announced(self._drafts)
        self._asker = asker_of(sweep, factory, self._drafts, self._trials)
        self._executor, arrangement = make_executor(self._settings.executor)
        self._warnings += arrangement.warnings
        self._placement = arrangement.placements[0]
        self._provenance = provenance(self._executor.slots[0].n_threads, self._settings.task.target) | {
            "started": _iso(datetime.now(UTC))
        }
        self._observer: Observer = Observers(
            Terminal(), make_tracker(self._settings.tracking, self._settings.study.results_dir)
        )
        storage.tell_waits(self._observer.warned, lambda: interrupt.received is not None)
        self._loop = StudyLoop(
            self._policy,
            RunBook(storage, self._folder, self._workload),
            self._executor,
            self._observer,
            interrupt,
            pruning_of(sweep.settings, self._policy, self._trials, self._drafts[0].max_steps),
            patience_of(self._settings),
            self._job_of,
            self._tell,
            self._is_time_up,
        )
        self._told: set[int] = set()

    def run(self) -> int:
        """Screen, confirm, judge, report; the exit code."""
        try:
            self._open()
            self._loop.work_off(self._wanted_screening, self._asker)
            if not self._loop.is_stopping:
                self._announce_confirmation()
                self._loop.work_off(self._wanted_confirmation, NoMoreTrials())
            return self._conclude()
        except KeyboardInterrupt:
            self._executor.abandon()
            return _leave_at_once(self._interrupt)
        finally:
            self._executor.close()
            self._observer.close()

    def _open(self) -> None:
        for trial in self._asker.known:
            self._factory.adopt(trial)
            self._loop.add(trial)
        n_known, n_open = len(self._loop.runs), len(self._wanted_screening().runs)
        per_trial = 1 if self._sweep.is_adaptive else len(self._policy.seeds)
        self._observer.study_started(
            StudyStart(
                study=self._trials.name,
                task=self._settings.task.name,
                objectives=self._policy.objectives,
                seeds=self._policy.seeds,
                confirm_seeds=self._policy.confirm_seeds,
                folder=self._folder,
                n_runs_planned=n_known + n_open + self._asker.n_left * per_trial,
                n_runs_known=n_known,
                slots=tuple(self._executor.slots),
                config=self._sweep.config,
                data=self._factory.data(),
                provenance=self._provenance,
                announced=self._announced,
            )
        )
        for warning in self._warnings:
            self._observer.warned(warning)

    def _wanted_screening(self) -> WantedRuns:
        return wanted_screening(
            [result.spec for result in self._results()],
            self._loop.runs,
            self._policy,
            all_asked=self._asker.n_left == 0,
        )

    def _wanted_confirmation(self) -> WantedRuns:
        results = self._results()
        best = best_of(results, self._policy)
        if best is None:
            return WantedRuns("confirmation", ())
        return wanted_confirmation(results[0].spec, [self._loop.trials[best]], self._loop.runs, self._policy)

    def _announce_confirmation(self) -> None:
        wish = self._wanted_confirmation()
        if wish.runs:
            self._observer.plan_grew(
                len(wish.runs), "confirming the best candidate and the baseline on fresh seeds"
            )

    def _job_of(self, trial: TrialSpec, seed: int, attempt: int, slot: Slot, is_alone: bool) -> JobSpec:
        folder, prepared = self._folder.run(trial, seed), self._factory.prepared_of(trial)
        needs = DeviceNeeds(device=slot.device, n_threads=slot.n_threads, is_alone=is_alone)
        job = job_for(self._trials.name, trial, seed, attempt, folder, prepared.folder, needs)
        # not waited for: where a power cut loses them, the run's next attempt writes them again
        write_atomic(folder.config, _yaml({**trial.config, "seed": seed}), flush=False)
        write_atomic(folder.overrides, _yaml([*trial.overrides, f"seed={seed}"]), flush=False)
        write_atomic(folder.job, job.model_dump_json(indent=2), flush=False)
        return job

    def _workload(self, trial: TrialSpec) -> str:
        return workload(self._settings, self._factory.prepared_of(trial), self._executor.slots[0])

    def _tell(self) -> None:
        """Tell Optuna of every trial that has become finished; equal fingerprints finish together."""
        self._trials.mark_screened(screened(list(self._loop.trials.values()), self._loop.runs, self._policy))
        keys = [f"val/{objective.metric}" for objective in self._policy.objectives]
        seeds_of = self._seeds_of()
        for result in trial_results(self._loop.trials.values(), self._loop.runs, seeds_of):
            if result.spec.number not in self._told and result.state in ("COMPLETE", "FAILED", "PRUNED"):
                self._told.add(result.spec.number)
                means = [result.mean(seeds_of(result.spec), key) for key in keys]
                self._trials.tell(result, [mean for mean in means if mean is not None])

    def _is_time_up(self) -> bool:
        limit = self._settings.study.timeout_s
        return limit is not None and time.monotonic() - self._began > limit

    def _seeds_of(self) -> Callable[[TrialSpec], tuple[int, ...]]:
        trials = list(self._loop.trials.values())
        chosen = contenders(trials, self._loop.runs, self._policy) if self._asker.n_left == 0 else set()
        return lambda trial: screening_seeds(trial, self._policy, chosen)

    def _results(self) -> tuple[TrialResult, ...]:
        return trial_results(self._loop.trials.values(), self._loop.runs, self._seeds_of())

    def _stopped_because(self) -> str | None:
        """Why the study ends before its time, if it does."""
        signal = self._interrupt.received
        told = self._loop.stopped_because or (signal.name if signal is not None else None)
        wanted = (*self._wanted_screening().runs, *self._wanted_confirmation().runs)
        is_cut_short = self._is_time_up() and bool(wanted or self._asker.n_left)
        return told or ("study.timeout_s" if is_cut_short else None)

    def _how_to_go_on(self) -> str:
        again = "the same command goes on where this one ended"
        if self._loop.stopped_because is not None:
            return f"{again}; with study.retry=failed it also tries failed runs again"
        limit_s = self._settings.study.timeout_s
        return again if self._loop.is_stopping else f"study.timeout_s={limit_s:g} is over; {again}"

    def _conclude(self) -> int:
        if not self._loop.trials:
            return self._interrupt.exit_code  # told to stop before the first trial
        result = study_result(
            study=self._trials.name,
            sweep=self._sweep,
            policy=self._policy,
            trials=trial_results(self._loop.trials.values(), self._loop.all_runs, self._seeds_of()),
            data=self._factory.data(),
            n_jobs=self._loop.n_jobs,
            wall_s=time.monotonic() - self._began,
            provenance=self._provenance | {"finished": _iso(datetime.now(UTC))},
            warnings=tuple(self._warnings),
            stopped_because=self._stopped_because(),
        )
        judgement = judge(result)
        if self._loop.stopped_because is not None:
            judgement = without_verdict(judgement, self._loop.stopped_because)
        ensemble = self._ensemble(result)
        result = replace(result, warnings=(*result.warnings, *ensemble.warnings), announced=self._announced)
        judgement = replace(judgement, ensemble=ensemble.entry)
        entry = task_entry(self._settings.task)
        added = added_by_task(
            result, judgement, entry, self._factory.task_config_of, self._factory.prepared_of
        )
        summary = write_report(self._folder, result, judgement, added)
        if result.totals["stopped_because"] is not None:
            self._observer.warned(self._how_to_go_on())
        else:
            tidy_checkpoints(self._folder, result, judgement, ensemble.members)
        for note in judgement.notes:
            self._observer.warned(note)
        self._observer.study_ended(result, summary)
        return exit_code(judgement, self._interrupt, self._loop.stopped_because)

    def _ensemble(self, result: StudyResult) -> Outcome:
        """The average of the best runs, where it is asked for and the study is over."""
        k = self._settings.study.ensemble_top_k
        if k is None or result.totals["stopped_because"] is not None:
            return Outcome()
        self._executor.close()  # its workers hold data on the device
        ground = EnsembleContext(
            folder=self._folder,
            prepared=self._factory.prepared_of(result.baseline.spec).folder,
            placement=self._placement,
            timeout_s=timeout_of(self._settings.executor),
            is_stopped=lambda: self._interrupt.received is not None,
        )
        outcome = ensemble_of(result, k, ground)
        for warning in outcome.warnings:
            self._observer.warned(warning)
        return outcome


def _yaml(value: Any) -> str:
    """As `yaml.safe_dump` writes it, by libyaml where that is there."""
    return str(yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))


def _tried_again(n_runs: int) -> list[str]:
    return [f"{n_runs} failed or pruned runs of earlier commands are tried again"] if n_runs else []


def _leave_at_once(interrupt: Interrupt) -> int:
    """The second Ctrl-C. Nothing is waited for: what ran is resumed from its last checkpoint."""
    print("stopped at once; the same command resumes the study", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(interrupt.exit_code)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
