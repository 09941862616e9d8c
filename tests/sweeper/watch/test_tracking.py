"""MLflow, in a real store; and what happens when there is none."""

import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from sweeper.errors import UserError, redact
from sweeper.layout import StudyFolder
from sweeper.messages import Reported, Started
from sweeper.reports.curves import Evaluation
from sweeper.reports.report import write_report
from sweeper.results import StudyResult
from sweeper.schema import Tracking
from sweeper.trial import Slot
from sweeper.verdict import judge_table
from sweeper.watch import tracker as tracker_module
from sweeper.watch.background import Background
from sweeper.watch.experiments import experiment_frame
from sweeper.watch.forgetting import forget_begun
from sweeper.watch.logged_result import is_logged
from sweeper.watch.observers import StudyStart
from sweeper.watch.study_facts import StudyFacts, facts_of_start, inactive_in
from sweeper.watch.tracked import fixed_params, last_step, swept_params
from sweeper.watch.tracked_curves import Moment, batches, legal_name, points
from sweeper.watch.tracker import NoTracker, Tracker
from sweeper.watch.tracking import Session, forget_study, make_tracker, replay_study
from sweeper.watch.tracking_store import (
    Store,
    pages,
    place_of_runs,
    set_aside_half_made,
    store_of,
    view_key,
)
from tests.sweeper.factories import (
    CONFIRM_SEEDS,
    judgement,
    run_result,
    study_result,
    study_start,
    trial_spec,
    write_run,
)
from tests.sweeper.small_esmm import small_plan

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

EMBEDDED = Tracking(name="mlflow", uri=None, experiment=None)
NOBODY_LISTENS = "http://user:secret@127.0.0.1:9"


SLOT = Slot(0, "cpu", 1)


def started(trial: int, seed: int, attempt: int = 1) -> Started:
    return Started(
        job_id="j", trial=trial, seed=seed, attempt=attempt, resumed_step=0, total_steps=600, device="cpu"
    )


def track(folder: StudyFolder, result: StudyResult, tracker: Any) -> None:
    """Tell `tracker` the whole study."""
    tracker.study_started(study_start(folder))
    for trial in result.trials:
        for run in trial.runs.values():
            tracker.run_started(trial.spec, started(run.trial, run.seed), SLOT)
            tracker.run_ended(trial.spec, run)
    tracker.study_ended(result, write_report(folder, result, judgement()))
    tracker.close()


@dataclass(frozen=True)
class Tracked:
    """A store in which one study was tracked, told by its own client."""

    results: Path
    folder: StudyFolder
    told: list[str]

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.results / 'mlflow.db'}")

    def runs(self, condition: str) -> list[Any]:
        client = self.client()
        experiment = client.get_experiment_by_name("sweeper/esmm")
        return list(client.search_runs([experiment.experiment_id], condition))

    def parent(self) -> Any:
        (found,) = self.runs(
            f"tags.`sweeper.kind` = 'study' and tags.`sweeper.study` = '{self.folder.path.name}'"
        )
        return found

    def trial(self, number: int) -> Any:
        study = f"tags.`sweeper.study` = '{self.folder.path.name}'"
        (found,) = self.runs(
            f"{study} and tags.`sweeper.kind` = 'trial' and tags.`sweeper.trial` = '{number}'"
        )
        return found

    def seeds(self) -> list[Any]:
        study_run = self.parent().info.run_id
        return self.runs(f"tags.`sweeper.study_run` = '{study_run}' and tags.`sweeper.kind` = 'run'")

    def child(self, trial: int, seed: int) -> Any:
        (found,) = self.runs(f"tags.`sweeper.run` = '{self.folder.path.name}/{trial}/{seed}'")
        return found

    def history(self, run: Any, key: str) -> dict[int, float]:
        """By step; fails when a step was logged twice."""
        found = self.client().get_metric_history(run.info.run_id, key)
        assert len({metric.step for metric in found}) == len(found)
        return {metric.step: metric.value for metric in found}


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    results = tmp_path_factory.mktemp("results")
    folder, told = StudyFolder.of(results, "esmm-3f2a91c0"), list[str]()
    track(folder, study_result(folder, with_failure=True), make_tracker(EMBEDDED, results, told.append))
    return Tracked(results, folder, told)


def test_a_study_is_one_run_with_a_child_a_trial_that_has_a_child_a_seed(tracked: Tracked) -> None:
    """4 trials on 3 seeds, 2 of them confirmed on 3 more, one failed on one seed: 5 trials, 19 seeds."""
    parent = tracked.parent()
    trials = tracked.runs(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    by_name = {trial.info.run_name: trial.info for trial in trials}
    assert sorted(by_name) == ["0 baseline", "1 lambda=0.05", "2 lambda=0.1", "3 lambda=0.2", "4 lambda=9.0"]
    n_seeds = [
        len(tracked.runs(f"tags.`mlflow.parentRunId` = '{by_name[name].run_id}'")) for name in sorted(by_name)
    ]
    assert n_seeds == [6, 3, 3, 6, 1]
    assert [by_name[name].status for name in sorted(by_name)] == ["FINISHED"] * 4 + ["FAILED"]
    assert parent.info.status == "FINISHED"
    assert tracked.told == []


def test_a_trial_has_mean_and_deviation_of_its_screening_seeds_and_its_difference(tracked: Tracked) -> None:
    """By hand: 0.7410, 0.7411, 0.7412 are 0.7411 with a deviation of 0.0001. Trial 1 differs by 0.0007."""
    trial = tracked.trial(1)
    found = trial.data.metrics
    assert found["val/ctcvr_auc"] == pytest.approx(0.7411)
    assert found["val/ctcvr_auc_std"] == pytest.approx(0.0001)
    assert found["test/ctcvr_auc"] == pytest.approx(0.7411)
    assert (found["difference"], found["ci_low"]) == pytest.approx((0.0007, -0.0008))
    assert found["ci_low"] < found["improvement"] < found["ci_high"]
    assert trial.data.tags["sweeper.seeds"] == "0,1,2"
    assert tracked.trial(3).data.tags["sweeper.seeds"] == "0,1,2"  # not those that confirmed it


def test_only_the_champion_is_called_so(tracked: Tracked) -> None:
    assert [tracked.trial(n).data.tags["sweeper.champion"] for n in range(5)] == [
        *("false", "false", "false", "true", "false"),
    ]


def test_parameters_are_the_swept_ones_that_mean_something_and_a_few_names(tracked: Tracked) -> None:
    assert tracked.trial(0).data.params == {"task": "esmm", "data": "esmm/synthetic"}
    expected = {"task": "esmm", "data": "esmm/synthetic", "aux_focal.lambda": "0.05"}
    assert tracked.trial(1).data.params == expected
    assert tracked.child(1, 2).data.params == {**expected, "seed": "2"}


def test_a_few_metrics_are_logged_unless_all_are_asked_for(tracked: Tracked, tmp_path: Path) -> None:
    few = {"val/ctcvr_auc", "test/ctcvr_auc", "curve/val/ctcvr_auc", "curve/train/loss_ctr"}
    costs = {"run/seconds", "run/steps_trained", "run/best_step"}
    assert set(tracked.child(1, 2).data.metrics) == few | costs
    folder = StudyFolder.of(tmp_path, "esmm-3f2a91c0")
    everything = Tracking(name="mlflow", uri=None, experiment=None, all_metrics=True)
    track(folder, study_result(folder), make_tracker(everything, tmp_path))
    more = {"val/bce", "test/bce", "curve/val/bce", "curve/train/lr", "curve/val/lr"}
    assert set(Tracked(tmp_path, folder, []).child(1, 2).data.metrics) == few | costs | more


def test_the_study_has_what_is_fixed_and_its_data(tracked: Tracked) -> None:
    parent = tracked.parent()
    assert parent.data.params["optimizer.lr"] == "0.001"
    assert parent.data.params["task"] == "esmm"
    assert not [key for key in parent.data.params if key.startswith(("aux_focal", "task."))]
    (data,) = parent.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("esmm/synthetic", "abc")


def test_a_view_of_the_experiment_shows_the_trials_of_the_study(tracked: Tracked) -> None:
    """What MLflow's page reads at `viewStateShareKey`; its filter finds the five trials."""
    experiment = tracked.client().get_experiment_by_name("sweeper/esmm")
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{view_key('esmm-3f2a91c0')}"])
    assert len(tracked.runs(view["searchFilter"])) == 5
    assert {"params.`aux_focal.lambda`", "metrics.`val/ctcvr_auc`"} <= set(view["selectedColumns"])
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`val/ctcvr_auc`", False)


def test_an_experiment_is_a_table_of_runs_that_can_be_judged(tracked: Tracked) -> None:
    """Trial 3 gains 0.003 on each seed; the parent is no run, and what failed is no winner."""
    uri = f"sqlite:///{tracked.results / 'mlflow.db'}"
    frame = experiment_frame("sweeper/esmm", uri)
    found = judge_table(frame, metric="ctcvr_auc")  # the runs say what they are for
    assert (found.baseline, found.best, found.basis) == ("baseline", "lambda=0.2", "confirmation")
    assert found.confirmation is not None
    assert found.confirmation.difference == pytest.approx(0.003)
    assert "val: column 'metrics.val/ctcvr_auc'" in found.told
    with pytest.raises(
        UserError, match=r"mlflow: got 'sweeper/esm'; expected an experiment of .*; did you mean"
    ):
        experiment_frame("sweeper/esm", uri)
    with pytest.raises(UserError, match=r"^table, run [0-9a-f]{32}: got .* again, as in run [0-9a-f]{32};"):
        judge_table(pd.concat([frame, frame]), metric="ctcvr_auc")


def test_a_seed_has_params_tags_and_the_figures_of_its_model(tracked: Tracked) -> None:
    child = tracked.child(1, 2)
    assert child.info.run_name == "1 lambda=0.05 seed 2"
    assert child.data.params["aux_focal.lambda"] == "0.05"
    assert child.data.params["seed"] == "2"
    assert child.data.tags["sweeper.fingerprint"] == f"{1:032x}"
    assert child.data.tags["mlflow.source.git.commit"] == "0123456789abcdef"
    assert (child.data.tags["sweeper.role"], child.data.tags["sweeper.state"]) == ("candidate", "COMPLETE")
    assert child.data.metrics["test/ctcvr_auc"] == pytest.approx(0.7412)
    assert [file.path for file in tracked.client().list_artifacts(child.info.run_id)] == ["config.yaml"]


def test_metrics_have_their_steps_and_parameters_are_no_metrics(tracked: Tracked) -> None:
    child = tracked.child(1, 2)
    assert list(tracked.history(child, "curve/val/ctcvr_auc")) == [100, 200, 300, 400, 500, 600]
    assert not [key for key in child.data.metrics if "aux_focal_lambda" in key]


def test_a_run_tells_what_it_was_for_from_its_start_on_and_what_it_counts_for_at_the_end(
    tracked: Tracked,
) -> None:
    said = {seed: tracked.child(3, seed).data.tags["sweeper.phase"] for seed in (0, 2, CONFIRM_SEEDS[0])}
    assert said == {0: "screening", 2: "screening", CONFIRM_SEEDS[0]: "confirmation"}
    facts = StudyFacts("s", "esmm", (), seeds=(0, 1))
    phases = [facts.phase_of(*run) for run in (("candidate", 1), ("baseline", 7), ("attribution", 1))]
    assert phases == ["screening", "confirmation", "attribution"]


def test_a_failed_run_is_failed_with_its_reason(tracked: Tracked) -> None:
    child = tracked.child(4, 0)
    assert child.info.status == "FAILED"
    assert child.data.tags["sweeper.reason"] == "loss is nan at step 120"


def test_the_parent_has_verdict_figures_report_and_plots(tracked: Tracked) -> None:
    parent, client = tracked.parent(), tracked.client()
    assert parent.data.tags["sweeper.verdict"] == "not distinguishable"
    assert "cannot be told from the baseline" in parent.data.tags["mlflow.note.content"]
    assert (parent.data.metrics["difference"], parent.data.metrics["p_value"]) == (0.0004, 0.31)
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert names == {"best.yaml", "plots", "report.html", "report.md", "summary.json", "trials.csv"}
    assert {file.path for file in client.list_artifacts(parent.info.run_id, "plots")} == {
        *("plots/curves.png", "plots/forest.png"),
    }


def told_of(uri: str) -> dict[str, Any]:
    """All that a store says of the study's runs but for ids and times."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("sweeper/esmm")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    names = {run.info.run_id: name for name, run in runs.items()}
    found = {}
    for name, run in runs.items():
        tags = {
            key: names.get(value, value) for key, value in run.data.tags.items() if key != "sweeper.logged"
        }
        curves = [
            [
                (point.key, point.step, point.value)
                for point in client.get_metric_history(run.info.run_id, key)
            ]
            for key in sorted(run.data.metrics)
        ]
        files = sorted(file.path for file in client.list_artifacts(run.info.run_id))
        found[name] = (run.info.status, run.info.user_id, run.data.params, tags, sorted(curves), files)
    return found


def test_the_embedded_store_is_written_as_mlflow_itself_would(tmp_path: Path) -> None:
    """The same study in a store of ours, and by MLflow's client in one that was named."""
    told = list[str]()
    uri = f"sqlite:///{tmp_path / 'named' / 'store.db'}"
    for name, config in (("ours", EMBEDDED), ("named", replace_uri(uri))):
        (tmp_path / name).mkdir()
        folder = StudyFolder.of(tmp_path / name, "esmm-3f2a91c0")
        track(folder, study_result(folder), make_tracker(config, tmp_path / name, told.append))
    assert told == []
    ours = told_of(f"sqlite:///{tmp_path / 'ours' / 'mlflow.db'}")
    assert len(ours) == 1 + 4 + 18
    assert ours == told_of(uri)


def replace_uri(uri: str) -> Tracking:
    """Tracking in that store."""
    return Tracking(name="mlflow", uri=uri, experiment=None)


def test_figures_that_are_no_numbers_are_kept_as_mlflow_keeps_them(tmp_path: Path) -> None:
    found = []
    for name, uri in (("ours", None), ("named", f"sqlite:///{tmp_path / 'named.db'}")):
        folder, spec = StudyFolder.of(tmp_path / name, "s"), trial_spec(0)
        tracker = make_tracker(Tracking(name="mlflow", uri=uri, experiment=None), tmp_path / name)
        tracker.study_started(study_start(folder))
        odd = {"val/ctcvr_auc": float("nan"), "test/ctcvr_auc": float("-inf")}
        tracker.run_ended(spec, replace(run_result(None, spec, 0), metrics=odd))
        tracker.close()
        store = uri or f"sqlite:///{tmp_path / name / 'mlflow.db'}"
        found.append(told_of(store)["0 baseline seed 0"][4])
    assert str(found[0]) == str(found[1])


def test_nothing_is_written_outside_the_results(tracked: Tracked) -> None:
    assert sorted(path.name for path in tracked.results.iterdir()) == [
        ".tracking.lock",
        "esmm-3f2a91c0",
        "mlartifacts",
        "mlflow.db",
    ]
    assert not Path("mlruns").exists()


def test_the_same_study_again_continues_its_runs_and_doubles_nothing(tracked: Tracked) -> None:
    before = tracked.child(1, 2).info
    track(
        tracked.folder,
        study_result(tracked.folder, with_failure=True),
        make_tracker(EMBEDDED, tracked.results),
    )
    assert len(tracked.seeds()) == 19
    assert len(tracked.runs(f"tags.`mlflow.parentRunId` = '{tracked.parent().info.run_id}'")) == 5
    assert tracked.child(1, 2).info.run_id == before.run_id
    assert len(tracked.history(tracked.child(1, 2), "curve/val/ctcvr_auc")) == 6


def test_a_smaller_study_under_the_same_name_shows_what_holds_now(tmp_path: Path) -> None:
    """MLflow shows the figure of the greatest step, and deletes none. By hand: 0.7410, 0.7411, 0.7412."""
    folder = StudyFolder.of(tmp_path, "shrunk")
    track(folder, study_result(folder), make_tracker(EMBEDDED, tmp_path))
    small = Tracked(tmp_path, folder, [])
    assert "improvement" in small.parent().data.metrics
    for seeds in ((0, 1), (0,), (0, 1, 2)):
        smaller = study_result(folder, seeds=seeds)
        tracker = make_tracker(EMBEDDED, tmp_path)
        tracker.study_started(study_start(folder, seeds=seeds, confirm_seeds=()))
        is_whole = len(seeds) == 3
        found = judgement() if is_whole else judgement(confirmation=None, comparisons={})
        tracker.study_ended(smaller, write_report(folder, smaller, found))
        tracker.close()
        trial, study = small.trial(1), small.parent().data.metrics
        means = {(0, 1): 0.74105, (0,): 0.7410, (0, 1, 2): 0.7411}
        assert trial.data.metrics["val/ctcvr_auc"] == pytest.approx(means[seeds])
        assert trial.data.tags["sweeper.seeds"] == ",".join(map(str, seeds))
        for figure in (trial.data.metrics["improvement"], study["improvement"], study["p_value"]):
            assert math.isnan(figure) != is_whole
        assert math.isnan(trial.data.metrics["val/ctcvr_auc_std"]) == (len(seeds) == 1)


def test_the_step_of_figures_is_known_of_an_earlier_version_s_runs_too() -> None:
    assert last_step({"sweeper.seeds": "0,1,2"}, {}) == 3
    assert last_step({}, {"totals/runs": 18.0}) == 18
    assert last_step({"sweeper.step": "5", "sweeper.seeds": "0"}, {"totals/runs": 18.0}) == 5
    assert last_step({}, {}) == 0


def test_replay_finds_nothing_to_do_after_a_tracked_study(tracked: Tracked) -> None:
    replayed = replay_study(tracked.folder, EMBEDDED, tracked.results)
    assert (replayed.n_logged, replayed.n_known) == (0, 19)


def test_an_interrupted_run_goes_on_in_the_same_child(tracked: Tracked) -> None:
    """Steps to 300 before the interruption, to 600 after: six steps, each once, in one child."""
    folder, spec = StudyFolder.of(tracked.results, "interrupted"), trial_spec(1, 0.05)
    here = replace(tracked, folder=folder)
    write_run(folder, spec, 0, upto=300)
    first = make_tracker(EMBEDDED, tracked.results)
    first.study_started(study_start(folder))
    stopped = replace(run_result(None, spec, 0, "INTERRUPTED"), folder=folder.run(spec, 0).path)
    first.run_ended(spec, stopped)
    first.close()
    child = here.child(1, 0)
    assert (child.info.status, here.parent().info.status) == ("KILLED", "KILLED")
    assert list(here.history(child, "curve/val/ctcvr_auc")) == [100, 200, 300]
    second = make_tracker(EMBEDDED, tracked.results)
    second.study_started(study_start(folder))
    second.run_started(spec, started(1, 0, attempt=2), SLOT)
    second.run_ended(spec, replace(run_result(folder, spec, 0), attempt=2))
    second.close()
    assert here.child(1, 0).info.run_id == child.info.run_id
    assert here.child(1, 0).info.status == "FINISHED"
    assert list(here.history(child, "curve/val/ctcvr_auc")) == [100, 200, 300, 400, 500, 600]


def test_a_long_run_shows_its_metrics_before_it_ends(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_module, "FLUSH_S", 0.0)
    folder, spec = StudyFolder.of(tracked.results, "long"), trial_spec(1, 0.05)
    write_run(folder, spec, 0, upto=300)
    tracker = make_tracker(EMBEDDED, tracked.results)
    tracker.study_started(study_start(folder))
    tracker.run_started(spec, started(1, 0), SLOT)
    report = Reported(job_id="j", trial=1, seed=0, attempt=1, step=200, metrics={}, steps_per_s=1.0)
    tracker.run_reported(spec, report)
    tracker.close()
    here = replace(tracked, folder=folder)
    assert list(here.history(here.child(1, 0), "curve/val/ctcvr_auc")) == [100, 200]


def test_a_deleted_study_leaves_only_deleted_runs_and_its_name_is_free(tracked: Tracked) -> None:
    folder = StudyFolder.of(tracked.results, "to-be-deleted")
    result = study_result(folder, lambdas=(0.1,), study="to-be-deleted")
    write_report(folder, result, judgement(best=1))
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 9
    assert forget_study(folder, EMBEDDED, tracked.results) == 9
    assert replace(tracked, folder=folder).runs("tags.`sweeper.study` = 'to-be-deleted'") == []
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 9


def test_a_study_that_was_killed_before_its_report_leaves_only_deleted_runs(tracked: Tracked) -> None:
    folder, spec = StudyFolder.of(tracked.results, "killed"), trial_spec(1, 0.05)
    tracker = make_tracker(EMBEDDED, tracked.results)
    tracker.study_started(study_start(folder))
    tracker.run_started(spec, started(1, 0), SLOT)
    tracker.close()
    here, of_study = replace(tracked, folder=folder), "tags.`sweeper.study` = 'killed'"
    assert len(here.runs(of_study)) == 3
    assert forget_begun(["killed"], EMBEDDED, tracked.results) == 1
    assert here.runs(of_study) == []
    assert forget_begun(["killed"], EMBEDDED, tracked.results / "elsewhere") == 0
    assert forget_begun(["killed"], replace_uri("http://127.0.0.1:9"), tracked.results) is None


def test_runs_deleted_in_mlflow_are_not_made_anew(tracked: Tracked) -> None:
    """Not by a replay, not by the next session; a study whose own run was deleted gets that one back."""
    folder = StudyFolder.of(tracked.results, "pruned-by-hand")
    result = study_result(folder, study="pruned-by-hand")
    write_report(folder, result, judgement())
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 18
    here = replace(tracked, folder=folder)
    parent, child = here.parent(), here.child(1, 0)
    for run in (parent, child):
        here.client().delete_run(run.info.run_id)
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 0
    track(folder, result, make_tracker(EMBEDDED, tracked.results))
    assert here.parent().info.run_id == parent.info.run_id
    assert len(here.seeds()) == 17
    assert here.client().get_run(child.info.run_id).info.lifecycle_stage == "deleted"


def test_files_are_found_after_the_results_have_moved(tracked: Tracked, tmp_path: Path) -> None:
    moved = shutil.copytree(tracked.results, tmp_path / "moved")
    here = replace(tracked, results=moved, folder=StudyFolder.of(moved, tracked.folder.path.name))
    assert replay_study(here.folder, EMBEDDED, moved).n_logged == 0
    for run in (here.parent(), here.child(1, 0)):
        assert run.info.artifact_uri.startswith((moved / "mlartifacts").as_uri())
        assert here.client().list_artifacts(run.info.run_id)


def test_a_server_that_is_down_is_told_once_without_the_password_and_replayed_later(tracked: Tracked) -> None:
    folder, told = StudyFolder.of(tracked.results, "unlucky"), list[str]()
    result = study_result(folder, study="unlucky")
    down = Tracking(name="mlflow", uri=NOBODY_LISTENS, experiment=None)
    track(folder, result, make_tracker(down, tracked.results, told.append))
    assert len(told) == 1
    assert "Connection refused" in told[0]
    assert told[0].endswith(f"studies --results-dir {tracked.results} replay unlucky")
    assert "secret" not in told[0]
    assert "user:***@127.0.0.1" in told[0]
    with pytest.raises(UserError, match=r"tracking\.uri: MLflow at 'http://user:\*\*\*@.*Connection refused"):
        replay_study(folder, down, tracked.results)
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 18


def test_a_server_that_never_answers_delays_neither_the_study_nor_its_end(
    tmp_path: Path, silent_server: str
) -> None:
    folder, told, sent = StudyFolder.of(tmp_path, "esmm-3f2a91c0"), list[str](), list[StudyFolder]()
    result = study_result(folder)
    summary, begin = write_report(folder, result, judgement()), time.monotonic()
    store = Store(silent_server, None, None, is_embedded=False, lock=tmp_path / "lock")
    tracker = Tracker(
        lambda start: Session(store, facts_of_start(start, EMBEDDED), folder),
        "MLflow",
        told.append,
        sent.append,
        close_s=0.5,
    )
    tracker.study_started(study_start(folder))
    for trial in result.trials:
        tracker.run_ended(trial.spec, trial.runs[0])
    tracker.study_ended(result, summary)
    assert time.monotonic() - begin < 0.3
    tracker.close()
    assert time.monotonic() - begin < 3.0
    assert len(told) == 1
    assert "has not taken everything within 0.5 s; a process of its own goes on" in told[0]
    assert sent == [folder]


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_settings_that_the_user_made_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    folder = StudyFolder.of(tmp_path, "s")
    write_report(folder, study_result(folder), judgement())
    with pytest.raises(UserError, match="Connection refused"):
        replay_study(folder, Tracking(name="mlflow", uri=NOBODY_LISTENS, experiment=None), tmp_path)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"


def test_without_tracking_nothing_is_imported_and_nothing_written(tmp_path: Path) -> None:
    off = Tracking(name="none", uri=None, experiment=None)
    assert isinstance(make_tracker(off, tmp_path), NoTracker)
    assert place_of_runs(off, tmp_path) is None
    track(StudyFolder.of(tmp_path, "s"), study_result(), make_tracker(off, tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_where_to_look_never_tells_a_password(tmp_path: Path) -> None:
    remote = Tracking(name="mlflow", uri="https://me:pw@tracking.example/mlflow", experiment=None)
    assert place_of_runs(remote, tmp_path) == "https://me:***@tracking.example/mlflow"
    assert place_of_runs(EMBEDDED, "results") == "mlflow ui --backend-store-uri sqlite:///results/mlflow.db"
    assert place_of_runs(EMBEDDED, "a b") == "mlflow ui --backend-store-uri 'sqlite:///a b/mlflow.db'"


def test_the_page_of_a_study_is_told_once_it_is_in_the_store(tracked: Tracked, tmp_path: Path) -> None:
    study = tracked.folder.path.name
    experiment = tracked.client().get_experiment_by_name("sweeper/esmm").experiment_id
    where = (
        f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={view_key(study)}"
    )
    assert pages(tracked.results)[study] == f"http://127.0.0.1:5000{where}"
    assert pages(tmp_path) == {}


def old_layout(tracked: Tracked, folder: StudyFolder) -> tuple[str, str]:
    """A study with one ended run as they were once: no trials, all parameters, curves without a prefix."""
    client = tracked.client()
    experiment = client.get_experiment_by_name("sweeper/esmm").experiment_id
    study = {"sweeper.kind": "study", "sweeper.study": folder.path.name}
    parent = client.create_run(experiment, tags=study).info.run_id
    about_trial = {
        "sweeper.trial": "1",
        "sweeper.fingerprint": f"{1:032x}",
        "sweeper.study": folder.path.name,
    }
    about_run = {"sweeper.kind": "run", "sweeper.run": f"{folder.path.name}/1/0", "sweeper.seed": "0"}
    ended = {"sweeper.state": "COMPLETE", "sweeper.attempt": "1"}
    tags = {
        "mlflow.parentRunId": parent,
        "sweeper.study": folder.path.name,
        **about_trial,
        **about_run,
        **ended,
    }
    child = client.create_run(experiment, tags=tags).info.run_id
    client.log_param(child, "aux_focal.lambda", "0.05")
    client.log_metric(child, "val/ctcvr_auc", 0.5, step=600)
    client.set_terminated(child)
    return parent, child


def test_a_study_of_the_layout_without_trials_goes_on_with_its_runs(tracked: Tracked) -> None:
    folder = StudyFolder.of(tracked.results, "of-before")
    study, run = old_layout(tracked, folder)
    track(folder, study_result(folder, study="of-before"), make_tracker(EMBEDDED, tracked.results))
    here = replace(tracked, folder=folder)
    assert here.parent().info.run_id == study
    assert here.child(1, 0).info.run_id == run
    assert here.child(1, 0).data.tags["mlflow.parentRunId"] == here.trial(1).info.run_id
    assert len(here.seeds()) == 18
    assert here.trial(1).data.metrics["val/ctcvr_auc"] == pytest.approx(0.7411)
    assert replay_study(folder, EMBEDDED, tracked.results).n_logged == 0


def test_the_thread_goes_on_after_a_failure_but_asks_again_only_when_it_must() -> None:
    """The first action fails; the second comes within the pause; the third is put `at_all_events`."""
    done, failures = list[str](), list[Exception]()

    def opened() -> list[str]:
        done.append("opened")
        return done

    thread = Background(opened, lambda found: found.append("finish"), failures.append, retry_s=60.0)
    thread.put(lambda found: found[99])
    thread.put(lambda found: found.append("skipped"))
    thread.put(lambda found: found.append("at all events"), at_all_events=True)
    assert thread.close(5.0)
    assert done == ["opened", "opened", "at all events", "finish"]
    assert [type(error) for error in failures] == [IndexError]


def test_a_thread_that_hangs_is_left_behind_after_the_bound() -> None:
    gate = threading.Event()
    thread = Background(lambda: None, lambda _: None, lambda _: None, retry_s=60.0)
    thread.put(lambda _: gate.wait(10.0))
    assert not thread.close(0.05)
    gate.set()


def test_an_inactive_parameter_is_none_of_a_trials_whoever_swept_it() -> None:
    """Of the section `aux_focal`, lambda means nothing; the learning rate is that of the configuration."""
    params = swept_params(trial_spec(1, 0.05), ["optimizer.lr", "aux_focal.lambda"], {"aux_focal.lambda"})
    assert params == {"optimizer.lr": "0.001"}


def test_the_task_of_a_trial_tells_what_is_inactive_in_it(tmp_path: Path) -> None:
    """The baseline of ESMM is without the focal term; an unknown task tells nothing."""
    baseline, candidate = small_plan(tmp_path, "aux_focal.lambda=choice(0.1)").drafts
    assert {"aux_focal.lambda", "aux_focal.gamma"} <= inactive_in(baseline)
    assert "aux_focal.lambda" not in inactive_in(candidate)
    assert inactive_in(trial_spec(0)) == set()


def test_what_is_fixed_is_cut_to_one_call_and_has_neither_lists_nor_what_is_swept() -> None:
    config = {"optimizer": {"lr": 0.1, "betas": [0.9]}, "model": {f"k{i}": i for i in range(500)}}
    assert next(iter(fixed_params(config, ()))) == "optimizer.lr"
    assert len(fixed_params(config, ())) == 100
    assert {"optimizer.lr", "optimizer.betas"} & fixed_params(config, {"optimizer.lr"}).keys() == set()


@pytest.mark.parametrize(
    ("key", "legal"),
    [
        ("val/auc", "val/auc"),
        ("+data@x.y", "_data_x.y"),
        ("a//b", "a/b"),
        ("/a", "a"),
        ("λ", "_"),
        ("..", "_"),
    ],
)
def test_names_that_mlflow_refuses_are_replaced(key: str, legal: str) -> None:
    assert legal_name(key) == legal


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=40), st.integers(min_value=1, max_value=50))
def test_batches_keep_order_lose_nothing_and_stay_within_the_limit(sizes: list[int], limit: int) -> None:
    evaluations = [Evaluation("val", i, {f"m{j}": 0.0 for j in range(n)}) for i, n in enumerate(sizes)]
    found = list(batches(evaluations, limit))
    assert [e for batch in found for e in batch] == evaluations
    assert all(len(batch) == 1 or sum(len(e.metrics) for e in batch) <= limit for batch in found)


def test_times_are_spread_evenly_over_the_steps_since_the_last_logged() -> None:
    """From step 2 at 1000 ms to step 6 at 3000 ms there are 500 ms a step: step 3 is at 1500 ms."""
    evaluations = [Evaluation("val", step, {"val/auc": 0.5}) for step in (3, 6)]
    found = points(evaluations, Moment(2, 1000), Moment(6, 3000))
    assert [point.time_ms for point in found] == [1500, 3000]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("postgresql+psycopg://u:p@h/db", "postgresql+psycopg://u:***@h/db"),
        ("http://u:p@ss@h/x", "http://u:***@h/x"),
        ("postgresql://u:a/b@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("https://token123@h/x", "https://***@h/x"),
        ("x?sslpassword=p&a=1 'mysql://:p@h'", "x?sslpassword=***&a=1 'mysql://:***@h'"),
        ("a http://u:p@h and http://q:r@k", "a http://u:***@h and http://q:***@k"),
        ("sqlite:////abs/p@q/x.db", "sqlite:////abs/p@q/x.db"),
        ("http://localhost:5000/a", "http://localhost:5000/a"),
    ],
)
def test_secrets_in_urls_are_blanked_and_nothing_else(text: str, safe: str) -> None:
    assert redact(text) == safe


@given(
    st.text(
        alphabet=st.characters(codec="ascii", exclude_characters=" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f/@"),
        min_size=6,
    )
)
def test_no_password_survives_blanking(password: str) -> None:
    url = f"mysql://user:{password}@host/db"
    assert redact(url) == "mysql://user:***@host/db"
    assert redact(redact(url)) == redact(url)


@pytest.mark.slow  # it imports MLflow, in a process of its own
def test_half_an_import_of_mlflow_is_done_again() -> None:
    """As two threads that import at a time leave one, now and then."""
    half = "import sys, types; sys.modules['mlflow.entities.span'] = types.ModuleType('mlflow.entities.span')"
    ours = "from sweeper.watch import run_store; run_store.import_mlflow()"
    then = "from mlflow import MlflowClient; from mlflow.entities import Metric"
    done = subprocess.run(
        [sys.executable, "-c", f"{half}; {ours}; {then}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_finished_study_that_is_repeated_does_not_open_the_store(tmp_path: Path) -> None:
    """Its own result is told from one that has changed, and from a store in which it is missing."""
    folder, opened = StudyFolder.of(tmp_path, "esmm-3f2a91c0"), list[str]()
    result = study_result(folder)
    summary = write_report(folder, result, judgement())
    track(folder, result, make_tracker(EMBEDDED, tmp_path))

    def repeated(now: StudyResult, place: Path) -> list[str]:
        store = store_of(EMBEDDED, place)

        def open_log(start: StudyStart) -> Session:
            opened.append(start.study)
            return Session(store, facts_of_start(start, EMBEDDED), start.folder)

        tracker = Tracker(
            open_log,
            "MLflow",
            opened.append,
            is_logged=lambda start, found: is_logged(store, facts_of_start(start, EMBEDDED), found, folder),
        )
        opened.clear()
        tracker.study_started(study_start(folder))
        tracker.study_ended(now, write_report(folder, now, judgement()))
        tracker.close()
        return opened

    assert repeated(result, tmp_path) == []
    later = replace(
        result, totals=result.totals.model_copy(update={"wall_s": 99.0, "jobs": 0, "runs_reused": 18})
    )
    assert repeated(later, tmp_path) == []
    assert repeated(replace(result, warnings=("something new",)), tmp_path) == [summary.study]
    assert repeated(replace(result, warnings=("something new",)), tmp_path) == []
    assert repeated(result, tmp_path / "elsewhere") == [summary.study]


def test_a_store_that_cannot_be_read_is_left_to_mlflow_to_complain_of(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "esmm-3f2a91c0")
    summary = write_report(folder, study_result(folder), judgement())
    (tmp_path / "mlflow.db").write_bytes(b"no database at all, and longer than the header of one " * 40)
    facts = facts_of_start(study_start(folder), EMBEDDED)
    assert not is_logged(store_of(EMBEDDED, tmp_path), facts, summary, folder)


def test_a_store_in_whose_making_a_process_was_killed_is_set_aside(tmp_path: Path) -> None:
    """MLflow refuses it for ever: some tables are there, and its revision is none that it knows."""
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE metrics (key TEXT)")
        connection.commit()
    os.utime(database, (time.time() - 60,) * 2)
    folder, told = StudyFolder.of(tmp_path, "esmm-3f2a91c0"), list[str]()
    track(folder, study_result(folder), make_tracker(EMBEDDED, tmp_path, told.append))
    assert told == []
    assert len(Tracked(tmp_path, folder, told).seeds()) == 18
    assert (tmp_path / "mlflow.db.half-made").exists()


def test_a_store_that_is_just_made_is_waited_for(tmp_path: Path) -> None:
    store = store_of(EMBEDDED, tmp_path)
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY)")
        connection.commit()
        waiting = threading.Thread(target=set_aside_half_made, args=(store,))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        connection.execute("INSERT INTO experiments VALUES (0)")
        connection.commit()
    waiting.join(10.0)
    assert not waiting.is_alive()
    assert database.exists()
