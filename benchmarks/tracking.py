"""What logging to MLflow costs the thread that does it, a run: into the embedded store, in an empty folder.

    python benchmarks/tracking.py [--runs 1000] [--seeds 1] [--evaluations 10] [--uri URI]

An invented study of runs that have ended, each with its files: `--evaluations` lines of validation and of
training with 12 metrics each, and a configuration of 100 keys. Each run is logged as it is in a study: where
`--started` is given as begun, too, and in any case as ended, with its trial's mean; at last the result.

The last line has `ms_per_run_logged` (all of that over the number of runs), `ms_per_run_known` (all once
more, when it is known, as at the end of a resumed study) and `s_to_open`, before the first run.
"""

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

import yaml

from sweeper.findings import Comparison
from sweeper.layout import StudyFolder
from sweeper.reports import write_report
from sweeper.results import Judgement, Objective, RunResult, StudyResult, Totals, TrialResult
from sweeper.schema import Tracking
from sweeper.trial import TrialSpec
from sweeper.watch.observers import StudyStart
from sweeper.watch.study_facts import facts_of_start
from sweeper.watch.study_session import Session
from sweeper.watch.tracking_store import store_of

METRIC = "auc"
OTHERS = ("loss", *(f"metric_{i}" for i in range(10)))


def spec_of(number: int) -> TrialSpec:
    """The baseline, or a candidate with a learning rate of its own."""
    lr = 0.001 * (1 + number)
    return TrialSpec(
        number=number,
        name="baseline" if number == 0 else f"lr={lr:g}",
        role="baseline" if number == 0 else "candidate",
        prunable=number > 0,
        params={} if number == 0 else {"optimizer.lr": lr},
        overrides=(f"optimizer.lr={lr}",),
        config={
            "task": {"name": "invented"},
            "data": {"name": "invented/small", **{f"key_{i}": i for i in range(60)}},
            "model": {"name": "small", **{f"key_{i}": i for i in range(30)}},
            "optimizer": {"name": "adamw", "lr": lr},
        },
        fingerprint=f"{number:032x}",
        max_steps=1000,
    )


def run_of(folder: StudyFolder, spec: TrialSpec, seed: int, n_evaluations: int) -> RunResult:
    """A complete run with its files."""
    place = folder.run(spec, seed)
    place.path.mkdir(parents=True)
    place.config.write_text(yaml.safe_dump(spec.config))
    value = 0.7 + spec.number / 1e4 + seed / 1e3
    plain = {METRIC: value, **dict.fromkeys(OTHERS, 0.5)}
    lines = [
        json.dumps({"split": split, "global_step": 10 * step, **plain})
        for step in range(1, n_evaluations + 1)
        for split in ("train", "val")
    ]
    place.metrics.write_text("\n".join(lines) + "\n")
    metrics = {f"{split}/{name}": x for split in ("val", "test") for name, x in plain.items()}
    return RunResult(
        trial=spec.number,
        seed=seed,
        state="COMPLETE",
        metrics=metrics,
        best_step=10 * n_evaluations,
        steps_trained=10 * n_evaluations,
        seconds=1.0,
        folder=place.path,
    )


def invented(folder: StudyFolder, n_runs: int, n_seeds: int, n_evaluations: int) -> StudyResult:
    """A study that is over, its run folders written."""
    seeds = tuple(range(n_seeds))
    specs = [spec_of(number) for number in range(n_runs // n_seeds)]
    trials = [
        TrialResult(
            spec, "COMPLETE", None, {seed: run_of(folder, spec, seed, n_evaluations) for seed in seeds}
        )
        for spec in specs
    ]
    return StudyResult(
        study="invented",
        task="invented",
        objectives=(Objective(METRIC, "maximize"),),
        seeds=seeds,
        confirm_seeds=(),
        confidence=0.95,
        min_effect=None,
        trials=tuple(trials),
        data={"name": "invented/small", "digest": "sha256:abc", "real": False},
        config={},
        totals=Totals(trials=len(trials), runs=n_runs, states={"COMPLETE": n_runs}),
        provenance={"command": "invented"},
        warnings=(),
    )


def judged(result: StudyResult) -> Judgement:
    """Each candidate has a difference with an interval."""
    one = Comparison(difference=0.001, improvement=0.001, ci_low=-0.001, ci_high=0.003, p_adjusted=0.6)
    return Judgement(
        verdict="not distinguishable",
        sentence="Nothing can be told.",
        best=1,
        confirmation=None,
        comparisons={trial.spec.number: (one,) for trial in result.trials[1:]},
        front=None,
    )


def log_all(session: Session, result: StudyResult, *, with_starts: bool) -> None:
    """As the observer of a study does."""
    for trial in result.trials:
        for run in trial.runs.values():
            if with_starts:
                session.log_start(trial.spec, run.seed, run.attempt)
            session.log_end(trial.spec, run)


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1, help="runs of a trial")
    parser.add_argument("--evaluations", type=int, default=10, help="of a run, on each of two splits")
    parser.add_argument("--uri", default=None, help="of another store")
    parser.add_argument("--started", action="store_true", help="each run is logged as begun, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = StudyFolder.of(temporary, "invented")
        result = invented(folder, arguments.runs, arguments.seeds, arguments.evaluations)
        summary = write_report(folder, result, judged(result))
        start = StudyStart(
            study=result.study,
            task=result.task,
            objectives=result.objectives,
            seeds=result.seeds,
            confirm_seeds=(),
            folder=folder,
            n_runs_planned=arguments.runs,
            n_runs_known=0,
            slots=(),
            config={},
            data=result.data,
            provenance=result.provenance,
        )
        config = Tracking(name="mlflow", uri=arguments.uri, experiment=None)
        times = [time.perf_counter()]
        session = Session(store_of(config, temporary), facts_of_start(start, config), folder)
        times.append(time.perf_counter())
        log_all(session, result, with_starts=arguments.started)
        session.log_result(summary, folder)
        times.append(time.perf_counter())
        log_all(session, result, with_starts=False)
        times.append(time.perf_counter())
    opened, logged, known = (after - before for before, after in pairwise(times))
    found = {
        "ms_per_run_logged": 1000 * logged / arguments.runs,
        "ms_per_run_known": 1000 * known / arguments.runs,
    }
    print(
        json.dumps({**{key: round(value, 2) for key, value in found.items()}, "s_to_open": round(opened, 2)})
    )


if __name__ == "__main__":
    main()
