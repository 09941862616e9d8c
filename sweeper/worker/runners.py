"""Who runs a job: the trainer, somebody's program, or who averages models; imported when a job wants it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sweeper.trial import JobSpec, Runner
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.reporter import Report


@dataclass(frozen=True)
class JobRunner:
    """Two ways to run a job.

    `run`: each member ends with Finished, Stopped or Failed; KeyboardInterrupt and SystemExit pass.
    `run_to_the_end`: they do not, either. Both tell whether this process can be trusted with another job.
    """

    run: Callable[[JobSpec, Report, Lifeline | None], bool]
    run_to_the_end: Callable[[JobSpec, Report, Lifeline], bool]


def _trainer() -> JobRunner:
    from sweeper.worker.serve import run_job, run_to_the_end  # torch

    return JobRunner(run_job, run_to_the_end)


def _program() -> JobRunner:
    from sweeper.worker.program import run_job, run_to_the_end

    return JobRunner(run_job, run_to_the_end)


def _ensemble() -> JobRunner:
    from sweeper.worker.ensemble_job import run_job, run_to_the_end  # torch

    return JobRunner(run_job, run_to_the_end)


RUNNERS: Mapping[Runner, Callable[[], JobRunner]] = {
    "task": _trainer,
    "program": _program,
    "ensemble": _ensemble,
}


def runner_of(kind: Runner) -> JobRunner:
    """Who runs jobs of this kind, imported."""
    return RUNNERS[kind]()


def run_job(job: JobSpec, report: Report, lifeline: Lifeline | None = None) -> bool:
    """Run the members of `job`; whether this process can be trusted with another one."""
    return runner_of(job.runner).run(job, report, lifeline)


def run_to_the_end(job: JobSpec, report: Report, lifeline: Lifeline) -> bool:
    """The same, whatever happens in it: even `sys.exit()` in a task's code has a last word."""
    return runner_of(job.runner).run_to_the_end(job, report, lifeline)
