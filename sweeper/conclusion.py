"""The end of a study: its result as one record, its exit code, and which checkpoints stay."""

from collections.abc import Iterable
from typing import Any

from sweeper.compose import Sweep
from sweeper.interrupts import Interrupt
from sweeper.layout import StudyFolder
from sweeper.results import Judgement, StudyResult, TrialResult
from sweeper.run_state import Policy


def study_result(
    *,
    study: str,
    sweep: Sweep,
    policy: Policy,
    trials: tuple[TrialResult, ...],
    data: dict[str, Any],
    n_jobs: int,
    wall_s: float,
    provenance: dict[str, Any],
    warnings: tuple[str, ...],
) -> StudyResult:
    """Everything that is known, for selection, report and tracking."""
    return StudyResult(
        study=study,
        task=sweep.settings.task.name,
        objectives=policy.objectives,
        seeds=policy.seeds,
        confirm_seeds=policy.confirm_seeds,
        confidence=sweep.settings.study.confidence,
        min_effect=sweep.settings.study.min_effect,
        trials=trials,
        data=data,
        config=sweep.config,
        totals={**totals(trials, n_jobs), "wall_s": wall_s},
        provenance=provenance,
        warnings=warnings,
    )


def totals(trials: Iterable[TrialResult], n_jobs: int) -> dict[str, Any]:
    """Counts over the whole study; `runs_reused` did not need training in this session."""
    known = list(trials)
    runs = [run for trial in known for run in trial.runs.values()]
    own = [run for run in runs if not run.reused]
    return {
        "trials": len(known),
        "runs": len(runs),
        "runs_reused": len(runs) - n_jobs,
        "jobs": n_jobs,
        "train_s": sum(run.seconds for run in own),
        "steps_trained": sum(run.steps_trained for run in own),
        "steps_inherited": sum(run.steps_inherited for run in own),
        "devices": sorted({run.device for run in own if run.device}),
    }


def exit_code(judgement: Judgement, interrupt: Interrupt, stopped_because: str | None) -> int:
    """0 finished, whatever the verdict; 1 no result; 130 or 143 when told to stop."""
    if interrupt.received is not None:
        return interrupt.exit_code
    return 1 if stopped_because or judgement.verdict == "no result" else 0


def tidy_checkpoints(folder: StudyFolder, result: StudyResult, judgement: Judgement) -> None:
    """Remove all checkpoints but the champion's: those of the best candidate, or of the front."""
    champions = {judgement.best, *(judgement.front or [])}
    kept = {
        run.folder for trial in result.trials if trial.spec.number in champions for run in trial.runs.values()
    }
    for run_folder in folder.runs:
        if run_folder.path not in kept:
            for path in run_folder.checkpoints:
                path.unlink(missing_ok=True)
