"""Leaves an executor without a job, for the next test."""

import time

from sweeper.executors.pool import WorkerPool
from sweeper.messages import Reported

PATIENCE_S = 2.0


def idle(executor: WorkerPool) -> None:
    """Jobs leave in order where they can, so that the next test finds a warm worker; else it is killed."""
    for job_id in tuple(executor._running):
        executor.stop(job_id)
    deadline = time.monotonic() + PATIENCE_S
    while executor._running and time.monotonic() < deadline:
        for message in executor.receive(0.1):
            if isinstance(message, Reported):
                executor.reply(message, "stop")
    for job_id in tuple(executor._running):
        executor.kill(job_id, "the test is over")
    while executor.receive(0) or executor._running:
        pass
