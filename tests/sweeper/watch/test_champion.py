"""The best model of a study in MLflow's model registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.reports import Summary, summary_of, write_report
from sweeper.results import Objective
from sweeper.schema import Tracking
from sweeper.watch.champion import model_of, register_elsewhere, registration_of, runner_of
from sweeper.watch.study_facts import facts_of_summary
from tests.sweeper.factories import AUC, LOSS, judgement, study_result, trial_spec

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

ON = Tracking(name="mlflow", uri=None, experiment=None, register_model=True)


def registration(tmp_path: Path, verdict: Any) -> Any:
    """What would be registered of the invented study, with that verdict."""
    folder = StudyFolder.of(tmp_path, "s")
    result = study_result(folder)
    summary = summary_of(result, judgement(verdict=verdict))
    run = folder.run(trial_spec(3, 0.2), 1)
    return registration_of(
        facts_of_summary(summary, ON), summary, f"sqlite:///{tmp_path}/x.db", "abc", run.path
    )


def test_only_a_better_one_is_the_champion(tmp_path: Path) -> None:
    better, other = (registration(tmp_path / v, v) for v in ("better", "not distinguishable"))
    assert (better.name, better.alias, other.alias) == ("sweeper-esmm", "champion", "candidate")
    assert (better.tags["sweeper.study_run"], better.tags["sweeper.trial"]) == ("abc", "3")
    assert (better.tags["sweeper.seed"], better.run_id) == ("1", "abc")


def made(tmp_path: Path, *, objective: Objective = AUC) -> tuple[StudyFolder, Summary]:
    """An invented study with its files, whose runs our trainer has trained."""
    folder = StudyFolder.of(tmp_path, "s")
    result, found = study_result(folder, objectives=(objective,)), judgement()
    write_report(folder, result, found)
    for run in folder.runs:
        run.job.write_text(json.dumps({"members": [{"config": {"task": {"name": "esmm"}}}]}))
    return folder, summary_of(result, found)


def test_the_best_model_is_of_the_run_with_the_best_value_that_has_kept_its_own(tmp_path: Path) -> None:
    """AUCs rise with the seed's last digit, losses fall: seeds 2 and 1002, 1 and 1001, 0 and 1000."""
    folder, summary = made(tmp_path)
    run = {seed: folder.run(trial_spec(3, 0.2), seed) for seed in (0, 1, 2, 1000, 1001, 1002)}
    assert model_of(folder, summary) in (run[2].path, run[1002].path)
    for seed in (2, 1002, 1001):
        run[seed].best.unlink()
    assert model_of(folder, summary) == run[1].path
    for one in run.values():
        one.best.unlink(missing_ok=True)
    assert model_of(folder, summary) == "no: no model of trial 3 lambda=0.2 is kept (study.keep_models)"


def test_where_less_is_better_the_smallest_value_is_the_best(tmp_path: Path) -> None:
    """A bce of 0.5 - auc / 10 falls with the seed's last digit, so that the best is the same run."""
    folder, summary = made(tmp_path, objective=LOSS)
    assert model_of(folder, summary) in {folder.run(trial_spec(3, 0.2), seed).path for seed in (2, 1002)}


def test_a_front_and_a_program_have_no_best_model_of_ours(tmp_path: Path) -> None:
    folder, summary = made(tmp_path)
    front = summary.model_copy(update={"metric": ("ctcvr_auc", "bce"), "direction": ("maximize", "minimize")})
    assert model_of(folder, front) == "no: a front of several objectives has no one best"
    for run in folder.runs:
        run.job.write_text(json.dumps({"runner": "program", "members": [{"config": {}}]}))
    assert model_of(folder, summary) == "no: the model of a program is its own"
    for run in folder.runs:
        run.best.unlink(missing_ok=True)
    assert model_of(folder, summary) == "no: the model of a program is its own"  # and where it left none


def test_a_model_that_has_become_the_champion_is_registered_as_that(tmp_path: Path) -> None:
    """The same model under another verdict has another mark."""
    folder, summary = made(tmp_path)
    place = model_of(folder, summary)
    assert isinstance(place, Path)
    marks = []
    for verdict in ("not distinguishable", "better"):
        judged = summary.model_copy(update={"verdict": verdict})
        facts = facts_of_summary(judged, ON)
        marks.append(registration_of(facts, judged, f"sqlite:///{tmp_path}/x.db", "abc", place).mark)
    assert [mark.split()[0] for mark in marks] == ["candidate", "champion"]
    assert marks[0].split()[1] == marks[1].split()[1]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"members": [{"config": {"task": {"name": "esmm"}}}]}, "task"),
        ({"runner": "program", "members": [{"config": {"program": {}}}]}, "program"),
        ({"members": []}, None),
        (None, None),
    ],
)
def test_who_trained_a_model_is_told_by_its_job(tmp_path: Path, job: Any, expected: str | None) -> None:
    if job is not None:
        (tmp_path / "job.json").write_text(json.dumps(job))
    assert runner_of(tmp_path) == expected


@pytest.mark.slow  # it loads torch and MLflow, in a process of its own
def test_why_a_model_cannot_be_registered_is_told_in_a_line(tmp_path: Path) -> None:
    asked = registration(tmp_path, "better")
    told = register_elsewhere(replace_folder(asked, tmp_path / "gone"))
    assert told.startswith("no: FileNotFoundError: ")
    assert "\n" not in told


def replace_folder(asked: Any, folder: Path) -> Any:
    """The same, of a model in another folder."""
    return asked.model_copy(update={"folder": str(folder)})
