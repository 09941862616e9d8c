"""One study in an open MLflow store: its own run, a child for each trial, a child of that for each seed."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import dropwhile, takewhile
from math import isnan, nan
from pathlib import Path

from sweeper.layout import RunFolder, StudyFolder
from sweeper.locks import TurnLock, Turns, file_lock
from sweeper.reports import Summary, inline, read_evaluations, read_sentence, self_contained
from sweeper.results import RunResult
from sweeper.trial import TrialSpec
from sweeper.watch import tracked
from sweeper.watch.logged_result import RESULT, digest_of, experiment_of
from sweeper.watch.model_log import ModelLog
from sweeper.watch.run_store import RunStore
from sweeper.watch.stored_run import StoredRun
from sweeper.watch.stored_trial import StoredTrial
from sweeper.watch.study_facts import StudyFacts, view_of
from sweeper.watch.tracked_curves import CURVE, Logged, Point, Update, legal_name, updates
from sweeper.watch.tracked_system import SAMPLED, SYSTEM, system_updates
from sweeper.watch.tracking_store import Store, follow_folder, set_aside_half_made, view_key

STATUS = {"COMPLETE": "FINISHED", "FAILED": "FAILED", "PRUNED": "KILLED", "INTERRUPTED": "KILLED"}
FORGOTTEN = "sweeper.forgotten"
"""Tag of a study that `studies delete` has removed: its runs are never restored."""
MAX_METRICS = 900
"""In one call; MLflow takes 1000, and the last call also brings the figures of the end."""
MAX_NOTE_LENGTH = 5000
LOCK_S = 60.0
"""So long one session waits while another opens the store, or logs a run of the same study."""


class Session:
    """A study's log, open. Everything may be repeated.

    Other sessions may log the same study. They take turns, run by run, and look again at what they remember
    of the store when another has had a turn.
    """

    def __init__(
        self, store: Store, facts: StudyFacts, folder: StudyFolder, turns: Turns | None = None
    ) -> None:
        self._facts = facts
        self._turns = turns or TurnLock(folder.tracking_lock, LOCK_S)
        self._trials: dict[tuple[int, str], StoredTrial] = {}
        self._outdated: set[str] = set()
        self._is_shared = self._has_result = False
        with self._turns.take(), file_lock(store.lock, LOCK_S):
            set_aside_half_made(store)
            follow_folder(store)
            self._store = RunStore(store, experiment_of(store, facts.task))
            self._study = self._open_study()
            self._keep_view([])
        self._models = ModelLog(self._store, facts, self._study.run_id)
        with self._turn():
            of_study = f"tags.`sweeper.study_run` = '{self._study.run_id}'"
            of_earlier_layout = f"tags.`mlflow.parentRunId` = '{self._study.run_id}'"
            for condition in (of_study, of_earlier_layout):
                self._remember(self._store.search(condition))
            self._is_shared = False

    def log_start(self, spec: TrialSpec, seed: int, attempt: int) -> None:
        """The run is under way, for the first time or again."""
        with self._turn():
            trial = self._trial(spec)
            run = self._run(trial, spec, seed)
            for one in filter(None, (trial.run, run)):
                self._store.set_status(one, "RUNNING")
            self._store.log(run, Update(), self._params(trial, spec) | {"seed": str(seed)})

    def log_progress(self, spec: TrialSpec, seed: int, folder: RunFolder, upto: int) -> None:
        """Curves up to step `upto` that are not logged yet."""
        with self._turn():
            run = self._run(self._trial(spec), spec, seed)
            for update in (*self._new(run, spec, folder, upto), *_sampled(run, folder)):
                self._store.log(run, update)

    def log_end(self, spec: TrialSpec, run: RunResult) -> bool:
        """All that is known of a run that ended; False when all was logged before."""
        if run.state not in STATUS:
            return False
        with self._turn():
            trial = self._trial(spec)
            is_new = self._log_end(trial, spec, run)
            self._sum_up(trial, spec, run)
            return is_new

    def _log_end(self, trial: StoredTrial, spec: TrialSpec, run: RunResult) -> bool:
        end_ms, shown = _written_ms(run.folder), self._facts.shown
        stored = self._run(trial, spec, run.seed, start_ms=end_ms - int(1000 * run.seconds))
        if run.state == "COMPLETE" and not stored.is_deleted:
            trial.figures[run.seed] = tracked.figures(spec, run, shown)
        known = (stored.tags.get("sweeper.state"), stored.tags.get("sweeper.attempt"), stored.status)
        if stored.is_deleted or known == (run.state, str(run.attempt), STATUS[run.state]):
            return False
        folder = RunFolder(run.folder) if run.folder else None
        new = [*_sampled(stored, folder), *self._new(stored, spec, folder, None)] if folder else []
        *first, last = new or [Update()]
        for update in first:
            self._store.log(stored, update)
        params = self._params(trial, spec) | {"seed": str(run.seed)}
        self._store.log(stored, last + tracked.end_update(spec, run, shown, end_ms), params)
        if folder:
            self._store.log_file(stored, folder.config)
        self._store.set_status(stored, STATUS[run.state], max(end_ms, stored.start_ms))
        return True

    def _sum_up(self, trial: StoredTrial, spec: TrialSpec, run: RunResult) -> None:
        """What a trial's seeds say together, where that has changed."""
        assert trial.run is not None
        now = _now_ms()
        if update := self._summed_up(trial, now):
            self._store.log(trial.run, update, self._params(trial, spec))
        self._store.set_status(trial.run, trial.status(len(self._facts.seeds)), now)

    def _summed_up(self, trial: StoredTrial, now: int) -> Update | None:
        """The figures of a trial over its seeds, where they are others than those that are there."""
        assert trial.run is not None
        by_seed = trial.counted(self._facts.seeds)
        step = _step_of(trial.run, len(by_seed))
        update = tracked.trial_update(by_seed, step, now, trial.run.metrics)
        is_there = trial.run.tags.get("sweeper.seeds") == update.tags["sweeper.seeds"]
        return None if is_there else update

    def log_result(self, summary: Summary, folder: StudyFolder) -> None:
        """Verdict, figures, report and plots, on the study's own run; what it means for each trial."""
        note = f"**{inline(read_sentence(folder))}**\n\n" + _leaderboard_of(folder)
        tags = {
            "sweeper.verdict": summary.verdict,
            "sweeper.guards": tracked.guards_in_words(summary),
            "sweeper.plan": tracked.plan_in_words(summary),
            "mlflow.note.content": note[:MAX_NOTE_LENGTH],
            **({"sweeper.judged_on": summary.judged_on} if summary.judged_on == "val" else {}),
        }
        swept = list(dict.fromkeys(key for trial in summary.trials for key in trial.params))
        with self._turn():
            self._log_figures(self._study, tracked.summary_numbers(summary), summary.totals.runs, tags)
            self._log_fixed(swept)
            self._log_report(folder)
            self._tag_trials(summary, swept)
            self._keep_view(swept)
            self._store.set_status(self._study, _status_of(summary))
            self._store.log(self._study, Update(tags={RESULT: digest_of(summary)}))
        self._has_result = True

    def _log_figures(
        self, run: StoredRun, figures: dict[str, float], step: int, tags: dict[str, str]
    ) -> None:
        """What of them is not there yet, and no number for what is there and does not hold any more."""
        now, step = _now_ms(), _step_of(run, step)
        is_study = run is self._study
        gone = {key for key in run.metrics if is_study or tracked.is_judgement(key)} - figures.keys()
        new = [
            Point(key, value, step, now) for key, value in figures.items() if run.metrics.get(key) != value
        ]
        new += [Point(key, nan, step, now) for key in sorted(gone) if not isnan(run.metrics[key])]
        tags = tags | (tracked.step_tag(step) if new else {})
        new_tags = {key: text for key, text in tags.items() if run.tags.get(key) != text}
        self._store.log(run, Update(new, new_tags))

    def _log_fixed(self, swept: list[str]) -> None:
        """The parameters that all trials share are those of the baseline that nobody swept."""
        found = (trial for trial in self._trials.values() if trial.spec and trial.spec.role == "baseline")
        if (baseline := next(found, None)) and baseline.spec and not self._study.params - {"task"}:
            config = baseline.spec.config
            fixed = tracked.fixed_params(config, {*swept, *baseline.inactive})
            named = tracked.identifying(self._facts.task, config)
            self._store.log(self._study, Update(), {k: v for k, v in named.items() if k not in swept} | fixed)

    def _log_report(self, folder: StudyFolder) -> None:
        for path in (folder.summary, folder.report_md, folder.trials_csv, folder.best_yaml):
            self._store.log_file(self._study, path)
        best = folder.best_yaml
        if not best.exists() and self._store.has_artifact(self._study, best.name):  # an earlier winner's
            self._store.log_text(self._study, "# No candidate is the best.\n", best.name)
        if folder.report_html.exists():
            page = self_contained(folder.report_html.read_text(encoding="utf-8"), folder.path)
            self._store.log_text(self._study, page, folder.report_html.name)
        self._store.log_folder(self._study, folder.plots)

    def _tag_trials(self, summary: Summary, swept: list[str]) -> None:
        """What is known of trials and their seeds only now."""
        for entry in summary.trials:
            trial = self._trials.get((entry.trial, entry.fingerprint))
            if trial is None or trial.run is None:
                continue
            if update := self._summed_up(trial, _now_ms()):  # over seeds that were taken out
                self._store.log(trial.run, update)
            differences = tracked.comparison_figures(summary, entry)
            n_seeds = len(trial.counted(self._facts.seeds))
            self._log_figures(trial.run, differences, n_seeds, tracked.afterthoughts(summary, entry, None))
            for seed, run in trial.seeds.items():
                self._log_figures(run, {}, 0, tracked.afterthoughts(summary, entry, seed))
            if trial.spec is not None:  # the baseline's value of what others sweep
                params = tracked.swept_params(trial.spec, swept, trial.inactive)
                for run in (trial.run, *trial.seeds.values()):
                    self._store.log(run, Update(), params)
            self._store.set_status(trial.run, STATUS.get(entry.state, "KILLED"))

    def _keep_view(self, swept: list[str]) -> None:
        view = view_of(self._facts, self._study.run_id, map(legal_name, swept))
        self._store.keep_view(view_key(self._facts.study), view)

    def lacks_champion(self, summary: Summary, folder: StudyFolder) -> bool:
        """Whether there is a best model that the registry has not got; why there is none is logged."""
        return self._models.lacks(summary, folder)

    def log_champion(self, summary: Summary, folder: StudyFolder) -> str:
        """The best candidate's best model, to the registry; its address there, or why there is none."""
        return self._models.register(summary, folder)

    def leave_to_others(self) -> None:
        """Other sessions go on with the study: it is not interrupted by our end."""
        self._has_result = True

    def interrupt_unless_finished(self) -> None:
        """The last word: a study that has no result by now, from whichever session, was interrupted."""
        with self._turn():
            if self._is_shared:
                self._study = self._store.look_up(self._study.run_id)
            if not self._has_result and self._study.status == "RUNNING":
                for trial in self._trials.values():
                    if trial.run is not None and trial.run.status == "RUNNING":
                        self._store.set_status(trial.run, "KILLED")
                self._store.set_status(self._study, "KILLED")

    def delete(self) -> int:
        """Mark the study's runs deleted, for good; the number of its trials' seeds."""
        self._store.log(self._study, Update(tags={FORGOTTEN: "true"}))
        seeds = [run for trial in self._trials.values() for run in trial.seeds.values() if not run.is_deleted]
        trials = [trial.run for trial in self._trials.values() if trial.run is not None]
        for run in (*seeds, *trials, self._study):
            self._store.delete(run)
        return len(seeds)

    def _open_study(self) -> StoredRun:
        known = self._store.search("tags.`sweeper.kind` = 'study'")
        found = [run for run in known if run.tags.get("sweeper.study") == self._facts.study]
        found = [run for run in found if not (run.is_deleted and FORGOTTEN in run.tags)]
        if found:
            study = min(found, key=lambda run: run.is_deleted)
            if study.is_deleted:  # in the UI, which leaves the children: a second one would double them
                self._store.restore(study)
            self._store.set_status(study, "RUNNING")
            return study
        study = self._store.create(
            tracked.study_tags(self._facts.study, self._facts.task, self._facts.git_sha), _now_ms()
        )
        if data := self._facts.data:
            self._store.log_data(study, data.name, data.digest, data.facts)
        return study

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """No other session logs this study meanwhile; what one has logged before is looked up again."""
        with self._turns.take() as others_were_here:
            if others_were_here:
                self._is_shared = True
                trials = self._trials.values()
                self._outdated = {run.run_id for trial in trials for run in trial.seeds.values()}
                self._outdated |= {trial.run.run_id for trial in trials if trial.run is not None}
            try:
                yield
                self._store.commit()
            except BaseException:
                self._store.undo()
                raise

    def _trial(self, spec: TrialSpec) -> StoredTrial:
        """The trial with its run, made where there is none.

        A trial of the same number with another configuration (a deleted study's) is not the same.
        """
        key = (spec.number, spec.fingerprint)
        trial = self._trials.setdefault(key, StoredTrial())
        if self._is_shared and (trial.run is None or trial.run.run_id in self._outdated):
            of_study = f"tags.`sweeper.study_run` = '{self._study.run_id}'"
            self._remember(self._store.search(f"{of_study} and tags.`sweeper.trial` = '{spec.number}'"))
        trial.know(spec)
        if trial.run is None:
            tags = tracked.trial_tags(self._facts.study, self._study.run_id, spec, self._facts.git_sha)
            trial.run = self._store.create(tags, _now_ms())
        return trial

    def _run(self, trial: StoredTrial, spec: TrialSpec, seed: int, start_ms: int | None = None) -> StoredRun:
        """The run of a seed, made where there is none, a child of its trial's wherever it was before."""
        assert trial.run is not None
        study_run, trial_run = self._study.run_id, trial.run.run_id
        if seed not in trial.seeds:
            names = (self._facts.study, study_run, trial_run)
            phase = self._facts.phase_of(spec.role, seed)
            tags = tracked.run_tags(*names, spec, seed, self._facts.git_sha, phase)
            trial.seeds[seed] = self._store.create(tags, start_ms or _now_ms())
        run = trial.seeds[seed]
        if not (parents := tracked.parent_tags(study_run, trial_run)).items() <= run.tags.items():
            self._store.log(run, Update(tags=parents))
        return run

    def _remember(self, found: Iterable[StoredRun]) -> None:
        for run in found:
            self._outdated.discard(run.run_id)
            if "sweeper.fingerprint" not in run.tags:
                continue
            key = (int(run.tags["sweeper.trial"]), run.tags["sweeper.fingerprint"])
            trial = self._trials.setdefault(key, StoredTrial())
            if run.tags["sweeper.kind"] == "trial":
                trial.run = run
            else:
                seed = int(run.tags["sweeper.seed"])
                trial.seeds[seed] = run
                if run.tags.get("sweeper.state") == "COMPLETE" and not run.is_deleted:
                    trial.figures[seed] = _figures_of(run)

    def _params(self, trial: StoredTrial, spec: TrialSpec) -> dict[str, str]:
        named = tracked.identifying(self._facts.task, spec.config)
        return named | tracked.swept_params(spec, (), trial.inactive)

    def _new(self, run: StoredRun, spec: TrialSpec, folder: RunFolder, upto: int | None) -> list[Update]:
        """What a run's metrics file has, up to step `upto`, and the store has not."""
        logged, shown = self._logged(run), self._facts.shown
        evaluations = read_evaluations(folder.metrics, tracked.param_fields(spec))
        new = [
            tracked.with_shown(e, shown)
            for e in evaluations
            if logged.lacks(e) and (upto is None or e.step <= upto)
        ]
        return updates(new, logged, _written_ms(folder.path), MAX_METRICS)

    def _logged(self, run: StoredRun) -> Logged:
        """What the store has of a run's curves, which it stores before the tag of the same call."""
        logged = Logged.read(run.tags, run.start_ms)
        for key in run.unsure:
            for point in self._store.curve(run, key):
                logged = logged.with_point(point)
        run.unsure = []
        run.tags |= logged.tag
        return logged


def _step_of(run: StoredRun, step: int) -> int:
    """The step of figures over so many runs: not below that of figures over more, which MLflow would show."""
    return max(step, tracked.last_step(run.tags, run.metrics))


def _sampled(run: StoredRun, folder: RunFolder) -> list[Update]:
    """What was sampled of the machine and is not logged yet."""
    return system_updates(folder.system, int(run.tags.get(SAMPLED, 0)), MAX_METRICS)


def _figures_of(run: StoredRun) -> dict[str, float]:
    """Of the kept model; in an earlier layout these names were those of curves."""
    others = (CURVE, SYSTEM, "run/", "final/")
    is_earlier = "sweeper.study_run" not in run.tags
    return {} if is_earlier else {k: x for k, x in run.metrics.items() if not k.startswith(others)}


def _status_of(summary: Summary) -> str:
    """KILLED for a study that was interrupted, FAILED for one without a result."""
    if summary.verdict == "no result":
        return "FAILED"
    return "KILLED" if summary.state == "interrupted" else "FINISHED"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _written_ms(folder: Path | None) -> int:
    """When the run in `folder` last wrote metrics: a replay gives runs the times that they had."""
    try:
        return int(RunFolder(folder).metrics.stat().st_mtime * 1000) if folder else _now_ms()
    except FileNotFoundError:
        return _now_ms()


def _leaderboard_of(folder: StudyFolder) -> str:
    """The first table of the report, as far as it fits in a tag."""
    lines = folder.report_md.read_text(encoding="utf-8").splitlines() if folder.report_md.exists() else []
    table = takewhile(
        lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines)
    )
    return "\n".join(table)
