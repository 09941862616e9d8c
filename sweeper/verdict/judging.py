"""From a study's result to its judgement: reads the records, leaves the statistics to `selection`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.layout import RunFolder
from sweeper.records import read_influence
from sweeper.results import (
    ENDED,
    Comparisons,
    Judgement,
    Objective,
    Policy,
    RunResult,
    StudyResult,
    TrialResult,
)
from sweeper.verdict import selection
from sweeper.verdict.selection import Arm, Panel

Floats = NDArray[np.float64]


def best_of(trials: Sequence[TrialResult], policy: Policy) -> int | None:
    """The candidate to confirm: the best on validation over all screening seeds.

    None where there is none, where the baseline is incomplete, or where several objectives have no single
    best.
    """
    baseline = next((trial for trial in trials if trial.spec.role == "baseline"), None)
    if baseline is None or baseline.state != "COMPLETE" or len(policy.objectives) > 1:
        return None
    objective = policy.objectives[0]
    arms = [_arm(trial, objective, policy.seeds, (), with_records=False) for trial in trials]
    return selection.choose(arms, baseline.spec.number, objective.direction, policy.seeds)


def judge(result: StudyResult) -> Judgement:
    """The verdict of a study with one objective, or the front of one with several."""
    return _front(result) if len(result.objectives) > 1 else _verdict(result)


def _verdict(result: StudyResult) -> Judgement:
    if result.baseline.state != "COMPLETE":
        why = f": {result.baseline.reason.rstrip('.')}" if result.baseline.reason else ""
        sentence = (
            f"The baseline did not finish on every seed, so that there is nothing to compare with{why}."
        )
        return Judgement(verdict="no result", sentence=sentence)
    objective = result.objectives[0]
    arms = _arms(result, objective)
    reference = arms[result.baseline.spec.number]
    how: dict[str, Any] = {"direction": objective.direction, "confidence": result.confidence}
    best = selection.choose(arms.values(), reference.number, objective.direction, result.seeds)
    confirmation, unconfirmed = None, _unconfirmed(result, best)
    if best is not None and unconfirmed is None:
        confirmation = selection.confirm(arms[best], reference, min_effect=result.min_effect, **how)
    return Judgement(
        verdict="no result" if best is None else selection.verdict(confirmation),
        sentence=selection.sentence(
            confirmation,
            best=None if best is None else arms[best].name,
            metric=objective.metric,
            confidence=result.confidence,
            min_effect=result.min_effect,
            unconfirmed=unconfirmed,
        ),
        best=best,
        confirmation=confirmation,
        comparisons=_compared(result, [arms]),
        notes=(*selection.notes(confirmation), *_looks(result)) if confirmation else (),
    )


def _unconfirmed(result: StudyResult, best: int | None) -> str | None:
    """Why nothing was tested yet; None where all confirmation runs have ended.

    A test on those that happen to have ended would be a look of its own, with its own chance to err.
    """
    if not result.confirm_seeds:
        return "study.confirm_seeds=0"
    pair = [trial for trial in result.trials if trial.spec.number in (best, result.baseline.spec.number)]
    runs = [trial.runs.get(seed) for trial in pair for seed in result.confirm_seeds]
    is_over = all(run is not None and run.state in ENDED for run in runs)
    return None if is_over else "the confirmation is not complete"


def _looks(result: StudyResult) -> tuple[str, ...]:
    """A study that grew may have confirmed one winner after another; each look has its own chance to err."""
    seeds = set(result.confirm_seeds)
    n = len({trial.spec.fingerprint for trial in result.candidates if seeds & trial.runs.keys()})
    text = (
        f"As this study grew, {n} candidates have been confirmed on the same seeds and test split. The "
        "stated confidence is that of one look; for a clean one, choose fresh study.confirm_seeds."
    )
    return (text,) if n > 1 else ()


def _front(result: StudyResult) -> Judgement:
    """Non-dominated trials by their means on validation, the baseline among the contestants."""
    keys = [f"val/{objective.metric}" for objective in result.objectives]
    points = {
        trial.spec.number: means
        for trial in result.trials
        if None not in (means := [trial.mean(result.seeds, key) for key in keys])
    }
    directions = [objective.direction for objective in result.objectives]
    values: list[list[float]] = [[value for value in point if value is not None] for point in points.values()]
    front = [list(points)[index] for index in selection.pareto_front(values, directions)]
    names = {trial.spec.number: trial.spec.name for trial in result.trials}
    listed = ", ".join(names[number] for number in front) or "none"
    metrics = " and ".join(objective.metric for objective in result.objectives)
    is_comparable = result.baseline.state == "COMPLETE"
    arms = [_arms(result, objective) for objective in result.objectives] if is_comparable else []
    return Judgement(
        verdict="front" if front else "no result",
        sentence=f"{len(front)} of {len(points)} trials are not dominated in {metrics}: {listed}.",
        comparisons=_compared(result, arms) if arms else {},
        front=front,
        notes=_without_influence(result, arms),
    )


def _without_influence(result: StudyResult, arms: Sequence[Mapping[int, Arm]]) -> tuple[str, ...]:
    names = [
        objective.metric
        for objective, of_one in zip(result.objectives, arms, strict=False)
        if not any(arm.influence for arm in of_one.values())
    ]
    text = f"The intervals of {' and '.join(names)} hold seed noise only: there are no influence values."
    return (text,) if names else ()


def _compared(result: StudyResult, arms: Sequence[Mapping[int, Arm]]) -> dict[int, Comparisons]:
    """Every candidate against the baseline in each objective, by trial number; exploratory."""
    found = selection.explore(
        [Panel(of_one.values(), o.direction) for of_one, o in zip(arms, result.objectives, strict=True)],
        result.baseline.spec.number,
        confidence=result.confidence,
        given_up=[trial.spec.number for trial in result.given_up],
    )
    return {number: tuple(one.get(number) for one in found) for number in sorted(set().union(*found))}


def _arms(result: StudyResult, objective: Objective) -> dict[int, Arm]:
    return {
        trial.spec.number: _arm(trial, objective, result.seeds, result.confirm_seeds, with_records=True)
        for trial in result.trials
    }


def _arm(
    trial: TrialResult,
    objective: Objective,
    seeds: tuple[int, ...],
    confirm_seeds: tuple[int, ...],
    *,
    with_records: bool,
) -> Arm:
    complete = [run for run in trial.runs.values() if run.state == "COMPLETE"] if with_records else []
    return Arm(
        number=trial.spec.number,
        name=trial.spec.name,
        screening=trial.per_seed(seeds, f"val/{objective.metric}"),
        test=trial.per_seed(seeds, f"test/{objective.metric}"),
        confirmation=trial.per_seed(confirm_seeds, f"test/{objective.metric}"),
        influence={
            run.seed: found
            for run in complete
            if run.seed in (*seeds, *confirm_seeds) and (found := _influence(run, objective)) is not None
        },
    )


def _influence(run: RunResult, objective: Objective) -> Floats | None:
    return None if run.folder is None else read_influence(RunFolder(run.folder).records, objective.metric)
