"""`summary.json`: the result of a study for programs. Pure, but for reading it back."""

import json
from collections.abc import Mapping
from typing import Any

from sweeper.criteria import SPLITS
from sweeper.errors import Fault, UserError
from sweeper.layout import StudyFolder
from sweeper.report.trivial import trivial_of, warnings as warnings_of_trivial
from sweeper.results import ENDED, NO_COMPARISON, Judgement, RunResult, StudyResult, TrialResult
from sweeper.verdict import check_trial, criteria_of, unknown_figures_in

SCHEMA_VERSION = 1
NEEDED = frozenset({"study", "task", "metric", "direction", "seeds", "verdict", "baseline", "best"}) | {
    *("confirm_seeds", "confirmation", "trials", "totals", "provenance")
}
"""Keys without which nothing can be shown."""


def read_summary(folder: StudyFolder) -> dict[str, Any]:
    """The summary that `write_report` left. Raises UserError where it is damaged, or of a later version."""
    try:
        loaded: Any = json.loads(folder.summary.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(_damaged(folder, str(error))) from error
    if not isinstance(loaded, dict):
        raise UserError(_damaged(folder, "it is no object"))
    if (version := loaded.get("schema_version")) != SCHEMA_VERSION:
        problem = f"got schema_version {version}; expected {SCHEMA_VERSION}"
        raise UserError(Fault(str(folder.summary), problem, "A later version of this program wrote it"))
    if missing := sorted(NEEDED - loaded.keys()):
        raise UserError(_damaged(folder, f"it has no '{missing[0]}'"))
    return loaded


def _damaged(folder: StudyFolder, why: str) -> Fault:
    advice = "The command that began the study writes it anew, without training anything again"
    return Fault(str(folder.summary), f"is damaged ({why})", advice)


def read_sentence(folder: StudyFolder) -> str:
    """The verdict in one sentence, from the report's first quotation; empty where there is no report."""
    if not folder.report_md.exists():
        return ""
    quoted = [line for line in folder.report_md.read_text().splitlines() if line.startswith("> ")]
    return quoted[0].removeprefix("> ").strip("*") if quoted else ""


def summary_of(result: StudyResult, judgement: Judgement) -> dict[str, Any]:
    """The study in the shape of `summary.json`.

    With several objectives `metric`, `direction`, `value`, `test`, the values of `per_seed`, `difference` and
    what belongs to it are lists, and `best` is the list of the front. `trivial` is there where the data know
    their trivial predictor.
    """
    by_number = {trial.spec.number: trial for trial in result.trials}
    single = len(result.objectives) == 1
    best = [_candidate(result, by_number[number]) for number in chosen(judgement)]
    if not single:  # a front is not confirmed, so that each point has its own comparison
        best = [entry | _comparison(judgement, entry["trial"]) for entry in best]
    told = {
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
        "ensemble": judgement.ensemble,
        "trials": [_trial(result, trial, judgement) for trial in result.trials],
        "totals": result.totals,
        "provenance": result.provenance,
        "state": _state_of_study(result),
        "stopped_because": result.totals.get("stopped_because"),
        "warnings": [*result.warnings, *unknown_figures_in(result)],
        **trivial_of(result),
    }
    told["warnings"] += warnings_of_trivial(told)
    return told


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
    train, val, test = (_per_seed(result, trial, split) for split in SPLITS)
    complete = trial.state == "COMPLETE"
    return {
        "value": _mean(val) if complete else None,
        "per_seed": {str(seed): _each(values) for seed, values in val.items()},
        "test": _mean(test) if complete else None,
        "train": _mean(train) if complete and train.keys() == val.keys() else None,
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


def _state_of_study(result: StudyResult) -> str:
    """`interrupted` where the same command may train more."""
    has_ended = all(trial.state in ENDED for trial in result.trials)
    return "finished" if has_ended and not result.totals.get("stopped_because") else "interrupted"


def _state(trial: TrialResult) -> tuple[str, str | None]:
    """A trial's state and reason; one that waits for an interrupted run is as interrupted as that run."""
    if trial.state in ("WAITING", "RUNNING"):
        for seed, run in sorted(trial.runs.items()):
            if run.state == "INTERRUPTED":
                return run.state, f"seed {seed}: {run.reason}"
    return trial.state, trial.reason


def _pruned_at(trial: TrialResult) -> int | None:
    """The step at which a pruned trial's first pruned run ended."""
    steps = [_steps(run) for _, run in sorted(trial.runs.items()) if run.state == "PRUNED"]
    return steps[0] if steps and trial.state == "PRUNED" else None


def _steps(run: RunResult) -> int:
    return run.steps_trained + run.steps_inherited


def _run(result: StudyResult, run: RunResult) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "phase": "screening" if run.seed in result.seeds else "confirmation",
        "state": run.state,
        "reason": run.reason,
        "attempt": run.attempt,
        "steps_trained": run.steps_trained,
        "steps_inherited": run.steps_inherited,
        "seconds": round(run.seconds, 3),
        "device": run.device,
        "incidents": list(run.incidents),
    }


def _comparison(judgement: Judgement, number: int) -> dict[str, Any]:
    return {**NO_COMPARISON, **judgement.comparisons.get(number, {})}


def _trial(result: StudyResult, trial: TrialResult, judgement: Judgement) -> dict[str, Any]:
    spec, runs = trial.spec, trial.runs.values()
    state, reason = _state(trial)
    return {
        "trial": spec.number,
        "name": spec.name,
        "role": spec.role,
        "state": state,
        "reason": reason,
        "params": spec.params,
        "overrides": list(spec.overrides),
        "fingerprint": spec.fingerprint,
        **_values(result, trial),
        "success": check_trial(criteria_of(result.config), trial, result.seeds),
        **_comparison(judgement, spec.number),
        "steps_trained": sum(run.steps_trained for run in runs),
        "steps_inherited": sum(run.steps_inherited for run in runs),
        "seconds": round(sum(run.seconds for run in runs), 3),
        "warnings": list(spec.notices),
        "max_steps": spec.max_steps,
        "pruned_at": _pruned_at(trial),
        "runs": [_run(result, run) for _, run in sorted(trial.runs.items())],
    }
