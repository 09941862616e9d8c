"""Whatever happens in a job, each of its members has a last word."""

from collections.abc import Callable
from dataclasses import asdict

from sweeper.messages import Failed, Finished, Message, Reply, Stopped
from sweeper.trial import JobSpec, RunSpec, member_facts
from sweeper.worker.failure import Failure
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.reporter import Report


def with_last_words(
    run_job: Callable[[JobSpec, Report, Lifeline | None], bool],
    failure: Callable[[BaseException, RunSpec], Failure],
    job: JobSpec,
    report: Report,
    lifeline: Lifeline,
) -> bool:
    """Run `job`, whatever happens in it; whether this process can be trusted with another one.

    Even `sys.exit()` in a task's code is a Failed, in the words of `failure`, for each member that has no
    last word yet.
    """
    n_ended = 0

    def listen(message: Message) -> Reply:
        nonlocal n_ended
        n_ended += isinstance(message, Finished | Stopped | Failed)
        return report(message)

    try:
        return run_job(job, listen, lifeline)
    except BaseException as error:
        for run in job.members[n_ended:]:
            report(Failed(**member_facts(job, run), **asdict(failure(error, run))))
        return False
