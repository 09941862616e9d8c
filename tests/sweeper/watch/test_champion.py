"""The best model of a study in MLflow's model registry."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.reports import read_summary, summary_of
from sweeper.results import Objective
from sweeper.schema import Tracking
from sweeper.watch.champion import is_of_trainer, register_elsewhere, registration_of
from sweeper.watch.study_facts import facts_of_summary
from sweeper.watch.study_session import StoredTrial
from sweeper.watch.tracking import replay_study
from tests.sweeper.factories import judgement, study_result, trial_spec
from tests.sweeper.small_esmm import SMALL

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

ON = Tracking(name="mlflow", uri=None, experiment=None, register_model=True)
SWEEP = (
    *(word for word in SMALL if not word.startswith("tracking")),
    *("aux_focal.lambda=choice(0.2)", "study.n_seeds=1", "study.confirm_seeds=2", "study.name=small"),
    *("executor=local", "executor.devices=cpu", "executor.n_slots=1"),
)
LOAD = """
import json, logging, sys, mlflow, torch
from mlflow.models import get_model_info
logging.getLogger("mlflow").setLevel(logging.ERROR)
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pytorch.load_model(sys.argv[2])
inputs = get_model_info(sys.argv[2]).signature.inputs.inputs
five = {one.name: torch.zeros((5, *one.shape[1:]), dtype=getattr(torch, str(one.type))) for one in inputs}
by_name, in_order = model(five), model(*five.values())
assert all(torch.equal(a, b) for a, b in zip(by_name, in_order))
started = [name for name in sys.modules if name.startswith(("sweeper.study", "sweeper.executors", "hydra"))]
print(json.dumps([[one.name for one in inputs], [list(x.shape) for x in by_name], started]))
"""


def registration(tmp_path: Path, verdict: Any) -> Any:
    """What would be registered of the invented study, with that verdict."""
    folder = StudyFolder.of(tmp_path, "s")
    result = study_result(folder)
    summary = summary_of(result, judgement(verdict=verdict))
    run = folder.run(trial_spec(3, 0.2), 1)
    return registration_of(facts_of_summary(summary, ON), summary, "sqlite:///x.db", "abc", run.path)


def test_only_a_better_one_is_the_champion(tmp_path: Path) -> None:
    better, other = (registration(tmp_path / v, v) for v in ("better", "not distinguishable"))
    assert (better.name, better.alias, other.alias) == ("sweeper-esmm", "champion", "candidate")
    assert (better.tags["sweeper.study_run"], better.tags["sweeper.trial"]) == ("abc", "3")
    assert (better.tags["sweeper.seed"], better.run_id) == ("1", "abc")


def test_the_best_seed_is_that_with_the_best_value_whose_model_was_kept(tmp_path: Path) -> None:
    """Of 0.7, 0.8, 0.9 the last one's model is gone: the largest is 0.8, the smallest 0.7."""
    places = {seed: tmp_path / f"seed{seed}" for seed in range(3)}
    for seed in (0, 1):
        places[seed].mkdir()
        (places[seed] / "best.pt").write_bytes(b"model")
    figures = {seed: {"val/auc": 0.7 + seed / 10} for seed in range(3)}
    trial = StoredTrial(figures=figures, places=dict(places))
    assert trial.best_place(Objective("auc", "maximize")) == places[1]
    assert trial.best_place(Objective("auc", "minimize")) == places[0]
    assert trial.best_place(Objective("f1", "maximize")) is None


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"members": [{"config": {"task": {"name": "esmm"}}}]}, True),
        ({"runner": "program", "members": [{"config": {"program": {}}}]}, False),
        ({"members": []}, False),
        (None, False),
    ],
)
def test_the_model_of_somebodys_program_is_its_own(tmp_path: Path, job: Any, *, expected: bool) -> None:
    if job is not None:
        (tmp_path / "job.json").write_text(json.dumps(job))
    assert is_of_trainer(tmp_path) is expected


@pytest.mark.slow  # it trains, and loads torch and MLflow twice
def test_a_registered_model_predicts_in_another_process_and_is_registered_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweeper", "-m", *SWEEP]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    from mlflow import MlflowClient

    results, uri = tmp_path / "results", f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}"
    folder = StudyFolder.of(results, "small")
    alias = "champion" if read_summary(folder).verdict == "better" else "candidate"
    client = MlflowClient(uri, registry_uri=uri)
    found = client.get_model_version_by_alias("sweeper-esmm", alias)
    assert found.tags["sweeper.study"] == "small"
    assert client.get_run(str(found.run_id)).data.tags["sweeper.kind"] == "study"
    replay_study(folder, ON, results)
    assert [one.version for one in client.search_model_versions("name = 'sweeper-esmm'")] == [found.version]
    loading = [sys.executable, "-c", LOAD, uri, f"models:/sweeper-esmm@{alias}"]
    loaded = subprocess.run(loading, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout.splitlines()[-1]) == [["sparse", "dense"], [[5], [5]], []]


@pytest.mark.slow  # it loads torch and MLflow, in a process of its own
def test_why_a_model_cannot_be_registered_is_told_in_a_line(tmp_path: Path) -> None:
    asked = registration(tmp_path, "better")
    told = register_elsewhere(replace_folder(asked, tmp_path / "gone"))
    assert told.startswith("no: FileNotFoundError: ")
    assert "\n" not in told


def replace_folder(asked: Any, folder: Path) -> Any:
    """The same, of a model in another folder."""
    return asked.model_copy(update={"folder": str(folder)})
