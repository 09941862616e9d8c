"""What one process does for one study: screen, confirm, attribute, conclude."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sweeper.config import ENSEMBLE_KEY
from sweeper.layout import write_atomic
from sweeper.reports import write_report
from sweeper.results import Mix, StudyResult, TrialResult
from sweeper.schema import Remote
from sweeper.study.asked_for import with_others_named
from sweeper.study.attribution import begun_attribution
from sweeper.study.conclusion import exit_code, study_result, tidy_checkpoints, without_verdict
from sweeper.study.ensemble import EnsembleContext, Evaluate, Outcome, ensemble_of
from sweeper.study.ensemble_place import apart, on_agent, timeout_of
from sweeper.study.growth import Growth
from sweeper.study.interrupts import NOTHING_LOST, Interrupt, say
from sweeper.study.loop import StudyLoop
from sweeper.study.plan import Plan
from sweeper.study.prefix_files import PrefixFiles
from sweeper.study.provenance import (
    provenance,
)
from sweeper.study.run_table import RunTable
from sweeper.trial import Slot
from sweeper.verdict import judge, judged_attribution
from sweeper.watch import Observer, StudyStart
from sweeper.wording import plural

HOPELESS = (
    "the same command stops here again: mend what failed (the logs say why), then use it with "
    "study.retry=failed, which tries the failed runs again"
)
OF_CODE = ". Other code is another study: where that is what you mend, give it another name"
KEPT_PAIRS = (
    "study.max_confirm_seeds: got {most}, but the best candidate keeps the {pairs} of seeds that it was "
    "given before: how sure the verdict is rests on their number. It holds for other candidates"
)


class Session:
    """What one process does for one study."""

    def __init__(
        self,
        plan: Plan,
        table: RunTable,
        loop: StudyLoop,
        growth: Growth,
        observer: Observer,
        interrupt: Interrupt,
        warnings: list[str],
    ) -> None:
        self._plan, self._table, self._loop, self._growth = plan, table, loop, growth
        self._observer, self._interrupt, self._warnings = observer, interrupt, warnings
        self._began, self._n_planned = time.monotonic(), 0
        self._mix: Mix | None = None
        slot = plan.arrangement.slots[0]
        factory = plan.factory
        code = (factory.code_hash(), factory.command(), factory.repository)
        self._provenance = provenance(slot.n_threads, *code) | {"started": _now()}

    def run(self) -> int:
        """Screen, confirm, judge, report; the exit code."""
        self._start()
        table = self._table
        self._loop.work_off(table.wanted_screening, asks=True, wanted_ahead=table.wanted_ahead)
        if not self._loop.is_stopping:
            self._confirm()
        if not self._loop.is_stopping:
            self._attribute()
        if self._loop.left_because is not None:
            self._observer.study_left(self._loop.left_because)
            return 0  # the report is written by those who have runs to wait for
        return self._conclude()

    def _start(self) -> None:
        plan, table = self._plan, self._table
        self._growth.grow()  # what earlier commands have shown, and the first stage of a plan
        write_atomic(plan.folder.command_txt, f"{self._provenance['command']}\n")
        n_known, n_grown = table.n_known, self._growth.n_runs
        self._n_planned = n_known + table.n_to_come - n_grown
        self._observer.study_started(
            StudyStart(
                study=plan.study,
                task=plan.settings.task.name,
                objectives=plan.policy.objectives,
                seeds=plan.policy.seeds,
                confirm_seeds=plan.policy.confirm_seeds,
                folder=plan.folder,
                n_runs_planned=self._n_planned + n_grown,
                n_runs_known=n_known,
                slots=plan.arrangement.slots,
                config=plan.sweep.config,
                data=plan.factory.data(),
                provenance=self._provenance,
                announced=plan.announced,
                is_most=plan.policy.may_stop_early and n_known < self._n_planned + n_grown,
            )
        )
        for warning in self._warnings:
            self._observer.warned(warning)
        self._growth.tell = self._observer.plan_grew

    def _confirm(self) -> None:
        """Train the best candidate and the baseline on fresh seeds; nothing is said of it once time is up."""
        if not self._loop.is_time_up:
            self._announce_confirmation()
        self._loop.work_off(self._table.wanted_confirmation, asks=False)
        if not self._loop.is_time_up:
            self._announce_end_of_pairs()

    def _announce_confirmation(self) -> None:
        """The plan has held these runs from the start; it changes by what pruned and failed trials spared."""
        if (said := self._more_pairs_than_asked_for()) is not None:
            self._observer.warned(said)
        n_runs = self._table.n_distinct(self._table.wanted_confirmation().runs)
        n_left = self._n_planned + self._growth.n_runs - self._table.n_known
        if n_runs:
            runs = f"{'at most ' if self._plan.policy.is_sequential else ''}{plural(n_runs, 'run')}"
            why = f"confirming the best candidate and the baseline on fresh seeds, {runs}"
            self._observer.plan_grew(n_runs - n_left, why)
            self._n_planned += n_runs - n_left

    def _more_pairs_than_asked_for(self) -> str | None:
        """What to say where this command allows fewer pairs than its winner has."""
        settled, most = self._table.settled(), self._plan.settings.study.max_confirm_seeds
        if settled is None or not self._plan.policy.is_sequential:
            return None
        n = len(settled.budgets[settled.place].pairs)
        return KEPT_PAIRS.format(most=most, pairs=plural(n, "pair")) if n > most else None

    def _announce_end_of_pairs(self) -> None:
        """The plan had as many pairs as there might be."""
        n_left = self._n_planned + self._growth.n_runs - self._table.n_known
        if self._plan.policy.is_sequential and n_left > 0 and not self._table.wanted_confirmation():
            self._observer.plan_grew(-n_left, "no further confirmation seed is needed")

    def _attribute(self) -> None:
        """Train what tells the winner's differences apart, where that is asked for and there is a winner."""
        self._mix = begun_attribution(self._plan, self._table)
        if self._mix is None:
            return
        n_runs = self._table.n_distinct(self._table.wanted_attribution().runs)
        if n_runs:
            names = " / ".join(group.name for group in self._mix.groups)
            self._observer.plan_grew(n_runs, f"attribution: which of {names} makes the difference")
        self._loop.work_off(self._table.wanted_attribution, asks=False)

    def _conclude(self) -> int:
        if not self._table.trials:
            if self._interrupt.received is not None:
                say(NOTHING_LOST)
            elif self._stopped_because() is not None:  # the time was over before any trial could begin
                say(self._to_go_on())
                return 1
            return self._interrupt.exit_code
        plan, folder, failed_by = self._plan, self._plan.folder, self._loop.stopped_because
        result = self._result()
        judgement = judge(result)
        if judgement.look is not None:
            self._table.add_look(plan.split(), judgement.look)
        judgement = replace(
            with_others_named(plan, result, judgement), attribution=judged_attribution(result)
        )
        if failed_by is not None:
            judgement = without_verdict(judgement, failed_by, has_baseline=result.baseline.state != "FAILED")
        ensemble = self._ensemble(result)
        result = replace(result, warnings=(*result.warnings, *ensemble.warnings), announced=plan.announced)
        judgement = replace(judgement, ensemble=ensemble.entry)
        self._observer.report_begins()
        summary = write_report(folder, result, judgement, plan.factory.added(result, judgement))
        if result.totals.stopped_because is None:
            PrefixFiles(folder.prefixes).remove_all()
            keep, needless = plan.settings.study.keep_models, self._table.needless_seeds
            tidy_checkpoints(folder, result, judgement, keep, ensemble.members, needless)
        for note in judgement.notes:
            self._observer.warned(note)
        self._observer.study_ended(result, summary)
        return exit_code(judgement, self._interrupt, failed_by)

    def _result(self) -> StudyResult:
        stopped_because = self._stopped_because()
        trials = self._table.results(with_interrupted=True)
        found = study_result(
            study=self._plan.study,
            sweep=self._plan.sweep,
            policy=self._table.policy,
            trials=trials,
            data=self._plan.factory.data(),
            begun=self._loop.begun,
            wall_s=time.monotonic() - self._began,
            provenance=self._provenance | {"finished": _now()},
            warnings=tuple(self._warnings),
            stopped_because=stopped_because,
            to_go_on=None if stopped_because is None else self._to_go_on(),
            looks=self._table.looks(self._plan.split()),
            added=self._table.added(with_interrupted=True),
            mix=self._mix,
        )
        plan = self._plan.settings.plan.name if self._plan.sweep.stages else None
        settled = self._table.settled()
        stops_again = stopped_because is not None and self._loop.is_hopeless
        return replace(
            found,
            budgets=() if settled is None else settled.budgets,
            pair_budget=None if settled is None else settled.place,
            totals=found.totals.model_copy(update={**self._loop.slots.totals(), "stops_again": stops_again}),
            alarms=self._growth.alarms(trials),
            plan=plan,
            decisions=self._growth.decisions(),
            commands=self._commands(trials),
        )

    def _commands(self, trials: Iterable[TrialResult]) -> dict[int, str]:
        """How trials of a program are trained by hand."""
        factory, seed = self._plan.factory, self._table.policy.seeds[0]
        found = {trial.spec.number: factory.command_again(trial.spec, seed) for trial in trials}
        return {number: text for number, text in found.items() if text is not None}

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
            return f"{HOPELESS}{self._what_else_to_do()}"
        if self._loop.stopped_because is not None:
            return f"{again}; with study.retry=failed it also tries failed runs again"
        limit_s = self._plan.settings.study.timeout_s
        if self._loop.is_stopping:
            return again
        n = self._table.n_unasked
        unbegun = f" before {plural(n, 'trial')} could begin" if n else ""
        return f"study.timeout_s={limit_s:g} is over{unbegun}; {again}"

    def _what_else_to_do(self) -> str:
        """Where runs have failed so often that the study stopped."""
        factory, rate = self._plan.factory, "; or raise study.max_failure_rate"
        is_of_code = "code" in factory.fixed() and self._plan.settings.study.name is not None
        return f"{OF_CODE if is_of_code else ''}{rate if self._table.baseline_failure is None else ''}"

    def _ensemble(self, result: StudyResult) -> Outcome:
        """The average of the best runs, where it is asked for and the study is over."""
        k = self._plan.settings.study.ensemble_top_k
        if k is None or result.totals.stopped_because is not None:
            return Outcome()
        place = self._ensemble_place()
        if place is None:
            return Outcome(None, (f"{ENSEMBLE_KEY}: no ensemble, since no agent is there to evaluate it",))
        slot, evaluate = place
        context = EnsembleContext(
            folder=self._plan.folder,
            prepared=self._plan.factory.data_folder(result.baseline.spec),
            slot=slot,
            evaluate=evaluate,
            lock=self._table.lock,
        )
        outcome = ensemble_of(result, k, context)
        for warning in outcome.warnings:
            self._observer.warned(warning)
        return outcome

    def _ensemble_place(self) -> tuple[Slot, Evaluate] | None:
        """Where an ensemble is evaluated, and how: where the agents are, if there are any; else here."""

        def is_stopped() -> bool:
            return self._interrupt.received is not None

        settings, loop = self._plan.settings.executor, self._loop
        if isinstance(settings, Remote):
            if not loop.executor.slots:
                return None
            there = loop.executor.slots[0]
            return there, lambda spec, folder: on_agent(loop.executor, there, spec, folder, is_stopped)
        loop.close()  # its workers hold data on the device
        placement, timeout_s = self._plan.arrangement.placements[0], timeout_of(settings)
        return placement.slot, lambda _, folder: apart(folder, placement.environment, timeout_s, is_stopped)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
