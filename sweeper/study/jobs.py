"""From runs to jobs: every job has one member; stacking will happen here. `sharing` adds prefixes. Pure."""

from sweeper.layout import RunFolder
from sweeper.study.spec_factory import RunParts
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec, TrialSpec


def job_for(
    study: str,
    trial: TrialSpec,
    seed: int,
    attempt: int,
    folder: RunFolder,
    parts: RunParts,
    needs: DeviceNeeds,
    *,
    has_system_metrics: bool = False,
) -> JobSpec:
    """The solo job that trains `trial` on `seed`."""
    run = RunSpec(
        trial=trial.number,
        name=trial.name,
        seed=seed,
        config=parts.config,
        folder=str(folder.path),
        attempt=attempt,
    )
    return JobSpec(
        job_id=f"{trial.number}-{seed}-{attempt}",
        study=study,
        members=(run,),
        prepared=str(parts.prepared),
        start_from=None,
        stop_at=None,
        needs=needs,
        runner=parts.runner,
        has_system_metrics=has_system_metrics,
    )
