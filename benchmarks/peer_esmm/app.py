"""hydra-optuna-sweeper's task function: trains one job of ours, by our own worker, in its own process.

`ESMM_JOBS` is a folder with a job file for each number of steps, `ESMM_PATH` where our packages are imported
from. They come into the path only here: Hydra looks for plugins everywhere before, and would find ours.
"""

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config: DictConfig) -> float:
    """The objective on validation."""
    sys.path += [folder for folder in os.environ["ESMM_PATH"].split(os.pathsep) if folder not in sys.path]
    from sweeper.messages import Failed, Finished, Message, Reply
    from sweeper.trial import JobSpec
    from sweeper.worker import run_job

    finished: list[Finished] = []

    def report(message: Message) -> Reply:
        if isinstance(message, Failed):
            raise RuntimeError(message.reason)
        if isinstance(message, Finished):
            finished.append(message)
        return "continue"

    job = JobSpec.model_validate_json((Path(os.environ["ESMM_JOBS"]) / f"{config.steps}.json").read_text())
    run_job(job, report)
    (Path(job.members[0].folder) / "seconds.txt").write_text(f"{finished[0].seconds}")
    return finished[0].metrics["val/ctcvr_auc"]


if __name__ == "__main__":
    main()
