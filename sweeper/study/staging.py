"""A staged plan in a study: the drafts of its stages, and what its way is decided by."""

from collections.abc import Iterable, Sequence

from sweeper.findings import Decision
from sweeper.monitor import with_changes
from sweeper.results import Objective, TrialResult
from sweeper.search import Draft, Known, NamedStage, TrialSeen, WantedTrial, wanted, way
from sweeper.study.specs import SpecFactory
from sweeper.trial import TrialSpec


def in_stages(
    drafts: Sequence[Draft], stages: Sequence[NamedStage]
) -> tuple[tuple[Draft, ...], tuple[Draft, ...]]:
    """The drafts that a study begins with, and those that a later stage may begin; without stages all."""
    if not stages:
        return tuple(drafts), ()
    first = [one for one in drafts if one.role == "baseline" or one.name in stages[0].trials]
    return tuple(first), tuple(one for one in drafts if one not in first)


def known_of(results: Iterable[TrialResult], seeds: tuple[int, ...], objective: Objective) -> Known:
    """What decides the way: the candidates and the baseline by their means on validation."""
    means = {one.spec.number: one.mean(seeds, f"val/{objective.metric}") for one in results}
    seen = [_seen(one, means[one.spec.number]) for one in results if one.spec.role == "candidate"]
    baselines = [means[one.spec.number] for one in results if one.spec.role == "baseline"]
    return Known(seen, objective.direction, next(iter(baselines), None))


def _seen(result: TrialResult, mean: float | None) -> TrialSeen:
    spec = result.spec
    value = mean if result.state == "COMPLETE" else None
    return TrialSeen(spec.number, spec.name, result.state, value, spec.parent, spec.rule)


def adjusted_draft(factory: SpecFactory, origin: TrialSpec, asked: WantedTrial) -> Draft:
    """The trial that a stage makes from `origin`; `params` are the origin's with what was changed."""
    made = with_changes(asked.change or {}, origin.config, origin.overrides)
    draft = factory.spec(-1, asked.name, "candidate", {**origin.params, **made.params}, made.overrides)
    return draft.model_copy(update={"parent": origin.number, "rule": asked.stage})


def stage_drafts(
    factory: SpecFactory,
    stages: Sequence[NamedStage],
    drafts: Iterable[Draft],
    trials: Sequence[TrialSpec],
    known: Known,
) -> tuple[tuple[Decision, ...], tuple[Draft, ...]]:
    """The way so far, and the trials that its stages ask for and that have not begun.

    `drafts`: those of all stages (`Plan.drafts` and `Plan.later`); `trials`: those of the study so far.
    """
    decisions = way(stages, known)
    by_name = {draft.name: draft for draft in drafts}
    begun = {(trial.name, trial.rule) for trial in trials}
    by_number = {trial.number: trial for trial in trials}
    found = []
    for asked in wanted(stages, decisions, known.trials):
        rule = asked.stage if asked.change is not None else ""
        if (asked.name, rule) in begun:
            continue
        if asked.change is None:
            found.append(by_name[asked.name])
        else:
            origin = by_number[asked.parent.number] if asked.parent else by_name[asked.of]
            found.append(adjusted_draft(factory, origin, asked))
    return decisions, tuple(found)
