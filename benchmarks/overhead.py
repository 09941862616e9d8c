"""What a sweep costs beside training: the mean time from one run's start to the next, where runs do nothing.

    python benchmarks/overhead.py [--venvs FOLDER] [--rounds 3] [--runs 100] [--trials 2000] [--pairs 3]
        [--points 10000]

- `ms_per_run_untracked`, `ms_per_run_mlflow`: ours with tracking=none, and with MLflow's embedded store; all
  files of all runs are written in both.
- `ms_per_run_page`, `page_ratio` and the other keys that begin with `page_`: what report.html costs that is
  kept up to date while runs train, as it is by default, in `--pairs` sweeps of 1,000 runs; see `page.py`. In
  the others it is written at the end alone (study.page_every_s=null).
- `ratio_to_peer`: ours untracked over the better of two versions of hydra-optuna-sweeper, which do not track.
- `ask_tell_growth`: asking for a trial and telling its result when the study has 2,000, over the same when it
  has 20, through our TrialBook and Storage, with a random sampler. `ask_tell_growth_tpe`: with TPE, whose own
  arithmetic grows with the trials that it has seen, whoever stores them.
- `per_run_growth`, `per_run_growth_cpu`, `first_start_s_10000`, `parent_mib_10000`: one sweep over a grid of
  `--points`, some six minutes of it; 0 leaves it out, fewer points try it. See `grid.py`.

Alike on both sides: 100 runs of distinct trials, 2 slots (n_jobs=2), SQLite storage, TPE on x in [0, 1], one
machine, turn by turn. A run starts at the first line of the user's own code in the process that is to train:
the task's constructor here, the task function there; it appends the time to a file. The time is
(last - first) / (n - 1): what comes before the first start (imports, first workers) and after the last (the
report) is left out on both sides and shown beside it. A figure is the median, over rounds, of what it is
within a round. What is not alike: ours trains one step of a model, checkpoints and evaluates it and writes
all its files; theirs returns a number.

MLflow is logged by a thread that may lag behind runs as short as these. So `ms_per_run_mlflow_logged` adds
the lag: the time from the last start until the process ends, beyond what that takes untracked, over all runs.

`--venvs` keeps the peers' environments; without, they are made in a temporary folder.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.grid import N_POINTS, grid_figures
from benchmarks.noop_sweeps import Timing, described, ours, theirs
from benchmarks.page import page_figures
from benchmarks.peers import PEERS, Peer, python_of
from sweeper.results import TrialResult
from sweeper.search import SamplerFactory, TrialBook
from sweeper.storage import open_storage
from sweeper.trial import TrialSpec

UNTRACKED, MLFLOW = "ours, untracked", "ours, MLflow"
PAGE_RUNS = 1000
SMALL, WINDOW = 20, 20
"""The small study's size, and the asks that a cost is the median of."""


Timings = dict[str, Timing]


def in_turns(contenders: dict[str, Callable[[Path], Timing]], n_rounds: int, work: Path) -> list[Timings]:
    """The timings of each round, in which all contenders have their turn, each in a fresh folder."""
    rounds: list[Timings] = []
    for turn in range(n_rounds):
        rounds.append({})
        for index, (name, run) in enumerate(contenders.items()):
            folder = work / f"{turn}-{index}"
            folder.mkdir()
            rounds[-1][name] = run(folder)
            print(f"round {turn + 1}: {described(name, rounds[-1][name])}", flush=True)
    return rounds


def ask_tell_ms(folder: Path, sizes: Sequence[int], sampler: SamplerFactory) -> dict[int, float]:
    """Milliseconds of ask + tell by the study's size: the median over `WINDOW` of them from that size on."""
    found: dict[int, float] = {}
    with open_storage(f"sqlite:///{folder}/studies.db", "growth", "benchmark") as storage:
        study = storage.optuna_study(["minimize"])
        for size in sorted(sizes):
            study.add_trials([_finished(n) for n in range(len(study.get_trials(deepcopy=False)), size)])
            book = TrialBook(study)
            found[size] = statistics.median(_ask_and_tell(book, sampler) for _ in range(WINDOW))
    return found


def random_sampler(number: int) -> optuna.samplers.BaseSampler:
    """Optuna's random sampler, as a study makes it for each trial."""
    return optuna.samplers.RandomSampler(seed=number)


def tpe_sampler(number: int) -> optuna.samplers.BaseSampler:
    """The default sampler, likewise."""
    return optuna.samplers.TPESampler(seed=number)


def growth(folder: Path, size: int, sampler: SamplerFactory) -> float:
    """Ask + tell in a study of `size` trials over the same in one of 20."""
    folder.mkdir()
    ms = ask_tell_ms(folder, (SMALL, size), sampler)
    print(f"ask + tell: {ms[SMALL]:.1f} ms at {SMALL} trials, {ms[size]:.1f} ms at {size} ({folder.name})")
    return ms[size] / ms[SMALL]


def _ask_and_tell(book: TrialBook, sampler: SamplerFactory) -> float:
    began = time.perf_counter()
    spec = book.suggest(
        sampler,
        lambda trial: {"loss.x": trial.suggest_float("loss.x", 0, 1)},
        lambda number, params: _spec(number, params["loss.x"]),
    )
    x = float(spec.params["loss.x"])  # type: ignore[arg-type]  # as suggested
    book.tell(TrialResult(spec, "COMPLETE", None, {}), [(x - 0.3) ** 2])
    return 1000 * (time.perf_counter() - began)


def _finished(number: int) -> optuna.trial.FrozenTrial:
    """A trial as one that was asked for and told would be, far cheaper."""
    x = (number * 0.618034) % 1
    spec = _spec(number + 1, x)
    return optuna.trial.create_trial(
        value=(x - 0.3) ** 2,
        params={"loss.x": x},
        distributions={"loss.x": optuna.distributions.FloatDistribution(0, 1)},
        user_attrs={"spec": spec.model_dump_json()},
    )


def _spec(number: int, x: float) -> TrialSpec:
    return TrialSpec(
        number=number,
        name=f"x={x:g}",
        role="candidate",
        prunable=True,
        params={"loss.x": x},
        overrides=(f"loss.x={x}",),
        config={"loss": {"x": x}, "filler": "as long as a configuration is. " * 60},
        fingerprint=f"{number:032d}",
        max_steps=1,
    )


def figures(timings: Timings) -> dict[str, float]:
    """The keys of the last line that come from one round."""
    untracked, mlflow = timings[UNTRACKED], timings[MLFLOW]
    better = min(t.ms_per_run for name, t in timings.items() if name not in (UNTRACKED, MLFLOW))
    lag_ms = 1000 * max(0.0, mlflow.tail_s - untracked.tail_s)
    return {
        "ms_per_run_mlflow": mlflow.ms_per_run,
        "ms_per_run_untracked": untracked.ms_per_run,
        "ratio_to_peer": untracked.ms_per_run / better,
        "ms_per_run_mlflow_logged": mlflow.ms_per_run + lag_ms / (mlflow.n_runs - 1),
    }


def contenders_of(arguments: argparse.Namespace, venvs: Path) -> dict[str, Callable[[Path], Timing]]:
    """Who takes turns, by name."""
    n_runs, executor = arguments.runs, arguments.executor.split()

    def peer(one: Peer) -> Callable[[Path], Timing]:
        python = python_of(one, venvs)
        return lambda folder: theirs(python, folder, n_runs)

    return {
        UNTRACKED: lambda folder: ours(folder, n_runs, "none", executor),
        MLFLOW: lambda folder: ours(folder, n_runs, "mlflow", executor),
        **{one.name: peer(one) for one in PEERS},
    }


def main() -> None:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venvs", type=Path, help="folder of the peers' environments, kept")
    parser.add_argument("--rounds", type=int, default=3, help="times that each contender has its turn")
    parser.add_argument("--runs", type=int, default=100, help="runs of a sweep")
    parser.add_argument("--pairs", type=int, default=3, help="of sweeps with a page and without")
    parser.add_argument("--trials", type=int, default=2000, help="size of the large study of ask_tell_growth")
    parser.add_argument("--points", type=int, default=N_POINTS, help="of the grid; 0: without it")
    local = "executor=local executor.devices=cpu executor.n_slots=2"
    parser.add_argument("--executor", default=local, help="our executor's overrides")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        venvs = (arguments.venvs or work / "venvs").resolve()
        grown = {
            "ask_tell_growth": growth(work / "random", arguments.trials, random_sampler),
            "ask_tell_growth_tpe": growth(work / "tpe", arguments.trials, tpe_sampler),
        }
        rounds = [figures(one) for one in in_turns(contenders_of(arguments, venvs), arguments.rounds, work)]
        (work / "page").mkdir()
        of_page = page_figures(arguments.pairs, PAGE_RUNS, arguments.executor.split(), work / "page")
        (work / "grid").mkdir()
        of_grid = (
            grid_figures(arguments.points, arguments.executor.split(), work / "grid")
            if arguments.points
            else {}
        )
    found = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]} | of_page | of_grid
    print(json.dumps({key: round(value, 3) for key, value in {**found, **grown}.items()}))


if __name__ == "__main__":
    main()
