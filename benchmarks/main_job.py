"""The main job of this version beside that of another one: wall time, and how much of a run is training.

    python benchmarks/main_job.py [--before 93beed6] [--rounds 3]

The other version is checked out of this repository into a temporary folder and run by the same interpreter.
Turn by turn, each with its data prepared before and an empty results folder:

- `wall_ratio_main_job`: wall time of `python -m sweeper -m aux_focal.lambda=0.05,0.1,0.2`, both versions at
  its present length of 800 steps and 3 confirmation seeds, this one over the other, median over rounds. The
  process that registers the best model afterwards is waited for before the next turn, and not counted.
- `resume_s`, `resume_s_before`: the same command again, which has nothing to train.
- `evaluation_share`, `evaluation_share_before`: of the CPU time of one of its runs, the share outside the
  optimizer's steps: evaluations, checkpoints, records. The run of the baseline's first seed again, by hand.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # a script has its own folder there instead

from benchmarks.peers import called, sweeper_command  # noqa: E402
from sweeper.executors.devices import THREADS  # noqa: E402

EQUAL = ("study.confirm_seeds=3",)
"""What an earlier version did by default: both are to train the same runs."""
LENGTH = ("trainer.max_steps=800", "aux_focal.warmup_steps=160")
"""Of the present main job; an earlier one trained 500 steps."""
WORDS = ("-m", "aux_focal.lambda=0.05,0.1,0.2", *LENGTH, *EQUAL, "study.name=main")
BEFORE = "93beed6"
"""The version that this one is compared with."""
MOST_S = 120.0
"""So long a model may take to be registered."""
TIMED_RUN = """
import json, runpy, sys, time
from sweeper.worker import solo, training

spent = {"whole": 0.0, "steps": 0.0}

def timed(owner, method, key):
    original = getattr(owner, method)
    def call(*arguments, **words):
        began = time.process_time()
        try:
            return original(*arguments, **words)
        finally:
            spent[key] += time.process_time() - began
    setattr(owner, method, call)

timed(solo.Solo, "train", "whole")
timed(training.Training, "advance", "steps")
sys.argv = ["sweeper.worker", sys.argv[1]]
try:
    runpy.run_module("sweeper.worker", run_name="__main__")
finally:
    print("\\n" + json.dumps(spent))
"""


def checked_out(revision: str, folder: Path) -> Path:
    """The files of a revision of this repository."""
    folder.mkdir()
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


def path_of(tree: Path) -> dict[str, str]:
    """The environment in which everything is imported from there."""
    return {"PYTHONPATH": f"{tree}:{tree / 'tasks'}"}


def wall_s(tree: Path, work: Path) -> float:
    """How long the command takes; its results stay in `work`."""
    shutil.rmtree(work / "results", ignore_errors=True)
    return resume_s(tree, work)


def resume_s(tree: Path, work: Path) -> float:
    """The same, beside the results that are there."""
    began = time.monotonic()
    called(sweeper_command(*WORDS), work, path_of(tree))
    ended = time.monotonic()
    while (work / "results" / "main" / "afterwards.log").exists() and time.monotonic() < ended + MOST_S:
        time.sleep(0.2)
    return ended - began


def evaluation_share(tree: Path, work: Path) -> float:
    """Of the study that was run last."""
    job = min((work / "results" / "main").rglob("job.json"))
    spec = json.loads(job.read_text())
    again = work / "again"
    shutil.rmtree(again, ignore_errors=True)
    again.mkdir()
    for member in spec["members"]:
        member["folder"] = str(again)
    (again / "job.json").write_text(json.dumps(spec))
    # as a study's worker is started: else an idle thread of a library spins, and counts as evaluation
    threads = dict.fromkeys(THREADS, str(spec["needs"]["n_threads"]))
    said = called([sys.executable, "-c", TIMED_RUN, str(again / "job.json")], work, path_of(tree) | threads)
    spent = json.loads(said.splitlines()[-1])
    return 1.0 - float(spent["steps"] / spent["whole"])


def main_job_figures(before: str, n_rounds: int) -> dict[str, Any]:
    """All keys, of this version beside the revision `before`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trees = {"now": ROOT, "before": checked_out(before, folder / "tree")}
        walls: dict[str, list[float]] = {name: [] for name in trees}
        resumes: dict[str, list[float]] = {name: [] for name in trees}
        shares: dict[str, list[float]] = {name: [] for name in trees}
        for name, tree in trees.items():
            (folder / name).mkdir()
            wall_s(tree, folder / name)  # prepares the data
        for _ in range(n_rounds):
            for name, tree in trees.items():
                walls[name].append(wall_s(tree, folder / name))
                resumes[name].append(resume_s(tree, folder / name))
                shares[name].append(evaluation_share(tree, folder / name))
    ratios = [now / before for now, before in zip(walls["now"], walls["before"], strict=True)]
    return {
        "wall_ratio_main_job": statistics.median(ratios),
        "wall_ratios": ratios,
        "wall_s": walls["now"],
        "wall_s_before": walls["before"],
        "resume_s": resumes["now"],
        "resume_s_before": resumes["before"],
        "evaluation_share": statistics.median(shares["now"]),
        "evaluation_share_before": statistics.median(shares["before"]),
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(json.dumps(main_job_figures(arguments.before, arguments.rounds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
