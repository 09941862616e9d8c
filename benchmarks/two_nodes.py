"""A study on a throw-away SLURM of two nodes, one of which is killed on the way and comes back.

    python benchmarks/two_nodes.py [--after 8] [--away 20] -- task=diagnosis data=diagnosis/breast_cancer ...

The words after `--` are those of `python -m sweeper -m`. `--after`: the node dies when so many runs are
complete, and is back `--away` seconds later. Prints what the study prints, and when the node died.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from tests.cluster.slurm import Slurm, running_slurm, why_no_slurm

NODE = "n2"
WORDS = (
    "executor=slurm",
    "executor.agents=2",
    "executor.host=127.0.0.1",
    "executor.sbatch=[--cpus-per-task=2]",
)


def main() -> int:
    """Run from the command line; the study's exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--after", type=int, default=8)
    parser.add_argument("--away", type=float, default=20.0)
    parser.add_argument("words", nargs="+")
    given = parser.parse_args()
    if problem := why_no_slurm():
        print(problem, file=sys.stderr)
        return 2
    with running_slurm() as slurm:
        return _run(slurm, given.words, given.after, given.away)


def _run(slurm: Slurm, words: Sequence[str], n_before: int, away_s: float) -> int:
    """Each node has two CPUs and an agent wants both, so each agent has a node."""
    study = subprocess.Popen(
        [sys.executable, "-m", "sweeper", "-m", *WORDS, *words],
        env={**os.environ, **slurm.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert study.stdout is not None
    n_complete, died_at, is_back = 0, 0.0, False
    for line in study.stdout:
        print(line, end="", flush=True)
        n_complete += line.startswith("[")
        if n_complete == n_before and not died_at:
            slurm.kill_node(NODE)
            died_at = time.monotonic()
            print(f"--- node {NODE} killed after {n_complete} runs", flush=True)
        if died_at and not is_back and time.monotonic() - died_at > away_s:
            slurm.nodes[NODE].start()
            is_back = True
            print(f"--- node {NODE} is back", flush=True)
    return study.wait()


if __name__ == "__main__":
    sys.exit(main())
