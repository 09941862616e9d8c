"""Two sessions that log one study in one real MLflow store: one parent, one child a run, nothing twice."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.locks import TurnLock
from sweeper.messages import Started
from sweeper.reports.report import write_report
from sweeper.reports.summary import read_summary
from sweeper.schema import Tracking
from sweeper.trial import Slot
from sweeper.watch.tracking import make_tracker
from tests.sweeper.factories import judgement, run_result, study_result, study_start, trial_spec, write_run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

EMBEDDED = Tracking(name="mlflow", uri=None, experiment=None)
SLOT = Slot(0, "cpu", 1)
STUDY = "esmm-3f2a91c0"
STEPS = [100, 200, 300, 400, 500, 600]


def begun(tracker: Any, folder: StudyFolder) -> Any:
    tracker.study_started(study_start(folder))
    return tracker


def started(trial: int, seed: int, attempt: int = 1) -> Started:
    return Started(
        job_id="j", trial=trial, seed=seed, attempt=attempt, resumed_step=0, total_steps=600, device="cpu"
    )


class StoreOf:
    """The store of a results folder, told by MLflow's own client."""

    def __init__(self, results: Path) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(f"sqlite:///{ResultsFolder(results).mlflow_db}")

    def runs(self, condition: str) -> list[Any]:
        experiment = self.client.get_experiment_by_name("sweeper/esmm")
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id], condition))

    def parent(self) -> Any:
        (found,) = self.runs("tags.`sweeper.kind` = 'study'")
        return found

    def children(self) -> list[Any]:
        return self.runs("tags.`sweeper.kind` = 'run'")

    def steps(self, run: Any) -> list[int]:
        return [
            point.step for point in self.client.get_metric_history(run.info.run_id, "curve/val/ctcvr_auc")
        ]


def session(results: str, gate: Any, mine: int) -> list[str]:
    """Log the runs of one trial as they end, then all runs; what was warned of."""
    folder, told = StudyFolder.of(results, STUDY), list[str]()
    result = study_result(folder, lambdas=(0.1,))
    gate.wait()
    tracker = begun(make_tracker(EMBEDDED, results, told.append), folder)
    for trial in result.trials:
        for run in trial.runs.values():
            if run.trial == mine:
                tracker.run_started(trial.spec, started(run.trial, run.seed), SLOT)
                tracker.run_ended(trial.spec, run)
    tracker.study_ended(result, read_summary(folder))
    tracker.close()
    return told


@pytest.mark.slow  # quick: the sessions of one process, here
def test_two_processes_log_one_parent_and_each_run_once(tmp_path: Path) -> None:
    """Both begin together on a store that is not there yet; 9 runs, at the end both log all of them."""
    folder = StudyFolder.of(tmp_path, STUDY)
    write_report(folder, study_result(folder, lambdas=(0.1,)), judgement(best=1))
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(2) as pool:
        gate = manager.Barrier(2)
        told = pool.starmap(session, [(str(tmp_path), gate, trial) for trial in (0, 1)], chunksize=1)
    store = StoreOf(tmp_path)
    children = store.children()
    assert told == [[], []]
    assert store.parent().info.status == "FINISHED"
    assert len(children) == 9
    trials = store.runs("tags.`sweeper.kind` = 'trial'")
    assert [trial.data.tags["sweeper.seeds"] for trial in trials] == ["0,1,2"] * 2
    assert {trial.data.tags["mlflow.parentRunId"] for trial in trials} == {store.parent().info.run_id}
    parents = {child.data.tags["mlflow.parentRunId"] for child in children}
    assert parents == {trial.info.run_id for trial in trials}
    assert {child.info.status for child in children} == {"FINISHED"}
    assert [store.steps(child) for child in children] == [STEPS] * 9


def killed_session(results: str) -> None:
    """Logs a run that is under way, and dies of it."""
    folder, spec = StudyFolder.of(results, STUDY), trial_spec(1, 0.05)
    write_run(folder, spec, 0, upto=300)
    tracker = begun(make_tracker(EMBEDDED, results), folder)
    tracker.run_started(spec, started(1, 0), SLOT)
    stopped = replace(run_result(None, spec, 0, "INTERRUPTED"), folder=folder.run(spec, 0).path)
    tracker.run_ended(spec, stopped)
    wait_for_status(results, "KILLED")
    tracker.run_started(spec, started(1, 0, attempt=2), SLOT)
    wait_for_status(results, "RUNNING")
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_status(results: str, status: str) -> None:
    """Returns once the only child has that status, or after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if [child.info.status for child in StoreOf(Path(results)).children()] == [status]:
                return
        except Exception:  # the store is being made
            pass
        time.sleep(0.1)


def test_what_a_killed_session_has_begun_is_continued(tmp_path: Path) -> None:
    """Six steps, three before and three after `kill -9`, in the one child of the one parent."""
    process = multiprocessing.get_context("spawn").Process(target=killed_session, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    store, folder, spec = StoreOf(tmp_path), StudyFolder.of(tmp_path, STUDY), trial_spec(1, 0.05)
    (child,), parent = store.children(), store.parent()
    assert (child.info.status, parent.info.status) == ("RUNNING", "RUNNING")
    tracker = begun(make_tracker(EMBEDDED, tmp_path), folder)
    tracker.run_started(spec, started(1, 0, attempt=3), SLOT)
    survived = ("attempt 1: worker 7 was killed", "attempt 2: the study was killed")
    tracker.run_ended(spec, replace(run_result(folder, spec, 0), attempt=3, incidents=survived))
    tracker.close()
    (again,) = store.children()
    assert again.info.run_id == child.info.run_id
    assert store.parent().info.run_id == parent.info.run_id
    assert again.info.status == "FINISHED"
    assert again.data.tags["sweeper.incidents"] == "\n".join(survived)
    assert sorted(store.steps(again)) == STEPS


def test_metrics_that_came_without_their_tag_are_not_logged_twice(tmp_path: Path) -> None:
    """A session that is killed inside a call: MLflow has stored the metrics, and not yet the tag."""
    folder, spec = StudyFolder.of(tmp_path, STUDY), trial_spec(1, 0.05)
    write_run(folder, spec, 0, upto=300)
    stopped = replace(run_result(None, spec, 0, "INTERRUPTED"), folder=folder.run(spec, 0).path)
    first = begun(make_tracker(EMBEDDED, tmp_path), folder)
    first.run_started(spec, started(1, 0), SLOT)
    first.run_ended(spec, stopped)
    first.close()
    store = StoreOf(tmp_path)
    (child,) = store.children()
    store.client.delete_tag(child.info.run_id, "sweeper.logged")
    store.client.update_run(child.info.run_id, "RUNNING")
    again = begun(make_tracker(EMBEDDED, tmp_path), folder)
    again.run_started(spec, started(1, 0, attempt=2), SLOT)
    again.run_ended(spec, replace(run_result(folder, spec, 0), attempt=2))
    again.close()
    (child,) = store.children()
    assert store.steps(child) == STEPS


def test_a_run_that_another_session_went_on_with_is_not_logged_twice(tmp_path: Path) -> None:
    """Interrupted at step 300 in one session, finished by another; then the first one logs all it knows."""
    folder, spec = StudyFolder.of(tmp_path, STUDY), trial_spec(1, 0.05)
    first, second = (make_tracker(EMBEDDED, tmp_path) for _ in range(2))
    begun(first, folder)
    write_run(folder, spec, 0, upto=300)
    stopped = replace(run_result(None, spec, 0, "INTERRUPTED", "SIGTERM"), folder=folder.run(spec, 0).path)
    first.run_started(spec, started(1, 0), SLOT)
    first.run_ended(spec, stopped)
    wait_until_logged(tmp_path, 1)
    begun(second, folder)
    second.run_started(spec, started(1, 0, attempt=2), SLOT)
    finished = replace(run_result(folder, spec, 0), attempt=2)
    second.run_ended(spec, finished)
    second.close()
    first.run_ended(spec, finished)
    first.close()
    store = StoreOf(tmp_path)
    (child,) = store.children()
    assert child.info.status == "FINISHED"
    assert store.steps(child) == STEPS


def wait_until_logged(results: Path, n_ended: int) -> None:
    """Until so many runs have a state in the store."""
    deadline = time.monotonic() + 60
    while True:
        if ResultsFolder(results).mlflow_db.exists():
            try:
                ended = [c for c in StoreOf(results).children() if "sweeper.state" in c.data.tags]
            except Exception:  # the store is being made
                ended = []
            if len(ended) >= n_ended:
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_session_that_is_interrupted_leaves_the_verdict_of_another_alone(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, STUDY)
    result = study_result(folder)
    interrupted, finished = (make_tracker(EMBEDDED, tmp_path) for _ in range(2))
    baseline = result.trials[0]
    begun(interrupted, folder).run_ended(baseline.spec, baseline.runs[min(baseline.runs)])
    wait_until_logged(tmp_path, 1)  # it has opened the study before the other one does
    begun(finished, folder).study_ended(result, write_report(folder, result, judgement()))
    finished.close()
    interrupted.close()
    assert StoreOf(tmp_path).parent().info.status == "FINISHED"


def test_a_turn_tells_whether_another_had_one_since(tmp_path: Path) -> None:
    one, other = (TurnLock(tmp_path / "lock", timeout_s=1.0) for _ in range(2))
    told = []
    for turns in (one, one, other, one, one):
        with turns.take() as others_were_here:
            told.append(others_were_here)
    assert told == [True, False, True, True, False]
