"""`python -m benchmarks.on_gpu.confined <job.json>`: what executor, worker and task import, and nothing else.

Runs the job in this process, where the libraries of the command line cannot be imported, and prints one JSON
line: what was loaded for an executor, what for the job, and the job's last word.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

NOT_NEEDED = ("hydra", "optuna", "mlflow", "omegaconf", "sqlalchemy", "rich", "pandas", "pyarrow", "sklearn")
"""What a machine that only runs jobs may lack."""
OURS = {"benchmarks", "sweeper", "sweeper_tasks"}


def hide(names: Iterable[str]) -> None:
    """Make these modules look as if they were not installed; none of them may be imported yet."""
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # None stands for a missing module


def loaded() -> list[str]:
    """Top-level modules from outside that are imported now."""
    names = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
    foreign = names - OURS - set(sys.stdlib_module_names)
    return sorted(name for name in foreign if not name.startswith("_"))


def main(job_file: str) -> None:
    """Import, run, print."""
    hide(NOT_NEEDED)
    import sweeper.executors.devices
    import sweeper.executors.local
    import sweeper.worker.slot  # noqa: F401
    from sweeper.messages import Message, Reply
    from sweeper.trial import JobSpec
    from sweeper.worker import Lifeline

    by_executor, heard = loaded(), list[Message]()

    def listen(message: Message) -> Reply:
        heard.append(message)
        return "continue"

    from sweeper.worker import run_to_the_end

    run_to_the_end(JobSpec.model_validate_json(Path(job_file).read_text()), listen, Lifeline())
    found = {"executor": by_executor, "job": loaded(), "last": heard[-1].model_dump(mode="json")}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
