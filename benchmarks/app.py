"""A sweep of an unchanged Hydra app: ours against hydra-optuna-sweeper, and what we cost between two runs.

    python benchmarks/app.py [--venvs FOLDER] [--rounds 3]

- `ratio_to_peer`: sixteen runs that take 2 s and 0.5 s in turn, two at a time: the time from the first run's
  first line to the last run's last one, a process a run, over the same of hydra-optuna-sweeper 1.4.0rc3 with
  the joblib launcher (n_jobs=2), which waits for the slower of two. `ratio_to_peer_prefork` the same with
  `app.prefork=true`. The peer imports the app once a process; we start a process for each run.
- `ms_per_run_app_overhead`: one slot, runs that do nothing: from a run's end until the next run's process is
  made, the mean over runs. A run's end is its last word plus what its interpreter takes to leave after that
  when it runs alone, measured beside: the app's start and its end are its own.

The contenders take turns; a figure is the median, over rounds, of what it is within a round. `--venvs` keeps
the peer's environment; without, it is temporary.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.peers import PEERS, ROOT, called, import_path, python_of

APP = ROOT / "benchmarks" / "hydra_app"
PEER = PEERS[-1]
N_RUNS = 16
N_IDLE = 30
N_ALONE = 10
SLOTS = ("hydra.sweeper.executor.devices=cpu", "hydra.sweeper.executor.n_slots=2")
OURS = (
    *("hydra.sweeper.study.n_seeds=1", "hydra.sweeper.study.confirm_seeds=0"),
    *("hydra/sweeper/tracking=none", "hydra.sweeper.study.grace_s=5"),
)


def theirs(python: Path, folder: Path) -> list[str]:
    """The command of the peer's side."""
    return [str(python), "train.py", "-m", f"hydra.sweeper.n_trials={N_RUNS}", "hydra/launcher=joblib"]


def ours(n_runs: int, *words: str) -> list[str]:
    """The command of our side; the baseline is one of the runs."""
    return [sys.executable, "train.py", "-m", f"hydra.sweeper.n_trials={n_runs - 1}", *OURS, *words]


def ran(command: Sequence[str], folder: Path, durations: str) -> list[tuple[str, float]]:
    """What all runs of a command said, in order: (kind, time)."""
    folder.mkdir()
    for name in ("train.py", "config.yaml"):
        shutil.copy(APP / name, folder)
    said = folder / "runs.txt"
    environment = {"RUNS": str(said), "TURNS": str(folder / "turns.txt"), "DURATIONS": durations}
    own = import_path() if command[0] == sys.executable else {}
    called(command, folder, environment | own)
    lines = (line.split() for line in said.read_text().splitlines())
    return [(kind, float(at)) for kind, at in lines]


def span(said: Sequence[tuple[str, float]]) -> float:
    """Seconds from the first run's first line to the last run's last one."""
    starts, ends = ([at for kind, at in said if kind == wanted] for wanted in ("start", "end"))
    if len(ends) != N_RUNS:
        raise RuntimeError(f"got {len(ends)} runs; expected {N_RUNS}")
    return max(ends) - min(starts)


def gap_ms(said: Sequence[tuple[str, float]]) -> float:
    """Milliseconds from the end of a run to the process of the next one, the mean; of runs one by one.

    The process that was made first, and left last, is the sweeper's own: it is the same script.
    """
    made = sorted(at for kind, at in said if kind == "made")[1:]
    left = sorted(at for kind, at in said if kind == "left")[:-1]
    gaps = [after - before for before, after in zip(left, made[1:], strict=False)]
    return 1000 * statistics.mean(gaps)


def leaving_ms(folder: Path) -> float:
    """Milliseconds from the app's last word to the end of its process, without any sweeper; the median."""
    found = []
    for n in range(N_ALONE):
        said = ran([sys.executable, "train.py", "hydra.run.dir=out"], folder / str(n), "0")
        found.append(1000 * (time.time() - said[-1][1]))
    return statistics.median(found)


def main() -> None:
    """Measure, print a line a contender and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venvs", type=Path, help="folder of the peer's environment, kept")
    parser.add_argument("--rounds", type=int, default=3, help="times that each contender has its turn")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        python = python_of(PEER, (arguments.venvs or work / "venvs").resolve())
        prefork = "hydra.sweeper.app.prefork=true"
        commands: dict[str, Callable[[Path], list[str]]] = {
            PEER.name: lambda folder: theirs(python, folder),
            "ours": lambda folder: ours(N_RUNS, *SLOTS),
            "ours, prefork": lambda folder: ours(N_RUNS, *SLOTS, prefork),
        }
        found: list[dict[str, float]] = []
        for turn in range(arguments.rounds):
            spans = {}
            for index, (name, command) in enumerate(commands.items()):
                folder = work / f"{turn}-{index}"
                spans[name] = span(ran(command(folder), folder, "2,0.5"))
                print(f"round {turn + 1}: {name:44s} {spans[name]:6.2f} s for {N_RUNS} runs", flush=True)
            one_slot = ("hydra.sweeper.n_jobs=1", SLOTS[0], "hydra.sweeper.executor.n_slots=1")
            (work / f"{turn}-alone").mkdir()
            own = leaving_ms(work / f"{turn}-alone")
            idle = gap_ms(ran(ours(N_IDLE, *one_slot), work / f"{turn}-idle", "0")) - own
            print(f"round {turn + 1}: {'ours, between two runs':44s} {idle:6.1f} ms", flush=True)
            found.append(
                {
                    "ratio_to_peer": spans["ours"] / spans[PEER.name],
                    "ratio_to_peer_prefork": spans["ours, prefork"] / spans[PEER.name],
                    "ms_per_run_app_overhead": idle,
                }
            )
    figures = {key: statistics.median(one[key] for one in found) for key in found[0]}
    print(json.dumps({key: round(value, 3) for key, value in figures.items()} | {"n_cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
