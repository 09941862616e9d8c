"""From runs to jobs: every job has one member; stacking and prefix sharing will happen here. Pure."""

from pathlib import Path

from sweeper.layout import RunFolder
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec, TrialSpec


def job_for(
    study: str,
    trial: TrialSpec,
    seed: int,
    attempt: int,
    folder: RunFolder,
    prepared: Path,
    needs: DeviceNeeds,
) -> JobSpec:
    """The solo job that trains `trial` on `seed`."""
    run = RunSpec(
        trial=trial.number,
        name=trial.name,
        seed=seed,
        config=trial.config,
        folder=str(folder.path),
        attempt=attempt,
    )
    return JobSpec(
        job_id=f"{trial.number}-{seed}-{attempt}",
        study=study,
        members=(run,),
        prepared=str(prepared),
        start_from=None,
        stop_at=None,
        needs=needs,
    )
