"""What a verdict costs, in steps trained, in time and in pairs of runs.

    python benchmarks/verdict_cost.py [--rounds 3] [--slots 1] [--seeds 1] [--studies 1000]

One JSON line last, with machine and date; the keys of `main_job.py` and `sequential.py` are in it, too (with
`--studies 0` those of the grid alone). A round takes up to ten minutes of two cores.

The documented seven-run grid of `esmm`, each round with `study.share=auto` and with `off`, turn by turn:

- `steps_ratio_grid`: steps trained over steps asked for, as the study's own summary counts them;
  `steps_ratio_optimum`: the fewest steps in which the runs' configurations can be trained, over the same.
- `wall_ratio_grid`: the wall time of the whole command with sharing over that without, median over rounds.
- `is_equal`: whether metrics and curves of all runs agree to the last bit.

Alike in both: data prepared before, an empty results folder, no confirmation, no tracking, the same slots.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.main_job import BEFORE, main_job_figures
from benchmarks.peers import called, import_path, sweeper_command
from benchmarks.sequential import sequential_figures

GRID = ("-m", "sweep=esmm_aux_focal", "study.name=grid", "study.confirm_seeds=0", "tracking=none")
SHARES = ("auto", "off")
NOT_LEARNED = frozenset({"seconds", "steps_trained", "steps_inherited", "attempt", "device"})
PLAN = "steps: "
"""How the line of a dry run begins that says how many steps the tree of runs needs."""


@dataclass(frozen=True)
class Ran:
    """One command: its wall time, what its summary counts, what its runs came to."""

    wall_s: float
    totals: dict[str, Any]
    came_to: list[Any]

    @property
    def asked(self) -> int:
        """The steps of all runs, whoever trained them."""
        return int(self.totals["steps_trained"] + self.totals["steps_inherited"])


def ran(words: Sequence[str], share: str, work: Path, folder: Path) -> Ran:
    """Run the grid with its results in `folder`."""
    places = (f"study.results_dir={folder}", f"data.cache_dir={work / 'cache'}", f"study.share={share}")
    began = time.monotonic()
    called(sweeper_command(*words, *places), work, import_path())
    wall_s = time.monotonic() - began
    study = folder / "grid"
    return Ran(wall_s, json.loads((study / "summary.json").read_text())["totals"], came_to(study))


def came_to(study: Path) -> list[Any]:
    """All figures of all runs, and their curves, but for who trained which step, and how fast."""
    with (study / "trials.csv").open() as file:
        rows = [{k: v for k, v in row.items() if k not in NOT_LEARNED} for row in csv.DictReader(file)]
    curves = [
        [without_mark(json.loads(line)) for line in path.read_text().splitlines()]
        for path in sorted(study.glob("trials/*/*/metrics.jsonl"))
    ]
    return [rows, curves]


def without_mark(row: dict[str, Any]) -> dict[str, Any]:
    """An evaluation, whoever has trained for it."""
    return {key: value for key, value in row.items() if key != "inherited"}


def optimum(printed: str) -> float:
    """What a dry run says of the tree: steps that have to be trained over all steps."""
    line = next(line for line in printed.splitlines() if line.startswith(PLAN))
    needed, asked = (int(word.replace(",", "")) for word in line.split()[1:4:2])
    return needed / asked


def figures(rounds: Sequence[dict[str, Ran]], best: float) -> dict[str, Any]:
    """The keys, from the commands of each round by `study.share`."""
    shared = rounds[0]["auto"]
    return {
        "steps_ratio_grid": round(shared.totals["steps_trained"] / shared.asked, 4),
        "steps_ratio_optimum": round(best, 4),
        "wall_ratio_grid": round(statistics.median(r["auto"].wall_s / r["off"].wall_s for r in rounds), 3),
        "is_equal": all(r["auto"].came_to == r["off"].came_to for r in rounds),
    }


def machine() -> str:
    """Kind and number of the processors."""
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one JSON line last."""
    parser = argparse.ArgumentParser(description="What a verdict costs, in steps, time and pairs.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--studies", type=int, default=1000, help="simulated, a setting; 0: the grid alone")
    parser.add_argument("--words", nargs="*", default=[], help="further overrides, as for a quick look")
    given = parser.parse_args(arguments)
    size = (f"executor.n_slots={given.slots}", "executor.n_threads=1", f"study.n_seeds={given.seeds}")
    words = (*GRID, *size, *given.words)
    rounds: list[dict[str, Ran]] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cache = (
            f"study.results_dir={work / 'plan'}",
            f"data.cache_dir={work / 'cache'}",
            "study.dry_run=true",
        )
        best = optimum(called(sweeper_command(*words, *cache), work, import_path()))
        for turn in range(given.rounds):
            order = SHARES if turn % 2 else SHARES[::-1]  # neither is always the first
            rounds.append({share: ran(words, share, work, work / f"{turn}-{share}") for share in order})
            said = ", ".join(f"share={share} {one.wall_s:.1f} s" for share, one in rounds[-1].items())
            print(f"round {turn + 1}: {said}", flush=True)
    found = figures(rounds, best)
    if given.studies:
        found |= main_job_figures(BEFORE, given.rounds) | sequential_figures(given.studies)
    print(json.dumps(found | {"machine": machine(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
