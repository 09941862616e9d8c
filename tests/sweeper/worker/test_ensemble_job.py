"""An average of models as a job: what it says when it is done, and when it is not."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from sweeper.ensemble_spec import EnsembleSpec, Member
from sweeper.errors import RunError
from sweeper.layout import EnsembleFolder
from sweeper.messages import Failed, Finished
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec
from sweeper.worker import ensemble_job
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.runners import run_to_the_end
from tests.sweeper.worker.toy_jobs import Listener

MEMBER = Member(trial=0, name="baseline", seed=0, val=0.7, folder="run", model="sha256:0", config={})
SPEC = EnsembleSpec(study="s", metric="auc", members=(MEMBER,), prepared="data", device="cpu", n_threads=1)


def job(folder: Path) -> JobSpec:
    config: dict[str, JsonValue] = {"ensemble": SPEC.model_dump(mode="json")}
    member = RunSpec(trial=0, name="ensemble", seed=0, config=config, folder=str(folder), attempt=1)
    return JobSpec(
        job_id="ensemble-1",
        study="s",
        members=(member,),
        prepared="data",
        start_from=None,
        stop_at=None,
        needs=DeviceNeeds(device="cpu", n_threads=1, is_alone=True),
        runner="ensemble",
    )


def test_what_is_asked_for_reaches_the_evaluation_and_its_end_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[EnsembleSpec, EnsembleFolder]] = []
    monkeypatch.setattr(ensemble_job, "run", lambda *words: asked.append(words))
    assert run_to_the_end(job(tmp_path), heard := Listener(), Lifeline())
    assert asked == [(SPEC, EnsembleFolder(tmp_path))]
    assert isinstance(heard.last, Finished)


def test_an_evaluation_that_fails_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RunError("no probabilities")

    monkeypatch.setattr(ensemble_job, "run", fail)
    run_to_the_end(job(tmp_path), heard := Listener(), Lifeline())
    assert isinstance(heard.last, Failed)
    assert heard.last.reason == "no probabilities"
