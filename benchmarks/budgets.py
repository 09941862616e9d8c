"""Whether the embedded presets train long enough: which step's model a baseline keeps, of how many.

    python benchmarks/budgets.py [--tasks esmm,diagnosis] [--seeds 0,1,2] [trainer.max_steps=900 ...]

Each run is `python -m sweeper task=... <the task's baseline> seed=...`, one after the other, on the embedded
data: about half an hour on an idle CPU. Words with `=` go to every run, to try another budget. A kept step
that is the last one says that the model was still improving, the first one that it never did; inside is what
a preset is for: a candidate that is slower is then told from one that is worse.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
TASKS = ("esmm", "diagnosis", "captcha", "sentiment", "segmentation")
EVALUATION = re.compile(r"^step (\d+): val/\S+ (\S+) \(", re.MULTILINE)
KEPT = re.compile(r"^best step (\d+), ", re.MULTILINE)


class Budget(NamedTuple):
    """One run: its evaluations in order (step, value on validation), and which of them is kept."""

    task: str
    seed: int
    evaluations: list[tuple[int, float]]
    kept: int
    seconds: float

    @property
    def verdict(self) -> str:
        """`first`, `last` or `inside`; `only` where there is a single evaluation."""
        steps = [step for step, _ in self.evaluations]
        ends = {steps[0]: "first", steps[-1]: "last"}
        return "only" if len(steps) == 1 else ends.get(self.kept, "inside")


def budget_of(task: str, seed: int, printed: str, seconds: float = 0.0) -> Budget:
    """What a run without `-m` printed, read. Raises ValueError where it did not end."""
    kept = KEPT.search(printed)
    if kept is None:
        raise ValueError(f"{task}, seed {seed}: the run did not end:\n{printed}")
    evaluations = [(int(step), float(value)) for step, value in EVALUATION.findall(printed)]
    return Budget(task, seed, evaluations, int(kept[1]), seconds)


def lines_of(budgets: list[Budget]) -> list[str]:
    """A Markdown table with a row a run."""
    rows = [
        "| task | seed | kept step | last step | | validation, by evaluation | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in budgets:
        values = " ".join(f"{value:.3f}" for _, value in run.evaluations)
        steps = f"{run.kept} | {run.evaluations[-1][0]}"
        rows.append(f"| {run.task} | {run.seed} | {steps} | {run.verdict} | {values} | {run.seconds:.0f} |")
    return rows


def measure(task: str, seed: int, words: list[str]) -> Budget:
    """Train the task's baseline on one seed. Raises ValueError where the run fails."""
    section = yaml.safe_load((ROOT / "conf" / "task" / f"{task}.yaml").read_text())["task"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tasks"), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sweeper", f"task={task}", *section["baseline"], f"seed={seed}"]
        command += [f"study.results_dir={folder}", *words]
        began = time.monotonic()
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths}
        )
    return budget_of(task, seed, run.stdout + run.stderr, time.monotonic() - began)


def main() -> int:
    """Run, print as they end, and say with the exit code whether every kept step lies inside."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=TASKS)
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=(0, 1, 2))
    parser.add_argument("words", nargs="*", help="overrides for every run")
    arguments = parser.parse_args()
    print("\n".join(lines_of([])), flush=True)
    budgets = []
    for task in arguments.tasks:
        for seed in arguments.seeds:
            budgets.append(measure(task, seed, arguments.words))
            print(lines_of(budgets[-1:])[-1], flush=True)
    return int(any(run.verdict != "inside" for run in budgets))


if __name__ == "__main__":
    sys.exit(main())
