"""Jobs of plain trials, and what they say last."""

from typing import Any

from sweeper.messages import Failed, Finished, Lost, Stopped
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec, member_facts


def plain_job(number: int = 1, seed: int = 0, attempt: int = 1) -> JobSpec:
    """The solo job of `plain_trial(number)` on `seed`, with a folder that names all three."""
    folder = f"/runs/{number}-{seed}-{attempt}"
    run = RunSpec(trial=number, name=f"t{number}", seed=seed, config={}, folder=folder, attempt=attempt)
    return JobSpec(
        job_id=f"{number}-{seed}",
        study="s",
        members=(run,),
        prepared="/prepared",
        start_from=None,
        stop_at=None,
        needs=DeviceNeeds(device="cpu", n_threads=1),
    )


def finished(job: JobSpec, **changes: Any) -> Finished:
    """All that a complete run tells: 90 steps of its own after 10 that it inherited."""
    facts: dict[str, Any] = {
        "metrics": {"val/auc": 0.7, "test/auc": 0.6},
        "best_step": 80,
        "steps_trained": 90,
        "steps_inherited": 10,
        "seconds": 2.5,
        "ended_by": "max_steps",
    }
    return Finished(**member_facts(job, job.members[0]), **{**facts, **changes})


def stopped(job: JobSpec, why: str) -> Stopped:
    """It left at step 40, of which it trained 30."""
    facts: dict[str, Any] = {"why": why, "step": 40, "steps_trained": 30, "seconds": 1.5}
    return Stopped(**member_facts(job, job.members[0]), **facts)


def failed(job: JobSpec, error: str, reason: str = "loss is nan", advice: str = "Try less.") -> Failed:
    """It ended in an exception of class `error`."""
    return Failed(**member_facts(job, job.members[0]), error=error, reason=reason, advice=advice)


def lost(job: JobSpec, reason: str = "worker killed by SIGKILL") -> Lost:
    """Its worker died."""
    return Lost(**member_facts(job, job.members[0]), reason=reason)
