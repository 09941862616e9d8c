"""`summary.json`: the result of a study for programs. Pure, but for reading it back."""

import json
from collections.abc import Mapping
from typing import Any

from sweeper.layout import StudyFolder
from sweeper.results import Judgement, StudyResult, TrialResult

SCHEMA_VERSION = 1
NO_COMPARISON = dict.fromkeys(("difference", "improvement", "ci_low", "ci_high", "p_adjusted"))


def read_summary(folder: StudyFolder) -> dict[str, Any]:
    """The summary that `write_report` left."""
    loaded: dict[str, Any] = json.loads(folder.summary.read_text())
    return loaded


def read_sentence(folder: StudyFolder) -> str:
    """The verdict in one sentence, from the report's first quotation; empty where there is no report."""
    if not folder.report_md.exists():
        return ""
    quoted = [line for line in folder.report_md.read_text().splitlines() if line.startswith("> ")]
    return quoted[0].removeprefix("> ").strip("*") if quoted else ""


def summary(result: StudyResult, judgement: Judgement) -> dict[str, Any]:
    """The study in the shape of `summary.json`.

    With several objectives `metric`, `direction`, `value`, `test` and the values of `per_seed` are lists, and
    `best` is the list of the front.
    """
    by_number = {trial.spec.number: trial for trial in result.trials}
    best = [_candidate(result, by_number[number]) for number in chosen(judgement)]
    single = len(result.objectives) == 1
    return {
        "schema_version": SCHEMA_VERSION,
        "study": result.study,
        "task": result.task,
        "data": {key: result.data.get(key) for key in ("name", "digest", "real")},
        "metric": _each([objective.metric for objective in result.objectives]),
        "direction": _each([objective.direction for objective in result.objectives]),
        "seeds": list(result.seeds),
        "confirm_seeds": list(result.confirm_seeds),
        "verdict": judgement.verdict,
        "baseline": _arm(result, result.baseline),
        "best": (best[0] if best else None) if single else best,
        "confirmation": judgement.confirmation,
        "trials": [_trial(result, trial, judgement) for trial in result.trials],
        "totals": result.totals,
        "provenance": result.provenance,
    }


def chosen(judgement: Judgement) -> list[int]:
    """The numbers of the front, or of the best candidate, or none."""
    if judgement.front is not None:
        return judgement.front
    return [] if judgement.best is None else [judgement.best]


def _each(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _per_seed(result: StudyResult, trial: TrialResult, split: str) -> dict[int, list[float]]:
    keys = [f"{split}/{objective.metric}" for objective in result.objectives]
    by_key = [trial.per_seed(result.seeds, key) for key in keys]
    return {
        seed: [values[seed] for values in by_key]
        for seed in result.seeds
        if all(seed in values for values in by_key)
    }


def _mean(per_seed: Mapping[int, list[float]]) -> Any:
    if not per_seed:
        return None
    return _each([sum(values) / len(per_seed) for values in zip(*per_seed.values(), strict=True)])


def _values(result: StudyResult, trial: TrialResult) -> dict[str, Any]:
    """A failed or pruned trial has no value: the mean of the seeds that it did finish says nothing."""
    val, test = _per_seed(result, trial, "val"), _per_seed(result, trial, "test")
    complete = trial.state == "COMPLETE"
    return {
        "value": _mean(val) if complete else None,
        "per_seed": {str(seed): _each(values) for seed, values in val.items()},
        "test": _mean(test) if complete else None,
    }


def _arm(result: StudyResult, trial: TrialResult) -> dict[str, Any]:
    spec = trial.spec
    return {"trial": spec.number, "name": spec.name, "params": spec.params, **_values(result, trial)}


def _candidate(result: StudyResult, trial: TrialResult) -> dict[str, Any]:
    spec = trial.spec
    named = {
        "trial": spec.number,
        "name": spec.name,
        "params": spec.params,
        "overrides": list(spec.overrides),
    }
    return named | _values(result, trial)


def _trial(result: StudyResult, trial: TrialResult, judgement: Judgement) -> dict[str, Any]:
    spec, runs = trial.spec, trial.runs.values()
    return {
        "trial": spec.number,
        "name": spec.name,
        "role": spec.role,
        "state": trial.state,
        "reason": trial.reason,
        "params": spec.params,
        "overrides": list(spec.overrides),
        "fingerprint": spec.fingerprint,
        **_values(result, trial),
        **NO_COMPARISON,
        **judgement.comparisons.get(spec.number, {}),
        "steps_trained": sum(run.steps_trained for run in runs),
        "steps_inherited": sum(run.steps_inherited for run in runs),
        "seconds": round(sum(run.seconds for run in runs), 3),
        "warnings": list(spec.notices),
    }
