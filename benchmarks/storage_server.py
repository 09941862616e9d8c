"""What a run costs where the study is on PostgreSQL: the time from one run's start to the next.

    python benchmarks/storage_server.py [--rounds 3] [--runs 80]

A study of 80 runs that do nothing, on two local slots, untracked: on a throw-away PostgreSQL on loopback, and
on SQLite, turn by turn. The time is as in `benchmarks/overhead.py`: (last start - first start) / (n - 1).

- `ms_per_run_postgres`, `ms_per_run_sqlite`: the medians over the rounds.
- `ratio_to_sqlite`: the median, over rounds, of their ratio within a round.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.noop_sweeps import ours
from tests.cluster.postgres import Server, missing, postgres

LOCAL = ("executor=local", "executor.devices=cpu", "executor.n_slots=2")


def ms_per_run_postgres(n_runs: int = 80) -> float:
    """Milliseconds a run of a study on a PostgreSQL of its own. Raises RuntimeError where there is none."""
    if problem := missing():
        raise RuntimeError(problem)
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        return _ms(Path(folder), n_runs, server.url)


def rounds(n_rounds: int, n_runs: int) -> list[tuple[float, float]]:
    """Milliseconds a run on PostgreSQL and on SQLite, in each round."""
    found = []
    with postgres() as server, tempfile.TemporaryDirectory() as work:
        for turn in range(n_rounds):
            found.append(_round(Path(work) / str(turn), server, f"round{turn}", n_runs))
            print(f"round {turn + 1}: {found[-1][0]:.1f} ms on PostgreSQL, {found[-1][1]:.1f} ms on SQLite")
    return found


def _round(folder: Path, server: Server, database: str, n_runs: int) -> tuple[float, float]:
    on_server = _ms(folder / "postgres", n_runs, server.create(database))
    return on_server, _ms(folder / "sqlite", n_runs, None)


def _ms(folder: Path, n_runs: int, url: str | None) -> float:
    folder.mkdir(parents=True, exist_ok=True)
    words = LOCAL if url is None else (*LOCAL, f"study.storage={url}")
    try:
        return ours(folder, n_runs, "none", words).ms_per_run
    finally:
        shutil.rmtree(folder / "results", ignore_errors=True)


def main() -> None:
    """Measure, print the rounds and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that each has its turn")
    parser.add_argument("--runs", type=int, default=80, help="runs of a study")
    arguments = parser.parse_args()
    if problem := missing():
        sys.exit(problem)
    found = rounds(arguments.rounds, arguments.runs)
    figures = {
        "ms_per_run_postgres": statistics.median(one for one, _ in found),
        "ms_per_run_sqlite": statistics.median(other for _, other in found),
        "ratio_to_sqlite": statistics.median(one / other for one, other in found),
    }
    print(json.dumps({key: round(value, 3) for key, value in figures.items()}))


if __name__ == "__main__":
    main()
