"""Invented studies: results as a study would hand them over, with the run folders that they speak of."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

from sweeper.findings import Comparison, Confirmation
from sweeper.layout import StudyFolder
from sweeper.results import Judgement, Objective, RunResult, StudyResult, Totals, TrialResult
from sweeper.trial import Slot, TrialSpec
from sweeper.watch.observers import StudyStart

AUC = Objective("ctcvr_auc", "maximize")
LOSS = Objective("bce", "minimize")
SEEDS, CONFIRM_SEEDS = (0, 1, 2), (1000, 1001, 1002)
SENTENCE = (
    "lambda=0.2 cannot be told from the baseline: +0.0004 test ctcvr_auc, 95 % interval [-0.0006, +0.0014]."
)


def trial_spec(number: int, lam: float | None = None, name: str | None = None) -> TrialSpec:
    """The baseline for `lam=None`, else the candidate with that lambda."""
    is_baseline = lam is None
    params: dict[str, Any] = {} if is_baseline else {"aux_focal.lambda": lam}
    aux: dict[str, Any] = {
        "enabled": not is_baseline,
        "lambda": lam if lam is not None else 0.1,
        "warmup_steps": 200,
    }
    return TrialSpec(
        number=number,
        name=name or ("baseline" if is_baseline else f"lambda={lam}"),
        role="baseline" if is_baseline else "candidate",
        prunable=not is_baseline,
        params=params,
        overrides=("aux_focal.enabled=false",) if is_baseline else (f"aux_focal.lambda={lam}",),
        config={
            "task": {"name": "esmm", "baseline": ["aux_focal.enabled=false"]},
            "aux_focal": aux,
            "optimizer": {"name": "adamw", "lr": 0.001},
            "data": {"name": "esmm/synthetic", "fields": list(range(50))},
        },
        fingerprint=f"{number:032x}",
        max_steps=600,
    )


def value(number: int, seed: int, metric: str = "ctcvr_auc") -> float:
    """A metric that depends on trial and seed in a known way: 0.74 + trial / 1000 + (seed mod 10) / 10000."""
    auc = 0.74 + number / 1000 + (seed % 10) / 10000
    return auc if metric == "ctcvr_auc" else 0.5 - auc / 10


def run_result(
    folder: StudyFolder | None, spec: TrialSpec, seed: int, state: Any = "COMPLETE", reason: str | None = None
) -> RunResult:
    """A run with metrics; with a `folder`, its files too."""
    done = state == "COMPLETE"
    metrics = {
        f"{split}/{m}": value(spec.number, seed, m) for split in ("val", "test") for m in ("ctcvr_auc", "bce")
    }
    metrics["val/aux_focal_lambda"] = 0.1
    run = RunResult(
        trial=spec.number,
        seed=seed,
        state=state,
        reason=reason,
        metrics=metrics if done else {},
        best_step=500 if done else 0,
        steps_trained=600 if done else 120,
        seconds=3.5,
        folder=folder.run(spec, seed).path if folder else None,
    )
    if folder:
        write_run(folder, spec, seed)
    return run


def write_run(folder: StudyFolder, spec: TrialSpec, seed: int, upto: int = 600) -> None:
    """The files of one run, evaluated every 100 steps up to `upto`."""
    run = folder.run(spec, seed)
    run.path.mkdir(parents=True, exist_ok=True)
    run.config.write_text(yaml.safe_dump(spec.config))
    run.job.write_text(json.dumps({"trial": spec.number, "seed": seed}))
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in metric_lines(spec.number, seed, upto)))
    rng = np.random.default_rng(seed)
    np.savez(
        run.records, influence_ctcvr_auc=rng.normal(size=400).astype(np.float32), label=np.ones(400, np.uint8)
    )
    for path in (run.checkpoint, run.previous_checkpoint, run.best):
        path.write_bytes(b"checkpoint")


def metric_lines(number: int, seed: int, upto: int = 600) -> list[dict[str, Any]]:
    """Lines of a metrics.jsonl that approach `value` from below, equal in all trials until step 200."""
    lines = []
    for step in range(100, upto + 1, 100):
        target = value(number if step > 200 else 0, seed)
        auc = target - 0.1 * math.exp(-step / 120) + 0.001 * math.sin(step * (seed % 10 + 1))
        shared = {"epoch": step // 200, "global_step": step, "aux_focal_lambda": 0.1, "lr": 0.001}
        lines.append({"split": "train", **shared, "loss_ctr": 1.0 - auc})
        lines.append({"split": "val", **shared, "ctcvr_auc": auc, "bce": 0.5 - auc / 10})
    return lines


def study_result(
    folder: StudyFolder | None = None,
    lambdas: Sequence[float] = (0.05, 0.1, 0.2),
    objectives: tuple[Objective, ...] = (AUC,),
    *,
    with_failure: bool = False,
    **changes: Any,
) -> StudyResult:
    """A study of lambda with its baseline; the last candidate and the baseline are confirmed."""
    specs = [trial_spec(0), *(trial_spec(i + 1, lam) for i, lam in enumerate(lambdas))]
    trials = []
    for spec in specs:
        seeds = SEEDS + (CONFIRM_SEEDS if spec.number in (0, 3) else ())
        runs = {seed: run_result(folder, spec, seed) for seed in seeds}
        trials.append(TrialResult(spec, "COMPLETE", None, runs))
    if with_failure:
        trials.append(_failed_trial(folder, len(trials)))
    facts: dict[str, Any] = {
        "study": "esmm-3f2a91c0",
        "task": "esmm",
        "objectives": objectives,
        "seeds": SEEDS,
        "confirm_seeds": CONFIRM_SEEDS,
        "confidence": 0.95,
        "min_effect": None,
        "trials": tuple(trials),
        "data": {
            "name": "esmm/synthetic",
            "digest": "sha256:abc",
            "real": False,
            "facts": {
                "rows": {"train": 60000, "test": 20000},
                "positives": {"test": 1204},
                "best_auc": 0.7831,
            },
        },
        "config": {},
        "totals": Totals(
            trials=len(trials),
            runs=18,
            jobs=18,
            train_s=69.0,
            steps_trained=10800,
            devices=("cpu",),
            states={"COMPLETE": 18},
            wall_s=74.2,
            runs_planned=18,
        ),
        "provenance": {
            "command": "python -m sweeper -m aux_focal.lambda=0.05,0.1,0.2 optimizer.lr=0.01 study.n_seeds=3",
            "git_sha": "0123456789abcdef",
            "git_dirty": False,
            "code_hash": "beef",
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
            "threads": 1,
            "cpu": "a processor",
            "started": "2026-11-21T10:00:00Z",
            "finished": "2026-11-21T10:01:14Z",
        },
        "warnings": ("loss.static_pos_weight: auto on 12 positives",) if with_failure else (),
    }
    return StudyResult(**{**facts, **changes})


def judgement(**changes: Any) -> Judgement:
    """What selection could say about `study_result`: trial 3 is the best, and not distinguishable."""
    facts: dict[str, Any] = {
        "verdict": "not distinguishable",
        "sentence": SENTENCE,
        "best": 3,
        "confirmation": Confirmation(
            baseline_per_seed={seed: value(0, seed) for seed in CONFIRM_SEEDS},
            best_per_seed={seed: value(3, seed) for seed in CONFIRM_SEEDS},
            difference=0.0004,
            improvement=0.0004,
            ci_low=-0.0006,
            ci_high=0.0014,
            p_value=0.31,
            se_seeds=0.0002,
            se_examples=0.0003,
            df=6.2,
        ),
        "comparisons": {n: (comparison(0.0007 * n),) for n in (1, 2, 3)},
        "front": None,
    }
    return Judgement(**{**facts, **changes})


def comparison(difference: float) -> Comparison:
    """An estimate with a half-width of 0.0015."""
    return Comparison(
        difference=difference,
        improvement=difference,
        ci_low=difference - 0.0015,
        ci_high=difference + 0.0015,
        p_adjusted=0.62,
    )


def front_judgement() -> Judgement:
    """A judgement for two objectives: trials 0 and 3 are not dominated.

    Trial 3 has a larger auc, with an interval beside zero, and a smaller loss, without an interval.
    """
    sentence = "2 trials are not dominated: baseline, lambda=0.2."
    of_3 = (
        Comparison(difference=0.003, improvement=0.003, ci_low=0.001, ci_high=0.005, p_adjusted=0.01),
        Comparison(difference=-0.0003, improvement=0.0003),
    )
    return Judgement(verdict="front", sentence=sentence, best=None, front=[0, 3], comparisons={3: of_3})


def _failed_trial(folder: StudyFolder | None, number: int) -> TrialResult:
    spec = trial_spec(number, 9.0).model_copy(update={"notices": ("aux_focal.lambda: 9.0 > 0.3 dominates",)})
    reason = "loss is nan at step 120"
    run = run_result(folder, spec, 0, "FAILED", reason)
    return TrialResult(spec, "FAILED", f"seed 0: {reason}", {0: run})


def study_start(folder: StudyFolder, **changes: Any) -> StudyStart:
    """The first word of `study_result`'s study, resumed with 6 runs known."""
    result = study_result()
    facts: dict[str, Any] = {
        "study": folder.path.name,
        "task": result.task,
        "objectives": result.objectives,
        "seeds": result.seeds,
        "confirm_seeds": result.confirm_seeds,
        "folder": folder,
        "n_runs_planned": 18,
        "n_runs_known": 6,
        "slots": (Slot(0, "cpu", 1),),
        "config": {"tracking": {"name": "mlflow", "uri": None, "experiment": None}},
        "data": result.data,
        "provenance": result.provenance,
    }
    return StudyStart(**{**facts, **changes})
