"""Runs a JobSpec of the trainer: everything from its description to the last message."""

import gc
import traceback
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from sweeper.errors import DeviceError
from sweeper.messages import Failed
from sweeper.schema import RUN_SECTIONS, RunSettings
from sweeper.task import Prepared, TaskConfig, config_of, task_entry
from sweeper.trial import JobSpec, RunSpec, fingerprint
from sweeper.worker.checkpoint import Checkpoints
from sweeper.worker.failures import Circumstances, failure_of, needs_fresh_worker
from sweeper.worker.holding import run_folder_held
from sweeper.worker.last_words import with_last_words
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.prefix import Prefixes
from sweeper.worker.reporter import Report, Reporter
from sweeper.worker.solo import Solo
from sweeper.worker.system_metrics import system_metrics_of
from sweeper.worker.training import Training


def run_to_the_end(job: JobSpec, report: Report, lifeline: Lifeline) -> bool:
    """Run `job`, whatever happens in it; whether this process can be trusted with another one.

    Even `sys.exit()` in a task's code is a Failed for each member that has no last word yet.
    """
    is_sound = with_last_words(
        run_job, lambda error, run: failure_of(error, circumstances_of(run)), job, report, lifeline
    )
    release_memory()
    return is_sound


def run_job(job: JobSpec, report: Report, lifeline: Lifeline | None = None) -> bool:
    """Train the members of `job`, one after the other; each ends with Finished, Stopped or Failed.

    An exception becomes a Failed, its traceback goes to the run's log; KeyboardInterrupt and SystemExit pass.
    False where a failure may have left the device unusable for this process.
    """
    if job.needs.n_threads is not None:
        torch.set_num_threads(job.needs.n_threads)
    lifeline = lifeline or Lifeline()
    are_sound = [_run_member(job, run, report, lifeline) for run in job.members]
    return all(are_sound)


def _run_member(job: JobSpec, run: RunSpec, report: Report, lifeline: Lifeline) -> bool:
    reporter = Reporter(job, run, report)
    known = circumstances_of(run)
    try:
        with run_folder_held(reporter.folder):
            solo, notes = build_solo(job, run, reporter, lifeline)
            known = replace(known, n_parameters=solo.n_parameters)
            with system_metrics_of(job, reporter):
                solo.train(notes)
    except Exception as error:
        with suppress(OSError):  # where the disk is full there is no log either, and that is not the news
            reporter.log(traceback.format_exc())
        reporter.send(Failed, **asdict(failure_of(error, known)))
        return not needs_fresh_worker(error)
    return True


def circumstances_of(run: RunSpec) -> Circumstances:
    """What a failure's message should name."""
    trainer: Any = run.config["trainer"]
    return Circumstances(Path(run.folder), batch_size=trainer.get("batch_size"))


def release_memory() -> None:
    """Give back what the last job took, so that a neighbour on the device can have it."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()
        torch.cuda.empty_cache()


def build_solo(
    job: JobSpec, run: RunSpec, reporter: Reporter, lifeline: Lifeline | None = None
) -> tuple[Solo, tuple[str, ...]]:
    """One member of a job, ready to train, and what is to be said about its configuration."""
    settings = RunSettings.model_validate({key: run.config[key] for key in RUN_SECTIONS})
    entry = task_entry(settings.task)
    config = config_of(entry.config_class(), run.config)
    device = device_of(job.needs.device)
    prepared = opened(job.prepared)
    if announced := config.announce(prepared.facts):
        reporter.log("\n  ".join(("data", *announced)))
    task = entry.task_class()(config, prepared, device)
    training = Training(task, settings, run.seed, device, config.nan_advice())
    checkpoints = Checkpoints(reporter.folder, identity_of(settings, config, run.seed, prepared))
    prefixes = Prefixes.of(run, job.start_from, job.leave)
    solo = Solo(training, checkpoints, reporter, prefixes, job.stop_at, lifeline)
    return solo, tuple(filter(None, [config.describe()]))


@lru_cache(maxsize=1)
def opened(folder: str) -> Prepared:
    """The prepared data in `folder`, kept with all that tasks keep in it: a study has one data set."""
    return Prepared.open(Path(folder))


def device_of(name: str) -> torch.device:
    """The device `cpu`, `cuda:0`, ...; `auto` is the first GPU where there is one. Raises DeviceError."""
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = f"executor.device: got {name!r}; expected cpu, cuda:<n> or another device found here"
        raise DeviceError(reason, advice="Use executor.device=cpu, or auto.") from error
    return device


def identity_of(settings: RunSettings, config: TaskConfig, seed: int, prepared: Prepared) -> str:
    """The hash of everything that decides what a run learns; only its own checkpoints may continue it.

    What is cosmetic is left out, but for `success`, by which checkpoints of earlier versions are known.
    """
    total_steps = settings.trainer.total_steps(prepared.n_train)
    length = {} if settings.trainer.epochs is None else {"max_steps": total_steps, "epochs": None}
    effective = {
        "task": config.effective(total_steps),
        "objective": [settings.task.name, settings.task.metric, settings.task.direction],
        "optimizer": settings.optimizer.without_cosmetics(),
        "trainer": {**settings.trainer.without_cosmetics(), **length, "success": []},
        "seed": seed,
    }
    return fingerprint(effective, prepared.digest)
