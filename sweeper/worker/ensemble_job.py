"""An average of models, evaluated as a job: where the study itself has no device, an agent does it."""

import time
from pathlib import Path

from sweeper.ensemble_spec import EnsembleSpec
from sweeper.layout import EnsembleFolder
from sweeper.messages import Finished
from sweeper.trial import JobSpec, member_facts
from sweeper.worker.average import run
from sweeper.worker.failures import failure_of
from sweeper.worker.last_words import with_last_words
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.reporter import Report


def run_to_the_end(job: JobSpec, report: Report, lifeline: Lifeline) -> bool:
    """Evaluate, whatever happens in it; whether this process can be trusted with another job."""
    return with_last_words(run_job, lambda error, _: failure_of(error), job, report, lifeline)


def run_job(job: JobSpec, report: Report, lifeline: Lifeline | None = None) -> bool:
    """Evaluate what the one member asks for; what was found is in its folder. Raises what that raises."""
    (member,) = job.members
    began = time.monotonic()
    run(EnsembleSpec.model_validate(member.config["ensemble"]), EnsembleFolder(Path(member.folder)))
    report(
        Finished(
            **member_facts(job, member),
            metrics={},
            best_step=0,
            steps_trained=0,
            steps_inherited=0,
            seconds=time.monotonic() - began,
            ended_by="max_steps",
        )
    )
    return True
