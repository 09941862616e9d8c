"""A study's summary: made from what is known, written to `summary.json`, and read back."""

import json
from collections.abc import Iterable
from typing import TypedDict

from pydantic import ValidationError

from sweeper.criteria import SPLITS
from sweeper.errors import Fault, UserError
from sweeper.findings import Look, PairBudget
from sweeper.layout import StudyFolder, write_atomic
from sweeper.reports.markdown_text import plain
from sweeper.reports.summary_model import (
    SCHEMA_VERSION,
    BaselineEntry,
    BestEntry,
    DataEntry,
    PerSeed,
    Phase,
    PlanEntry,
    Provenance,
    RunEntry,
    Summary,
    TrialEntry,
    Values,
    as_json,
    from_json,
)
from sweeper.reports.trivial import trivial_of, warnings as warnings_of_trivial
from sweeper.results import ENDED, Judgement, RunResult, RunState, StudyResult, TrialResult
from sweeper.verdict import CriterionResult, check_trial, criteria_of, unknown_figures_in


def write_summary(folder: StudyFolder, summary: Summary) -> None:
    """Write `summary.json`, whole or not at all."""
    write_atomic(folder.summary, json.dumps(as_json(summary), indent=2) + "\n")


def read_summary(folder: StudyFolder) -> Summary:
    """The summary that `write_report` left. Raises UserError where it is damaged, or of a later version."""
    try:
        loaded = json.loads(folder.summary.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(_damaged(folder, str(error))) from error
    if not isinstance(loaded, dict):
        raise UserError(_damaged(folder, "it is no object"))
    version = loaded.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        problem = f"got schema_version {version}; expected {SCHEMA_VERSION}"
        advice = "A later version of this program wrote it: update this one to read it"
        raise UserError(Fault(str(folder.summary), problem, advice))
    try:
        return from_json(loaded)
    except ValidationError as error:
        raise UserError(_damaged(folder, _first_of(error))) from error


def _first_of(error: ValidationError) -> str:
    """The first thing that is wrong, in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"it has no '{where}'" if first["type"] == "missing" else f"{where}: {first['msg']}"


def _damaged(folder: StudyFolder, why: str) -> Fault:
    advice = "The command that began the study writes it anew, without training anything again"
    return Fault(str(folder.summary), f"is damaged ({why})", advice)


def read_sentence(folder: StudyFolder) -> str:
    """The verdict in one sentence, from the report's first quotation; empty where there is no report."""
    if not folder.report_md.exists():
        return ""
    lines = folder.report_md.read_text(encoding="utf-8").splitlines()
    quoted = [line for line in lines if line.startswith("> ")]
    return plain(quoted[0].removeprefix("> **").removesuffix("**")) if quoted else ""


def summary_of(result: StudyResult, judgement: Judgement) -> Summary:
    """What programs are told of the study."""
    by_number = {trial.spec.number: trial for trial in result.trials}
    summary = Summary(
        study=result.study,
        task=result.task,
        data=DataEntry.model_validate(result.data),
        metric=tuple(objective.metric for objective in result.objectives),
        direction=tuple(objective.direction for objective in result.objectives),
        seeds=result.seeds,
        confirm_seeds=result.confirm_seeds,
        verdict=judgement.verdict,
        baseline=_baseline(result),
        best=tuple(_best(result, by_number[number], judgement) for number in chosen(judgement)),
        confirmation=judgement.confirmation,
        ensemble=judgement.ensemble,
        trials=tuple(_trial(result, trial, judgement) for trial in (*result.trials, *result.added)),
        totals=result.totals,
        provenance=Provenance.model_validate(result.provenance),
        state="finished" if _is_over(result) else "interrupted",
        stopped_because=result.totals.stopped_because,
        warnings=(*result.warnings, *unknown_figures_in(result)),
        trivial=trivial_of(result),
        notes=(*judgement.notes, *judgement.remarks),
        looks=_looks(result, judgement),
        guards=judgement.guards,
        attribution=judgement.attribution,
        plan=PlanEntry(name=result.plan, decisions=result.decisions) if result.plan else None,
        judged_on=result.judged_on,
        pairs=judgement.pairs,
        budgets=_budgets(result),
    )
    return with_warnings(summary, warnings_of_trivial(summary))


def _looks(result: StudyResult, judgement: Judgement) -> tuple[Look, ...]:
    known = result.looks
    return known if judgement.look is None or judgement.look in known else (*known, judgement.look)


def _budgets(result: StudyResult) -> tuple[PairBudget, ...]:
    """A fixed number of pairs that one winner had is what the look says."""
    is_plain = len(result.budgets) == 1 and not result.budgets[0].is_sequential
    return () if is_plain else result.budgets


def with_warnings(summary: Summary, warnings: Iterable[str]) -> Summary:
    """The same summary with these warnings, too."""
    return summary.model_copy(update={"warnings": (*summary.warnings, *warnings)})


def chosen(judgement: Judgement) -> list[int]:
    """The numbers of the front, or of the best candidate, or none."""
    if judgement.front is not None:
        return judgement.front
    return [] if judgement.best is None else [judgement.best]


def _per_seed(result: StudyResult, trial: TrialResult, split: str) -> PerSeed:
    keys = [f"{split}/{objective.metric}" for objective in result.objectives]
    by_key = [trial.per_seed(result.seeds, key) for key in keys]
    return {
        seed: tuple(values[seed] for values in by_key)
        for seed in result.seeds
        if all(seed in values for values in by_key)
    }


def _mean(per_seed: PerSeed) -> Values:
    columns = zip(*per_seed.values(), strict=True)
    return tuple(sum(values) / len(per_seed) for values in columns)


class _Measured(TypedDict):
    """The values of an entry."""

    value: Values
    per_seed: PerSeed
    test: Values
    train: Values


def _measured(result: StudyResult, trial: TrialResult) -> _Measured:
    """A failed or pruned trial has no value: the mean of the seeds that it did finish says nothing."""
    train, val, test = (_per_seed(result, trial, split) for split in SPLITS)
    complete = trial.state == "COMPLETE"
    return {
        "value": _mean(val) if complete else (),
        "per_seed": val,
        "test": _mean(test) if complete else (),
        "train": _mean(train) if complete and train.keys() == val.keys() else (),
    }


def _baseline(result: StudyResult) -> BaselineEntry:
    spec = result.baseline.spec
    return BaselineEntry(
        trial=spec.number, name=spec.name, params=spec.params, **_measured(result, result.baseline)
    )


def _best(result: StudyResult, trial: TrialResult, judgement: Judgement) -> BestEntry:
    """A front is not confirmed, so that each point has its own comparison."""
    spec = trial.spec
    return BestEntry(
        trial=spec.number,
        name=spec.name,
        params=spec.params,
        overrides=spec.overrides,
        **_measured(result, trial),
        comparisons=() if judgement.front is None else judgement.comparisons.get(spec.number, ()),
    )


def _is_over(result: StudyResult) -> bool:
    """Whether the same command would train nothing more."""
    has_ended = all(trial.state in ENDED for trial in (*result.trials, *result.added))
    return has_ended and not result.totals.stopped_because


def _state(trial: TrialResult) -> tuple[RunState, str | None]:
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


def phase_of(result: StudyResult, trial: TrialResult, seed: int) -> Phase:
    """What the trial's run on `seed` was trained for."""
    if trial.spec.role == "attribution":
        return "attribution"
    if seed in result.seeds:
        return "screening"
    return "confirmation" if seed in result.confirm_seeds else "unused"


def _run(result: StudyResult, trial: TrialResult, run: RunResult) -> RunEntry:
    return RunEntry(
        seed=run.seed,
        phase=phase_of(result, trial, run.seed),
        state=run.state,
        reason=run.reason,
        attempt=run.attempt,
        steps_trained=run.steps_trained,
        steps_inherited=run.steps_inherited,
        seconds=round(run.seconds, 3),
        device=run.device,
        incidents=run.incidents,
    )


def _success(result: StudyResult, trial: TrialResult) -> tuple[CriterionResult, ...]:
    """Of the screening seeds, which trials of an attribution do not have."""
    if trial.spec.role == "attribution":
        return ()
    return tuple(check_trial(criteria_of(result.config), trial, result.seeds))


def _trial(result: StudyResult, trial: TrialResult, judgement: Judgement) -> TrialEntry:
    spec, runs = trial.spec, trial.runs.values()
    state, reason = _state(trial)
    return TrialEntry(
        trial=spec.number,
        name=spec.name,
        role=spec.role,
        state=state,
        reason=reason,
        params=spec.params,
        overrides=spec.overrides,
        fingerprint=spec.fingerprint,
        **_measured(result, trial),
        success=_success(result, trial),
        comparisons=judgement.comparisons.get(spec.number, ()),
        steps_trained=sum(run.steps_trained for run in runs),
        steps_inherited=sum(run.steps_inherited for run in runs),
        seconds=round(sum(run.seconds for run in runs), 3),
        warnings=spec.notices,
        max_steps=spec.max_steps,
        pruned_at=_pruned_at(trial),
        parent=spec.parent,
        rule=spec.rule,
        alarms=result.alarms.get(spec.number, ()),
        runs=tuple(_run(result, trial, run) for _, run in sorted(trial.runs.items())),
    )
