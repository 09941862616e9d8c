"""Jobs of tiny programs, and what their processes are known by. Torch-free."""

import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from sweeper.trial import DeviceNeeds, JobSpec, RunSpec

ROOT = Path(__file__).parents[3]
REPORT = "from sweeper import report, Pruned\n"


def program_job(root: Path, source: str, *arguments: str, **changes: Any) -> JobSpec:
    """A job that runs `source` in the folder `root`, where it lies; `changes` are those of its spec."""
    script = root / "app.py"
    script.write_text(dedent(source))
    spec: dict[str, Any] = {
        "argv": [sys.executable, script.name, *arguments],
        "cwd": str(root),
        "objectives": ["acc"],
        "total_steps": 10,
        "grace_s": 5.0,
        "silence_s": None,
    }
    run = RunSpec(
        trial=1,
        name="t",
        seed=0,
        config={"program": {**spec, **changes}},
        folder=str(root / "run"),
        attempt=1,
    )
    return JobSpec(
        job_id="job",
        study="apps",
        members=(run,),
        prepared="",
        start_from=None,
        stop_at=None,
        needs=DeviceNeeds(device="cpu", n_threads=1),
        runner="program",
    )


def marked(folder: Path) -> list[int]:
    """The processes of the run in `folder`, by the mark in their environment."""
    mark = f"SWEEPER_RUN={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0") and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
