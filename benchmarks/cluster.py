"""What becomes of studies on clusters when parts of those die, and what a run costs there.

    python benchmarks/cluster.py [--engines slurm,ray] [--only faults,overhead] [--runs 80] [--long]

On throw-away clusters of this machine, as tests/cluster starts them: a SLURM and a Ray of two nodes. Prints a
row for each fault: what was done, what happened, and after how many seconds; then one JSON line.

- `lost`: runs that did not end with the bits of a study that ran undisturbed on slots of this machine.
  `doubled`: runs that two workers trained. `orphans`: agents, workers or entries of a queue that stayed.
- `s_to_resume_after_node_loss`: the longest, over the engines, from the death of a node until each run that
  trained then has been evaluated again.
- `ms_per_run_slurm`, `ms_per_run_ray`, `ms_per_run_here`: as in benchmarks/overhead.py, the mean time from
  one run's start to the next of runs that do nothing, on two slots. `ratio_slurm`, `ratio_ray`: over that of
  two slots of this machine, measured just before. `ms_per_run_postgres`: two slots of this machine and
  PostgreSQL.

`--long` adds the faults that take minutes: a time limit, the loss of Ray's head. An engine that cannot be
started is left out, and that is said.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.noop_sweeps import STARTS, Timing, ours
from tests.cluster.engines import Engine, OnRay, OnSlurm
from tests.cluster.faults import FAULTS, LONG, OWN_FAULTS, STUDY, Outcome, OwnFault, scene
from tests.cluster.ray import running_ray, why_no_ray
from tests.cluster.slurm import running_slurm, why_no_slurm
from tests.faults.harness import MARK, FaultStudy

ENGINES: dict[str, Callable[[], str]] = {"slurm": why_no_slurm, "ray": why_no_ray}
LOCAL = ("executor.devices=cpu", "executor.n_slots=2", "executor.n_threads=1")
ROW = "{:<8}{:<24}{:>8}  {:<70}{:>5}{:>8}{:>8}"


@contextmanager
def running(name: str) -> Iterator[Engine]:
    """The engine, for as long as this lasts."""
    if name == "slurm":
        with running_slurm() as slurm:
            yield OnSlurm(slurm)
    else:
        with running_ray() as ray:
            yield OnRay(ray)


def played(engine: Engine, work: Path, reference: FaultStudy, *, is_long: bool) -> list[Outcome]:
    """What came of each fault, one after the other."""
    own = OWN_FAULTS[engine.name]
    faults = {name: OwnFault(fault) for name, fault in FAULTS.items()} | own
    outcomes = []
    for name, fault in faults.items():
        if name in LONG and not is_long:
            continue
        folder = work / f"{engine.name}-{name.replace(' ', '-')}"
        folder.mkdir()
        engine.heal()
        with scene(engine, folder, reference, *fault.words) as begun:
            outcomes.append(fault.play(begun))
        print(row(engine.name, outcomes[-1]), flush=True)
    return outcomes


def row(engine: str, outcome: Outcome) -> str:
    """A line of the table."""
    counts = (outcome.lost, outcome.doubled, outcome.orphans)
    return ROW.format(engine, outcome.fault, f"{outcome.seconds:.1f} s", outcome.happened, *counts)


def on_engine(engine: Engine, folder: Path, n_runs: int) -> Timing:
    """Runs that do nothing, on two agents."""
    engine.heal()
    folder.mkdir()
    words = [word for word in engine.words if not word.startswith(("~", "executor.environment"))]
    words += [f"executor.environment=[{STARTS},{MARK}]", "executor.n_threads=1"]
    with patch.dict("os.environ", {**engine.environment, MARK: "benchmark"}):
        return ours(folder, n_runs, "none", words)


def overhead(engines: Sequence[Engine], work: Path, n_runs: int) -> dict[str, float]:
    """Milliseconds a run, by key."""
    found: dict[str, float] = {}
    (work / "here").mkdir()
    timings = {"here": ours(work / "here", n_runs, "none", LOCAL)}
    timings |= {engine.name: on_engine(engine, work / f"noop-{engine.name}", n_runs) for engine in engines}
    for name, timing in timings.items():
        first = f"first start after {timing.startup_s:.1f} s"
        print(f"{name:<8}{timing.ms_per_run:8.1f} ms a run ({timing.n_runs} runs; {first})", flush=True)
        found[f"ms_per_run_{name}"] = round(timing.ms_per_run, 1)
        if name != "here":
            found[f"ratio_{name}"] = round(timing.ms_per_run / timings["here"].ms_per_run, 2)
    return found


def on_postgres() -> dict[str, float]:
    """Milliseconds a run where the study is in PostgreSQL; nothing where there is none."""
    try:
        from benchmarks.storage_server import ms_per_run_postgres
    except ImportError:
        return {}
    try:
        return {"ms_per_run_postgres": round(ms_per_run_postgres(), 1)}
    except (RuntimeError, OSError) as error:
        print(f"postgres: left out: {error}")
        return {}


def totals(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The keys of the last line that come from faults."""
    nodes = [outcome.seconds for outcome in outcomes if outcome.fault == "node killed"]
    counts = {key: sum(getattr(one, key) for one in outcomes) for key in ("lost", "doubled", "orphans")}
    return counts | ({"s_to_resume_after_node_loss": round(max(nodes), 1)} if nodes else {})


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--only", default="faults,overhead")
    parser.add_argument("--runs", type=int, default=80)
    parser.add_argument("--long", action="store_true")
    given = parser.parse_args()
    figures: dict[str, float] = {}
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as work:
        reference = FaultStudy(Path(work) / "reference", STUDY)
        reference.folder.mkdir()
        for index, name in enumerate(given.engines.split(",")):
            if problem := ENGINES[name]():
                print(f"{name}: left out: {problem}")
                continue
            with running(name) as engine:
                if "faults" in given.only:
                    if not outcomes:
                        reference.run()
                        print(ROW.format("engine", "done", "after", "happened", "lost", "doubled", "orphans"))
                    outcomes += played(engine, Path(work), reference, is_long=given.long)
                if "overhead" in given.only:
                    folder = Path(work) / f"overhead-{index}"
                    folder.mkdir()
                    figures |= overhead([engine], folder, given.runs)
    if "overhead" in given.only:
        figures |= on_postgres()
    print(json.dumps(figures | totals(outcomes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
