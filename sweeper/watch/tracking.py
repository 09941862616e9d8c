"""The only door to MLflow: an observer that logs a study, and what brings a store up to date afterwards.

Everything is logged from files that the study has written anyway, and may be logged again without doubling: a
run is found again by its tag `sweeper.run`, and remembers in `sweeper.logged` up to which step its metrics
are there. So an answer that never came, a resumed study and a replay are one case.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile
from pathlib import Path
from threading import Lock
from typing import Any

from sweeper.errors import Fault, UserError, redact
from sweeper.layout import ResultsFolder, RunFolder, StudyFolder
from sweeper.locks import TurnLock, Turns, file_lock
from sweeper.reports import (
    Summary,
    inline,
    read_evaluations,
    read_runs,
    read_sentence,
    read_summary,
    self_contained,
)
from sweeper.results import RunResult
from sweeper.schema import Tracking
from sweeper.trial import TrialSpec
from sweeper.watch import tracked
from sweeper.watch.observers import Observer
from sweeper.watch.tracker import NoTracker, Tracker, reason_of
from sweeper.watch.tracking_store import Store, follow_folder, store_of

__all__ = ["Session", "Store", "forget_study", "make_tracker", "replay_study", "store_of"]

HTTP_SETTINGS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
QUIET_SETTINGS = {"MLFLOW_LOGGING_LEVEL": "ERROR", "MLFLOW_DISABLE_TELEMETRY": "true"}
STATUS = {"COMPLETE": "FINISHED", "FAILED": "FAILED", "PRUNED": "KILLED", "INTERRUPTED": "KILLED"}
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Opens the experiment in the UI's view of training runs."""
FORGOTTEN = "sweeper.forgotten"
"""Tag of a study that `studies delete` has removed: its runs are never restored."""
MAX_METRICS = 900
"""In one call; MLflow takes 1000, and the last call also brings the final metrics."""
MAX_NOTE_LENGTH = 5000
_importing = Lock()
IMPORT_TRIES = 3
LOCK_S = 60.0
"""So long one session waits while another opens the store, or logs a run of the same study."""


def make_tracker(
    config: Tracking,
    results_dir: str | Path,
    warn: Callable[[str], None] | None = None,
    turns: Turns | None = None,
) -> Observer:
    """The observer that `tracking` asks for. `warn` is called from a thread, at most once a study.

    Sessions log a study in `turns`: those of its folder, which sessions of other hosts may not see, if not
    given.
    """
    if config.name == "none":
        return NoTracker()
    store = store_of(config, results_dir)
    return Tracker(
        open_log=lambda start: Session(
            store, start.study, start.folder, start.task, start.provenance.get("git_sha"), turns
        ),
        place=f"MLflow at '{redact(store.uri)}'",
        warn=warn or logging.getLogger(__name__).warning,
    )


def replay_study(folder: StudyFolder, config: Tracking, results_dir: str | Path) -> int:
    """Log what a finished study is missing; how many runs that was. Raises UserError where MLflow fails."""
    summary = read_summary(folder)
    runs = read_runs(folder, summary)
    with _session(store_of(config, results_dir), summary, folder) as session:
        n_logged = sum(session.log_end(spec, run) for spec, run in runs)
        session.log_result(summary, folder)
    return n_logged


def forget_study(folder: StudyFolder, config: Tracking, results_dir: str | Path) -> int:
    """Mark a study's runs deleted, as MLflow's UI does; their number. Raises UserError where MLflow fails."""
    summary, store = read_summary(folder), store_of(config, results_dir)
    if store.is_embedded and not ResultsFolder(Path(results_dir)).mlflow_db.exists():
        return 0
    with _session(store, summary, folder) as session:
        return session.delete()


@dataclass
class _Child:
    """What the store has of one run. The tags may not tell all that is there of the metrics `unsure`.

    One that `is_deleted` in MLflow stays as it is: who deletes a run does not want it made anew.
    """

    run_id: str
    status: str
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    unsure: list[str] = field(default_factory=list)
    is_deleted: bool = False


class Session:
    """One study in an open store: a parent run, and a child for each run. Everything may be repeated.

    Other sessions may log the same study. They take turns, run by run, and look again at what they remember
    of the store when another has had a turn.
    """

    def __init__(
        self,
        store: Store,
        study: str,
        folder: StudyFolder,
        task: str,
        git_sha: str | None,
        turns: Turns | None = None,
    ) -> None:
        self._study, self._task, self._git_sha = study, task, git_sha
        self._turns = turns or TurnLock(folder.tracking_lock, LOCK_S)
        self._children: dict[tuple[str, str], _Child] = {}
        self._outdated: set[str] = set()
        self._is_shared = self._has_result = False
        _import_mlflow()
        with self._turns.take(), file_lock(store.lock, LOCK_S):
            follow_folder(store)
            self._client = _client(store)
            self._experiment = self._experiment_id(store.experiment or f"sweeper/{task}", store.artifacts)
            self._parent = self._open_parent()
        with self._turn():
            self._remember(self._search(f"tags.`mlflow.parentRunId` = '{self._parent.run_id}'"))
            self._is_shared = False

    def log_start(self, spec: TrialSpec, seed: int, attempt: int) -> None:
        """The run is under way, for the first time or again."""
        with self._turn():
            child = self._child(spec, seed, is_new=attempt == 1)
            self._set_status(child, "RUNNING")
            self._log(child, tracked.Update(), tracked.run_params(spec, seed))

    def log_progress(self, spec: TrialSpec, seed: int, folder: RunFolder, upto: int) -> None:
        """Metrics up to step `upto` that are not logged yet."""
        with self._turn():
            child = self._child(spec, seed)
            for update in self._new(child, spec, folder, upto):
                self._log(child, update)

    def log_end(self, spec: TrialSpec, run: RunResult) -> bool:
        """All that is known of a run that ended; False when all was logged before."""
        if run.state not in STATUS:
            return False
        with self._turn():
            return self._log_end(spec, run)

    def _log_end(self, spec: TrialSpec, run: RunResult) -> bool:
        end_ms = _written_ms(run.folder)
        child = self._child(spec, run.seed, start_ms=end_ms - int(1000 * run.seconds))
        if child.is_deleted:
            return False
        known = (child.tags.get("sweeper.state"), child.tags.get("sweeper.attempt"), child.status)
        if known == (run.state, str(run.attempt), STATUS[run.state]):
            return False
        new = self._new(child, spec, RunFolder(run.folder), None) if run.folder else []
        *first, last = new or [tracked.Update()]
        for update in first:
            self._log(child, update)
        self._log(child, last + tracked.end_update(spec, run, end_ms), tracked.run_params(spec, run.seed))
        if run.folder:
            self._log_file(child, RunFolder(run.folder).config)
        self._set_status(child, STATUS[run.state], max(end_ms, child.start_ms))
        return True

    def log_result(self, summary: Summary, folder: StudyFolder) -> None:
        """Verdict, figures, report and plots, on the parent."""
        note = f"**{inline(read_sentence(folder))}**\n\n" + _leaderboard_of(folder)
        tags = {
            "sweeper.verdict": summary.verdict,
            "sweeper.guards": tracked.guards_in_words(summary),
            "sweeper.plan": tracked.plan_in_words(summary),
            "mlflow.note.content": note[:MAX_NOTE_LENGTH],
            **({"sweeper.judged_on": summary.judged_on} if summary.judged_on == "val" else {}),
        }
        numbers = tracked.summary_numbers(summary).items()
        now, n_runs = _now_ms(), summary.totals.runs
        found = [tracked.Point(tracked.legal_name(key), value, n_runs, now) for key, value in numbers]
        self._log(self._parent, tracked.Update(found, tags))
        for path in (folder.summary, folder.report_md, folder.trials_csv, folder.best_yaml):
            self._log_file(self._parent, path)
        if not folder.best_yaml.exists() and self._has_artifact(folder.best_yaml.name):  # an earlier winner's
            self._client.log_text(self._parent.run_id, "# No candidate is the best.\n", folder.best_yaml.name)
        if folder.report_html.exists():
            page = self_contained(folder.report_html.read_text(encoding="utf-8"), folder.path)
            self._client.log_text(self._parent.run_id, page, "report.html")
        if folder.plots.exists():
            self._client.log_artifacts(self._parent.run_id, str(folder.plots), "plots")
        self._tag_children(summary)
        self._set_status(self._parent, _status_of(summary))
        self._has_result = True

    def _tag_children(self, summary: Summary) -> None:
        """What is known of runs only now."""
        for trial in summary.trials:
            for run in trial.runs:
                key = (tracked.run_key(self._study, trial.trial, run.seed), trial.fingerprint)
                child, tags = self._children.get(key), tracked.afterthoughts(summary, trial, run.seed)
                if child is not None and not tags.items() <= child.tags.items():
                    self._log(child, tracked.Update(tags=tags))
                    child.tags |= tags

    def leave_to_others(self) -> None:
        """Other sessions go on with the study: it is not interrupted by our end."""
        self._has_result = True

    def interrupt_unless_finished(self) -> None:
        """The last word: a study that has no result by now, from whichever session, was interrupted."""
        with self._turn():
            if self._is_shared:
                self._parent = self._look_up(self._parent.run_id)
            if not self._has_result and self._parent.status == "RUNNING":
                self._set_status(self._parent, "KILLED")

    def delete(self) -> int:
        """Mark the study's runs deleted, for good; the number of its children."""
        self._client.set_tag(self._parent.run_id, FORGOTTEN, "true")
        left = [child for child in self._children.values() if not child.is_deleted]
        for child in (*left, self._parent):
            self._client.delete_run(child.run_id)
        return len(left)

    def _experiment_id(self, name: str, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifacts, EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _open_parent(self) -> _Child:
        known = self._search("tags.`sweeper.kind` = 'study'")
        found = [run for run in known if run.tags.get("sweeper.study") == self._study]
        found = [run for run in found if not (run.is_deleted and FORGOTTEN in run.tags)]
        if found:
            parent = min(found, key=lambda run: run.is_deleted)
            if parent.is_deleted:  # in the UI, which leaves the children: a second parent would double them
                self._client.restore_run(parent.run_id)
                parent.is_deleted = False
            self._set_status(parent, "RUNNING")
            return parent
        tags = {"mlflow.runName": self._study, "sweeper.kind": "study", "sweeper.study": self._study}
        return self._create(
            {**tags, "sweeper.task": self._task, **tracked.source_tags(self._git_sha)}, _now_ms()
        )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """No other session logs this study meanwhile; what one has logged before is looked up again."""
        with self._turns.take() as others_were_here:
            if others_were_here:
                self._is_shared = True
                self._outdated = {child.run_id for child in self._children.values()}
            yield

    def _child(
        self, spec: TrialSpec, seed: int, start_ms: int | None = None, *, is_new: bool = False
    ) -> _Child:
        """The run's child, made where there is none; `is_new`: there is none unless others log this study.

        A run of the same number with another configuration (a deleted study's) is not the same.
        """
        key = (tracked.run_key(self._study, spec.number, seed), spec.fingerprint)
        if key not in self._children and (self._is_shared or not is_new):
            numbers = f"tags.`sweeper.trial` = '{spec.number}' and tags.`sweeper.seed` = '{seed}'"
            self._remember(self._search(f"tags.`mlflow.parentRunId` = '{self._parent.run_id}' and {numbers}"))
        if key not in self._children:
            tags = tracked.run_tags(self._study, spec, seed, self._git_sha)
            tags["mlflow.parentRunId"] = self._parent.run_id
            self._children[key] = self._create(tags, start_ms or _now_ms())
        elif self._children[key].run_id in self._outdated:
            self._remember([self._look_up(self._children[key].run_id)])
        return self._children[key]

    def _remember(self, found: Iterable[_Child]) -> None:
        for child in found:
            self._outdated.discard(child.run_id)
            if "sweeper.run" in child.tags:
                self._children[child.tags["sweeper.run"], child.tags["sweeper.fingerprint"]] = child

    def _look_up(self, run_id: str) -> _Child:
        return _child_of(self._client.get_run(run_id))

    def _new(
        self, child: _Child, spec: TrialSpec, folder: RunFolder, upto: int | None
    ) -> list[tracked.Update]:
        """What a run's metrics file has, up to step `upto`, and the store has not."""
        logged = self._logged(child)
        evaluations = read_evaluations(folder.metrics, tracked.param_fields(spec))
        new = [e for e in evaluations if logged.lacks(e) and (upto is None or e.step <= upto)]
        return tracked.updates(new, logged, _written_ms(folder.path), MAX_METRICS)

    def _logged(self, child: _Child) -> tracked.Logged:
        """What the store has of a run's metrics, which it stores before the tag of the same call."""
        logged = tracked.Logged.read(child.tags, child.start_ms)
        for key in child.unsure:
            for metric in self._client.get_metric_history(child.run_id, key):
                point = tracked.Point(key, metric.value, metric.step, metric.timestamp)
                logged = logged.with_point(point)
        child.unsure = []
        child.tags |= logged.tag
        return logged

    def _log(self, run: _Child, update: tracked.Update, params: Mapping[str, str] | None = None) -> None:
        """One call; params that are there stay as they are, for MLflow forbids to change them."""
        from mlflow.entities import Metric, Param, RunTag

        if run.is_deleted:
            return
        new = {key: value for key, value in (params or {}).items() if key not in run.params}
        self._client.log_batch(
            run.run_id,
            [Metric(point.key, point.value, point.time_ms, point.step) for point in update.points],
            [Param(key, value) for key, value in new.items()],
            [RunTag(key, value) for key, value in update.tags.items()],
        )
        run.tags |= update.tags
        run.params |= new.keys()

    def _has_artifact(self, name: str) -> bool:
        return any(found.path == name for found in self._client.list_artifacts(self._parent.run_id))

    def _log_file(self, run: _Child, path: Path) -> None:
        if path.exists() and not run.is_deleted:
            self._client.log_artifact(run.run_id, str(path))

    def _set_status(self, run: _Child, status: str, end_ms: int | None = None) -> None:
        if run.status != status and not run.is_deleted:
            if status == "RUNNING":
                self._client.update_run(run.run_id, status)
            else:
                self._client.set_terminated(run.run_id, status, end_ms)
            run.status = status

    def _create(self, tags: dict[str, str], start_ms: int) -> _Child:
        run = self._client.create_run(self._experiment, start_time=start_ms, tags=tags)
        return _Child(run.info.run_id, run.info.status, start_ms, tags)

    def _search(self, condition: str) -> list[_Child]:
        from mlflow.entities import ViewType

        found, token, of_all = [], None, ViewType.ALL
        while True:
            page = self._client.search_runs([self._experiment], condition, of_all, 1000, page_token=token)
            found += [_child_of(run) for run in page]
            token = page.token
            if not token:
                return found


def _child_of(run: Any) -> _Child:
    """A run that is under way in the store may be one whose session was killed inside a call."""
    tags, params, status = dict(run.data.tags), set(run.data.params), run.info.status
    evaluated = [key for key in run.data.metrics if not key.startswith(tracked.OUTCOMES)]
    unsure = evaluated if status == "RUNNING" else []
    is_deleted = run.info.lifecycle_stage == "deleted"
    return _Child(run.info.run_id, status, run.info.start_time, tags, params, unsure, is_deleted)


def _status_of(summary: Summary) -> str:
    """KILLED for a study that was interrupted, FAILED for one without a result."""
    if summary.verdict == "no result":
        return "FAILED"
    return "KILLED" if summary.state == "interrupted" else "FINISHED"


@contextmanager
def _session(store: Store, summary: Summary, folder: StudyFolder) -> Iterator[Session]:
    """The study's session; whatever fails in it is the user's to see."""
    try:
        yield Session(store, summary.study, folder, summary.task, summary.provenance.git_sha)
    except Exception as error:
        problem = f"MLflow at '{redact(store.uri)}' failed ({reason_of(error)})"
        raise UserError(Fault("tracking.uri", problem, "Start the server and repeat")) from error


def _import_mlflow() -> None:
    """MLflow, imported only here: it takes two seconds. Settings of the user's are left alone."""
    for name, value in (HTTP_SETTINGS | QUIET_SETTINGS).items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with _importing:
        for left in reversed(range(IMPORT_TRIES)):
            try:
                import mlflow  # noqa: F401

                return
            except ImportError:
                if not left:
                    raise
            # another thread was importing something that both need, and half of MLflow is there
            for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
                del sys.modules[name]
            time.sleep(0.5)


def _client(store: Store) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)


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
