"""What the ways through a staged plan would cost, by all that the storage knows."""

from collections.abc import Sequence

from sweeper.findings import Decision
from sweeper.monitor import changed
from sweeper.results import Runs
from sweeper.search import NamedStage, WantedTrial, origins_of, wanted, way
from sweeper.storage import RunBook
from sweeper.study.growth import known_of
from sweeper.study.plan import Plan
from sweeper.study.run_state import n_confirmed, trial_results
from sweeper.study.spec_factory import SpecFactory
from sweeper.study.stage_tree import Branch, Cost, branches
from sweeper.trial import TrialSpec


def staged_forecast(plan: Plan, trials: Sequence[TrialSpec], book: RunBook, step_s: float | None) -> Branch:
    """The first stage of the plan, with all ways from it, or with the one that is taken so far.

    `trials`: the baseline and those that stages name. Follow-ups of earlier commands are not looked at.
    """
    policy, stages, n_slots = plan.policy, plan.sweep.stages, len(plan.arrangement.slots)
    decisions, begun = _way_so_far(plan, trials, book)
    known = _known(plan, begun, book)

    def cost(some: Sequence[TrialSpec], n_unknown: int = 0, seeds: Sequence[int] = policy.seeds) -> Cost:
        n_runs = sum((one.number, seed) not in known for one in some for seed in seeds) + n_unknown
        steps = max((one.max_steps for one in some), default=0)
        return Cost(n_runs, None if step_s is None else -(-n_runs // n_slots) * steps * step_s)

    costs = {stage.name: cost(_trials_of(stage, stages, begun)) for stage in stages}
    first = _trials_of(stages[0], stages, begun)
    with_baseline = cost([trials[0], *first])
    n_confirming = max(0, 2 * len(policy.confirm_seeds) - n_confirmed(begun, known, policy))
    around = cost(trials, n_confirming, ())
    return branches(stages, costs, _less(with_baseline, costs[stages[0].name]) + around, decisions)


def _less(one: Cost, other: Cost) -> Cost:
    """What the baseline adds: it trains beside the first stage."""
    known = one.seconds is not None and other.seconds is not None
    return Cost(one.n_runs - other.n_runs, (one.seconds or 0) - (other.seconds or 0) if known else None)


def _known(plan: Plan, trials: Sequence[TrialSpec], book: RunBook) -> Runs:
    return {key: run for key, run in book.known(trials).items() if run.state not in plan.reopened}


def _way_so_far(
    plan: Plan, trials: Sequence[TrialSpec], book: RunBook
) -> tuple[tuple[Decision, ...], list[TrialSpec]]:
    """The decisions that known runs make, and the trials with those that stages have adjusted."""
    begun = list(trials)
    while True:
        runs = _known(plan, begun, book)
        seen = known_of(trial_results(begun, runs, lambda _: plan.policy.seeds), plan.policy)
        decisions = way(plan.sweep.stages, seen)
        asked = [one for one in wanted(plan.sweep.stages, decisions, seen.trials) if one.parent is not None]
        new = [one for one in asked if one.name not in {trial.name for trial in begun}]
        if not new:
            return decisions, begun
        begun += [_adjusted(plan.factory, begun, one) for one in new]


def _adjusted(factory: SpecFactory, begun: Sequence[TrialSpec], asked: WantedTrial) -> TrialSpec:
    """The trial that a stage makes of another, under the next number."""
    origin = next(one for one in begun if asked.parent and one.number == asked.parent.number)
    made = changed(asked.change or {}, origin.config, origin.overrides)
    params = {**origin.params, **made.params}
    spec = factory.spec(len(begun), asked.name, "candidate", params, made.overrides)
    return spec.model_copy(update={"parent": origin.number, "rule": asked.stage})


def _trials_of(
    stage: NamedStage, stages: Sequence[NamedStage], begun: Sequence[TrialSpec]
) -> list[TrialSpec]:
    """The trials of a stage; of one that has yet to adjust a trial the longest that it may come from."""
    if stage.adjusted is None:
        return [one for one in begun if one.name in stage.trials and not one.rule]
    made = [one for one in begun if one.rule == stage.name]
    origins = [one for one in begun if one.name in origins_of(stage, stages)]
    longest = sorted(origins, key=lambda one: one.max_steps)[-1:]
    return made or [one.model_copy(update={"number": -1}) for one in longest]
