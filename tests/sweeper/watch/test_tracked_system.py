"""System metrics on their way into MLflow: each sample once, in its UI's own place, beside the figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.layout import RunFolder, StudyFolder
from sweeper.messages import Started
from sweeper.reports.report import write_report
from sweeper.schema import Tracking
from sweeper.trial import Slot
from sweeper.watch import tracking_store
from sweeper.watch.tracked_curves import Point
from sweeper.watch.tracked_system import SAMPLED, system_updates
from sweeper.watch.tracking import make_tracker, replay_study
from tests.commands import INLINE, sweeper
from tests.sweeper.factories import judgement, study_result, study_start

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

CPU, MEMORY = "system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"


def write_samples(file: Path, n: int) -> None:
    rows = [{"time_ms": 10**12 + 1000 * i, "metrics": {CPU: 10.0 * i, MEMORY: 500.0}} for i in range(n)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_each_sample_is_a_step_at_its_own_time_and_told_once(tmp_path: Path) -> None:
    file = tmp_path / "system.jsonl"
    write_samples(file, 3)
    (update,) = system_updates(file, 1, 100)
    assert update.points == [
        *(Point(CPU, 10.0, 1, 10**12 + 1000), Point(MEMORY, 500.0, 1, 10**12 + 1000)),
        *(Point(CPU, 20.0, 2, 10**12 + 2000), Point(MEMORY, 500.0, 2, 10**12 + 2000)),
    ]
    assert update.tags == {SAMPLED: "3"}
    assert system_updates(file, 3, 100) == system_updates(tmp_path / "none", 0, 100) == []


def test_calls_stay_below_the_limit_and_each_remembers_how_far_it_is(tmp_path: Path) -> None:
    file = tmp_path / "system.jsonl"
    write_samples(file, 5)
    found = system_updates(file, 0, 4)
    assert [(len(update.points), update.tags[SAMPLED]) for update in found] == [(4, "2"), (4, "4"), (2, "5")]


def test_a_line_that_is_half_written_is_told_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "system.jsonl"
    write_samples(file, 2)
    whole = file.read_text()
    file.write_text(whole[:-20])
    (before,) = system_updates(file, 0, 100)
    assert before.tags == {SAMPLED: "1"}
    file.write_text(whole)
    (after,) = system_updates(file, 1, 100)
    assert [point.step for point in after.points] == [1, 1]


@pytest.mark.parametrize("writer", ["embedded", "client"])
def test_a_run_has_them_in_mlflow_and_no_trial_counts_them_as_figures(tmp_path: Path, writer: str) -> None:
    """One session tells of two seeds a trial, the next of the third, with what the store has of others."""
    from mlflow import MlflowClient

    folder = StudyFolder.of(tmp_path, "esmm-3f2a91c0")
    result = study_result(folder)
    for trial in result.trials:
        for run in trial.runs.values():
            assert run.folder is not None
            write_samples(RunFolder(run.folder).system, 4)
    uri = None if writer == "embedded" else f"sqlite:///{tmp_path}/other.db"
    for seeds in ((0, 1), (2,)):
        tracker = make_tracker(Tracking(name="mlflow", uri=uri, experiment=None), tmp_path)
        tracker.study_started(study_start(folder))
        for trial in result.trials:
            for run in (run for run in trial.runs.values() if run.seed in seeds):
                tracker.run_started(trial.spec, started(run.trial, run.seed), Slot(0, "cpu", 1))
                tracker.run_ended(trial.spec, run)
        if 2 in seeds:
            tracker.study_ended(result, write_report(folder, result, judgement()))
        tracker.close()
    client = MlflowClient(uri or f"sqlite:///{tmp_path}/mlflow.db")
    seed, of_trial = runs_of(client, "run"), runs_of(client, "trial")
    history = client.get_metric_history(seed.info.run_id, CPU)
    assert [(one.step, one.value) for one in history] == [(i, 10.0 * i) for i in range(4)]
    assert of_trial.data.metrics["val/ctcvr_auc"] == pytest.approx(0.7411)
    assert of_trial.data.tags["sweeper.seeds"] == "0,1,2"
    assert not any("system" in key for key in of_trial.data.metrics)
    replay_study(folder, Tracking(name="mlflow", uri=uri, experiment=None), tmp_path)
    assert len(client.get_metric_history(seed.info.run_id, CPU)) == 4
    assert not any("system" in key for key in runs_of(client, "trial").data.metrics)


def started(trial: int, seed: int) -> Started:
    return Started(
        job_id="j", trial=trial, seed=seed, attempt=1, resumed_step=0, total_steps=600, device="cpu"
    )


def runs_of(client: Any, kind: str) -> Any:
    """The run of trial 1, or of its first seed."""
    experiment = client.get_experiment_by_name("sweeper/esmm")
    condition = f"tags.`sweeper.kind` = '{kind}' and tags.`sweeper.trial` = '1'"
    found = client.search_runs([experiment.experiment_id], condition)
    return next(run for run in found if run.data.tags.get("sweeper.seed", "0") == "0")


def test_without_psutil_asking_for_them_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracking_store, "find_spec", lambda name: None)
    asked = Tracking(name="mlflow", uri=None, experiment=None, system_metrics=True)
    with pytest.raises(UserError, match=r"tracking.system_metrics: got true; expected the package psutil"):
        tracking_store.check_tracking(asked)
    tracking_store.check_tracking(asked.model_copy(update={"name": "none"}))


@pytest.mark.parametrize("asks", [True, False])
def test_jobs_of_a_study_ask_for_them_where_the_command_does(tmp_path: Path, asks: bool) -> None:
    if asks:
        pytest.importorskip("psutil")
    sizes = (
        "data.n_train=3000",
        "data.n_val=1500",
        "data.n_test=1500",
        "data.n_users=100",
        "data.n_items=100",
    )
    steps = (
        "trainer.max_steps=4",
        "trainer.eval_every=4",
        "trainer.batch_size=256",
        "aux_focal.warmup_steps=1",
    )
    study = ("study.n_seeds=1", "study.confirm_seeds=0", f"tracking.system_metrics={str(asks).lower()}")
    sweeper(tmp_path, "-m", "aux_focal.lambda=choice(0.1)", INLINE, *sizes, *steps, *study)
    jobs = [json.loads(path.read_text()) for path in tmp_path.glob("results/*/trials/*/*/job.json")]
    assert [job["has_system_metrics"] for job in jobs] == [asks] * 2
