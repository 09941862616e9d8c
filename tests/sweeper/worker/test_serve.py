"""However a run ends, its parent hears of it in words that help."""

import re
from pathlib import Path
from typing import Any

import pytest

from sweeper.messages import Failed
from sweeper.schema import RUN_SECTIONS, RunSettings
from sweeper.task import Prepared, config_of
from sweeper.trial import DeviceNeeds, JobSpec, fingerprint
from sweeper.worker import solo
from sweeper.worker.serve import identity_of, run_job
from tests.sweeper.worker.toy_config import ToyConfig
from tests.sweeper.worker.toy_jobs import Listener, folder_of, toy_job


def failure(job: JobSpec) -> Failed:
    listener = Listener()
    run_job(job, listener)
    assert isinstance(listener.last, Failed), listener.last
    return listener.last


def faulty(tmp_path: Path, fault: str) -> JobSpec:
    return toy_job(tmp_path, changes={"loss.fault": fault, "loss.poisoned_step": 7})


def test_a_nan_loss_is_reported_with_its_step_and_the_task_s_advice(tmp_path: Path) -> None:
    failed = failure(toy_job(tmp_path, changes={"loss.poisoned_step": 12}))
    assert failed.model_dump(include={"error", "reason", "advice", "step"}) == {
        "error": "NonFiniteLossError",
        "reason": "loss is nan at step 12",
        "advice": "Try loss.poisoned_step=-1.",
        "step": 12,
    }


def test_no_checkpoint_is_written_of_a_model_that_has_seen_a_nan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Poisoned at step 12: the evaluation of step 10 left the last checkpoint."""
    monkeypatch.setattr(solo, "CHECKPOINT_AGE_S", 0.0)
    job = toy_job(tmp_path, changes={"loss.poisoned_step": 12})
    failure(job)
    listener = Listener()
    run_job(job, listener)
    assert listener.messages[0].model_dump()["resumed_step"] == 10


@pytest.mark.parametrize(
    ("fault", "reason", "advice"),
    [
        (
            "memory",
            "out of memory: 2.00 GiB did not fit (batch size 16, parameters 49)",
            "Try a smaller trainer.batch_size or a smaller model.",
        ),
        ("disk", "no space left for checkpoint.pt (? MiB free)", "Free some and run it again."),
        ("crash", "ZeroDivisionError: division by zero (toy_task.py:?)", ""),
    ],
)
def test_a_fault_is_one_line_and_what_to_try(fault: str, reason: str, advice: str, tmp_path: Path) -> None:
    failed = failure(faulty(tmp_path, fault))
    assert re.sub(r"[\d.]+ MiB", "? MiB", re.sub(r"py:\d+", "py:?", failed.reason)) == reason
    assert failed.advice == advice


def test_the_traceback_is_in_the_log(tmp_path: Path) -> None:
    failure(job := faulty(tmp_path, "crash"))
    log = folder_of(job).log.read_text()
    assert "Traceback (most recent call last)" in log
    assert "ZeroDivisionError: division by zero" in log


@pytest.mark.parametrize(("fault", "kind"), [("interrupt", KeyboardInterrupt), ("quit", SystemExit)])
def test_an_interrupt_is_nobody_s_failure(fault: str, kind: type[BaseException], tmp_path: Path) -> None:
    listener = Listener()
    with pytest.raises(kind, match=r"^3?$"):
        run_job(faulty(tmp_path, fault), listener)
    assert not any(isinstance(message, Failed) for message in listener.messages)


def test_a_wrong_objective_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    failed = failure(toy_job(tmp_path, changes={"task.metric": "acuracy"}))
    assert failed.reason.startswith("val/acuracy: got no finite value at step 5; expected the objective")
    assert failed.reason.endswith("; did you mean 'accuracy'?")
    assert failed.advice.startswith("The task has accuracy, nll here")


def test_an_objective_that_is_not_a_number_ends_the_run(tmp_path: Path) -> None:
    failed = failure(toy_job(tmp_path, changes={"task.metric": "undefined"}))
    assert failed.reason == (
        "val/undefined: got no finite value at step 5; expected the objective "
        "(study.metrics, else task.metric)"
    )
    assert failed.step == 5


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta:x"])
def test_a_device_that_is_not_there_is_named(device: str, tmp_path: Path) -> None:
    job = toy_job(tmp_path)
    failed = failure(job.model_copy(update={"needs": DeviceNeeds(device=device, n_threads=1)}))
    assert failed.reason.startswith(f"executor.device: got '{device}'; expected cpu")


def test_missing_data_are_a_failure_not_a_crash(tmp_path: Path) -> None:
    job: Any = toy_job(tmp_path).model_copy(update={"prepared": str(tmp_path / "nowhere")})
    missing = str(tmp_path / "nowhere")
    reason = failure(job).reason
    assert reason.startswith("FileNotFoundError: [Errno 2] No such file or directory: ")
    assert missing in reason


def test_the_checkpoints_of_earlier_versions_are_known_by_what_they_were_known_by(tmp_path: Path) -> None:
    """They hashed the whole sections, success criteria and all, of which most runs had none."""
    job = toy_job(tmp_path)
    run, prepared = job.members[0], Prepared.open(Path(job.prepared))
    settings = RunSettings.model_validate({key: run.config[key] for key in RUN_SECTIONS})
    config = config_of(ToyConfig, run.config)
    earlier = {
        "task": config.effective(40),
        "objective": ["toy", "nll", "minimize"],
        "optimizer": settings.optimizer.model_dump(mode="json"),
        "trainer": settings.trainer.model_dump(mode="json", exclude={"loss_scale"}),  # there was none
        "seed": 0,
    }
    assert identity_of(settings, config, 0, prepared) == fingerprint(earlier, prepared.digest)
