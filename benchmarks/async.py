"""How much sooner an asynchronous sweep is done than one that waits for the slowest of each batch.

    python benchmarks/async.py [--venvs FOLDER] [--steps 80] [--rounds 3]

Twelve ESMM runs whose budgets alternate 4 : 1, in that order, on 2 slots with one torch thread each: ours
with the local executor, then hydra-optuna-sweeper with the joblib launcher (n_jobs=2), in two versions,
really run on the same twelve jobs: its task function gives our job files to our worker's `run_job`, so that
both sides train the same models on the same data by the same code. Its trials are put into its study's queue
beforehand, which keeps their order.

A run's interval ends when its records are written, and is as long as the worker's own stopwatch says, which
runs from the first step to the last file. So imports and the first workers are left out on both sides, and
whatever a sweeper does between two runs counts.

- `speedup_vs_batch`: first start to last end of the faster peer over the same of ours. Trials of 4 and 1 on
  two slots take 6 batches of 4 = 24 one way and 30 / 2 = 15 the other: 1.6 at best.
- `idle_share`: the share of our slots' time, from the first start up to the last start, in which no run was
  training. (After the last start nothing waits, and a slot may be idle.)

The contenders take turns; a figure is the median, over rounds, of what it is within a round. `--steps` is the
short budget. `--venvs` keeps the peers' environments; without, they are temporary.
"""

import argparse
import csv
import json
import os
import statistics
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.peers import PEERS, ROOT, called, folder_name, import_path, python_of, sweeper_command
from sweeper.layout import RunFolder
from sweeper.trial import JobSpec

N_SLOTS = 2
N_RUNS = 12
RATIO = 4
FEWER_ROWS = ("data.n_val=20000", "data.n_test=20000")
"""So that a run's time is that of its steps."""


@dataclass(frozen=True)
class Interval:
    """When a run trained, in seconds since the epoch."""

    start: float
    end: float


def budgets(short: int) -> list[int]:
    """Steps of the runs, long and short in turn, all distinct so that they are distinct trials."""
    pairs = [(RATIO * short + RATIO * n, short + n) for n in range(N_RUNS // 2)]
    return [steps for pair in pairs for steps in pair]


def interval_of(run: RunFolder, seconds: float) -> Interval:
    """The interval of a run that trained for `seconds`, by the time of its records."""
    end = run.records.stat().st_mtime
    return Interval(end - seconds, end)


def span(intervals: Sequence[Interval]) -> float:
    """Seconds from the first start to the last end."""
    return max(run.end for run in intervals) - min(run.start for run in intervals)


def idle_share(intervals: Sequence[Interval], n_slots: int) -> float:
    """The share of slot time between the first start and the last in which nothing trained."""
    first, last = min(run.start for run in intervals), max(run.start for run in intervals)
    busy = sum(min(run.end, last) - run.start for run in intervals)
    return 1 - busy / (n_slots * (last - first))


def ours(folder: Path, steps: Sequence[int]) -> tuple[list[Interval], list[JobSpec]]:
    """Our side, and the jobs that it ran. The baseline is the first run, with the preset's steps."""
    first, *swept = map(str, steps)
    sweep = (f"data.preset.max_steps={first}", f"trainer.max_steps={','.join(swept)}", "study.baseline=[]")
    fixed = ("task=esmm", "trainer.eval_every=1000000", "tracking=none", *FEWER_ROWS)
    study = ("study.name=esmm", "study.n_seeds=1", "study.confirm_seeds=0")
    slots = ("executor=local", "executor.devices=cpu", f"executor.n_slots={N_SLOTS}", "executor.n_threads=1")
    called(sweeper_command("-m", *sweep, *fixed, *study, *slots), folder, import_path())
    results = folder / "results" / "esmm"
    with (results / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    runs = [(RunFolder(results / row["folder"]), float(row["seconds"])) for row in rows]
    jobs = [JobSpec.model_validate_json(run.job.read_text()) for run, _ in runs]
    placed = [job.model_copy(update={"prepared": str(folder / job.prepared)}) for job in jobs]
    return [interval_of(run, seconds) for run, seconds in runs], placed


def theirs(python: Path, folder: Path, steps: Sequence[int], jobs: Sequence[JobSpec]) -> list[Interval]:
    """A peer's side, on the same jobs with folders of its own."""
    runs = []
    for n, job in zip(steps, jobs, strict=True):
        run = RunFolder(folder / f"{n}")
        member = job.members[0].model_copy(update={"folder": str(run.path)})
        (folder / f"{n}.json").write_text(job.model_copy(update={"members": (member,)}).model_dump_json())
        runs.append(run)
    app = ROOT / "benchmarks" / "peer_esmm"
    installed = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tasks"), *installed])
    called([str(python), str(app / "enqueue.py"), *map(str, steps)], folder, {})
    called([str(python), str(app / "app.py"), "-m"], folder, {"ESMM_JOBS": str(folder), "ESMM_PATH": path})
    return [interval_of(run, float((run.path / "seconds.txt").read_text())) for run in runs]


def measure(short: int, venvs: Path, work: Path) -> dict[str, list[Interval]]:
    """The intervals of all runs by who ran them, ours first."""
    steps, environments = budgets(short), {peer: python_of(peer, venvs) for peer in PEERS}
    found = {}
    (work / "ours").mkdir()
    found["ours"], jobs = ours(work / "ours", steps)
    for peer, python in environments.items():
        folder = work / folder_name(peer)
        folder.mkdir()
        found[peer.name] = theirs(python, folder, steps, jobs)
    return found


def in_turns(short: int, n_rounds: int, venvs: Path, work: Path) -> list[dict[str, list[Interval]]]:
    """What `measure` finds in each of the rounds, in which all contenders have their turn."""
    rounds = []
    for turn in range(n_rounds):
        (work / f"{turn}").mkdir()
        rounds.append(measure(short, venvs, work / f"{turn}"))
        for name, intervals in rounds[-1].items():
            print(f"round {turn + 1}: {described(name, intervals)}", flush=True)
    return rounds


def described(name: str, intervals: Sequence[Interval]) -> str:
    """One line about a contender's runs."""
    trained, idle = sum(run.end - run.start for run in intervals), idle_share(intervals, N_SLOTS)
    return f"{name:44s} {span(intervals):6.1f} s, of training {trained:6.1f} s, idle share {idle:.3f}"


def figures(found: dict[str, list[Interval]]) -> dict[str, float]:
    """The keys of the last line, of one round."""
    spans = {name: span(intervals) for name, intervals in found.items()}
    return {
        "speedup_vs_batch": min(s for name, s in spans.items() if name != "ours") / spans["ours"],
        "idle_share": idle_share(found["ours"], N_SLOTS),
    }


def main() -> None:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venvs", type=Path, help="folder of the peers' environments, kept")
    parser.add_argument("--steps", type=int, default=80, help="optimizer steps of a short run")
    parser.add_argument("--rounds", type=int, default=3, help="times that each contender has its turn")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        venvs = (arguments.venvs or work / "venvs").resolve()
        rounds = [figures(found) for found in in_turns(arguments.steps, arguments.rounds, venvs, work)]
    print(json.dumps({key: round(statistics.median(one[key] for one in rounds), 4) for key in rounds[0]}))


if __name__ == "__main__":
    main()
