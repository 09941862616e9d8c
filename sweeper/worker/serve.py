"""Runs one JobSpec: everything from its description to the last message."""

import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch

from sweeper.errors import RunError
from sweeper.messages import Failed
from sweeper.schema import RUN_SECTIONS, RunSettings
from sweeper.trial import JobSpec, RunSpec, fingerprint
from sweeper.validation import task_entry
from sweeper.worker.checkpoint import Checkpoints
from sweeper.worker.failures import failure_of
from sweeper.worker.reporter import Report, Reporter
from sweeper.worker.solo import Solo
from sweeper.worker.training import Training
from tasks.base import config_of
from tasks.config import TaskConfig
from tasks.prepared import Prepared


def run_job(job: JobSpec, report: Report) -> None:
    """Train the members of `job`, one after the other; each ends with Finished, Stopped or Failed.

    An exception becomes a Failed, its traceback goes to the run's log; KeyboardInterrupt and SystemExit pass.
    """
    if job.needs.n_threads is not None:
        torch.set_num_threads(job.needs.n_threads)
    for run in job.members:
        _run_member(job, run, report)


def _run_member(job: JobSpec, run: RunSpec, report: Report) -> None:
    reporter = Reporter(job, run, report)
    try:
        solo, notes = build_solo(job, run, reporter)
        solo.train(notes)
    except Exception as error:
        with suppress(OSError):  # where the disk is full there is no log either, and that is not the news
            reporter.log(traceback.format_exc())
        reporter.tell(Failed, **asdict(failure_of(error)))


def build_solo(job: JobSpec, run: RunSpec, reporter: Reporter) -> tuple[Solo, tuple[str, ...]]:
    """One member of a job, ready to train, and what is to be said about its configuration."""
    settings = RunSettings.model_validate({key: run.config[key] for key in RUN_SECTIONS})
    entry = task_entry(settings.task)
    config = config_of(entry.config_class(), run.config)
    device = device_of(job.needs.device)
    prepared = Prepared.open(Path(job.prepared))
    task = entry.task_class()(config, prepared, device)
    training = Training(task, settings, run.seed, device, config.nan_advice())
    checkpoints = Checkpoints(reporter.folder, identity_of(settings, config, run.seed, prepared))
    solo = Solo(training, checkpoints, reporter, job.start_from, job.stop_at)
    return solo, tuple(filter(None, [config.describe()]))


def device_of(name: str) -> torch.device:
    """The device `cpu`, `cuda:0`, ...; `auto` is the first GPU where there is one. Raises RunError."""
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = f"executor.device: got {name!r}; expected cpu, cuda:<n> or another device found here"
        raise RunError(reason, advice="Use executor.device=cpu, or auto.") from error
    return device


def identity_of(settings: RunSettings, config: TaskConfig, seed: int, prepared: Prepared) -> str:
    """The hash of everything that decides what a run learns; only its own checkpoints may continue it."""
    total_steps = settings.trainer.total_steps(prepared.n_train)
    effective = {
        "task": config.effective(total_steps),
        "objective": [settings.task.name, settings.task.metric, settings.task.direction],
        "optimizer": settings.optimizer.model_dump(mode="json"),
        "trainer": settings.trainer.model_dump(mode="json"),
        "seed": seed,
    }
    return fingerprint(effective, prepared.digest)
