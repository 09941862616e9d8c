"""`python -m benchmarks.on_gpu.doomed_parent <gpu|cpu> <job.json>`: runs a job until it is killed itself."""

import sys
from pathlib import Path

from benchmarks.on_gpu.rig import placements_on
from sweeper.executors import LocalExecutor
from sweeper.messages import Alive, Started
from sweeper.trial import JobSpec


def main(device: str, job_file: str) -> None:
    """Print a line when the job has started and a line for each sign of life; answer nothing."""
    executor = LocalExecutor(placements_on(device, 1))
    executor.submit(executor.slots[0], JobSpec.model_validate_json(Path(job_file).read_text()))
    while True:
        for message in executor.receive(1.0):
            if isinstance(message, Started | Alive):
                print(message.kind, flush=True)
            else:
                sys.exit(f"got {message}; expected an endless run")


if __name__ == "__main__":
    main(*sys.argv[1:])
