"""Who proposes the trials of a sweep: the list of its points, or its sampler."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count, islice

from sweeper.errors import Fault, UserError
from sweeper.locks import Turns
from sweeper.results import Policy
from sweeper.schema import ConfirmSeeds, StudySettings, Wilcoxon
from sweeper.search import (
    MANY_POINTS,
    Adaptive,
    Draft,
    Enumerated,
    Point,
    Sweep,
    TrialBook,
    acts_on_evaluations,
    alone_with,
    check_extends,
    extremes,
    in_known_order,
    sampler_of,
)
from sweeper.study.objectives import guard_faults, metric_faults, objectives_of
from sweeper.study.sampled import PointMaker, refused
from sweeper.study.spec_factory import SpecFactory
from sweeper.study.specs import in_short
from sweeper.trial import TrialSpec

FIRST_CONFIRMATION_SEED = 1000
N_SHOWN = 20
"""So many trials of a very large grid are described in its plan."""


def drafts_of(sweep: Sweep, factory: SpecFactory) -> list[Draft]:
    """The baseline and all points of an enumerated sweep, not numbered yet.

    Raises UserError with all that cannot train on the data, of a sampler's space at its extreme points, with
    all metrics that are asked for and not there, and with guards that cannot be.
    """
    points = extremes(sweep.space) if sweep.points is None else listed_points(sweep)
    candidates = [factory.spec(-1, p.name, "candidate", p.params, p.overrides) for p in points]
    drafts = [factory.baseline(-1), *candidates]
    found: dict[Fault, list[str]] = {}
    for draft in drafts:
        for fault in factory.faults(draft):
            found.setdefault(fault, []).append(draft.name)
    faults = [_with_names(fault, names, len(drafts)) for fault, names in found.items()]
    if faults := [*sweep.faults, *faults, *guard_faults(sweep), *metric_faults(sweep, factory, drafts)]:
        raise UserError(faults)
    return drafts if sweep.points is not None else drafts[:1]


def listed_points(sweep: Sweep) -> tuple[Point, ...]:
    """The points of an enumerated sweep; of very many in a dry run, the first ones and the last."""
    points = sweep.points or ()
    is_shown_only = sweep.settings.study.dry_run and len(points) > MANY_POINTS
    return (*points[: N_SHOWN - 1], points[-1]) if is_shown_only else points


def _with_names(fault: Fault, names: Sequence[str], n_drafts: int) -> Fault:
    """The fault with the trials that have it, unless all do."""
    about = f" (in {in_short(names)})" if len(names) < n_drafts else ""
    return replace(fault, where=f"{fault.where}{about}")


def reopened(settings: StudySettings) -> frozenset[str]:
    """The states in which a run of an earlier command is tried again by this one."""
    retry = settings.study.retry
    failed = {"FAILED"} if retry in ("failed", "all") else set()
    is_unpruned = retry in ("pruned", "all") or settings.pruner.name == "none"
    return frozenset(failed | ({"PRUNED"} if is_unpruned else set()))


def policy_of(sweep: Sweep, confirm_seeds: ConfirmSeeds | None = None) -> Policy:
    """How the study spends its runs; with other `confirm_seeds` than the sweep's settings, where given.

    Raises UserError where confirmation seeds are not fresh, or a pruner cannot work.
    """
    study, pruner = sweep.settings.study, sweep.settings.pruner
    n_candidates = study.n_trials if sweep.points is None else len(sweep.points)
    assert n_candidates is not None
    if faults := race_faults(sweep):
        raise UserError(faults)
    wanted = study.confirm_seeds if confirm_seeds is None else confirm_seeds
    objectives = objectives_of(sweep)
    fresh = _open_seeds(sweep) if wanted == "auto" else _confirm_seeds(wanted, sweep.seeds)
    return Policy(
        seeds=sweep.seeds,
        confirm_seeds=fresh if len(objectives) == 1 else (),  # a front has no one best to confirm
        objectives=objectives,
        replicate_top_k=study.replicate_top_k if sweep.is_adaptive else None,
        max_failure_rate=study.max_failure_rate,
        n_candidates=n_candidates,
        is_screened=acts_on_evaluations(pruner),
        is_seed_major=isinstance(pruner, Wilcoxon) or study.screening == "race",
        is_race=study.screening == "race",
        is_sequential=wanted == "auto" and len(objectives) == 1,
    )


def race_faults(sweep: Sweep) -> list[Fault]:
    """What keeps candidates of this sweep from racing."""
    study, where = sweep.settings.study, "study.screening"
    if study.screening != "race":
        return []
    found = []
    if sweep.is_adaptive:
        problem = (
            "got race beside a sampler that proposes; expected trials that are all known at the beginning"
        )
        found.append(
            Fault(where, problem, "Leave it out: study.replicate_top_k saves the seeds of the others")
        )
    if len(objectives_of(sweep)) > 1:
        problem = "got race beside several objectives; expected one: a front has no one choice to race for"
        found.append(Fault(where, problem, "Leave one in study.metrics, or leave it out"))
    if isinstance(sweep.settings.pruner, Wilcoxon):
        problem = "got race beside pruner=wilcoxon; expected one of them: both end candidates between seeds"
        found.append(Fault(where, problem, "Leave one of them out"))
    return found


def asker_of(
    sweep: Sweep, factory: SpecFactory, drafts: Sequence[Draft], trials: TrialBook, turns: Turns
) -> Enumerated | Adaptive:
    """Where the trials come from; sessions ask in `turns`."""
    alone = partial(alone_with, turns)
    if not sweep.is_adaptive:
        first = drafts[:1] if sweep.stages else drafts  # the trials of stages join as these begin
        return Enumerated(first, trials, alone, factory.adopt)
    n_trials = sweep.settings.study.n_trials
    assert n_trials is not None
    return Adaptive(
        drafts[0],
        n_trials,
        trials,
        lambda: _suggest(sweep, factory, drafts[0], trials),
        alone,
        factory.adopt,
    )


def check_known_space(sweep: Sweep, trials: TrialBook) -> None:
    """Raises UserError where a sampler cannot go on from the parameters of earlier commands."""
    if sweep.is_adaptive:
        known = trials.distributions()
        check_extends(in_known_order(sweep.space, known), known)


def _suggest(sweep: Sweep, factory: SpecFactory, baseline: Draft, trials: TrialBook) -> TrialSpec:
    sampler = sweep.settings.sampler
    # a quasi-random sequence is one sequence under one seed; other samplers draw anew for each trial
    step = 0 if sampler.name == "qmc" else 1
    space = in_known_order(sweep.space, trials.distributions())
    point = PointMaker(sweep, factory, space)
    n_objectives = len(objectives_of(sweep))
    return trials.suggest(
        lambda number: sampler_of(sampler, sampler.seed + step * number, n_objectives),
        point.define,
        point.describe,
        partial(refused, sweep, factory, baseline),
    )


def _open_seeds(sweep: Sweep) -> tuple[int, ...]:
    """The most that there may be, whatever seeds the screening has: nobody has chosen these."""
    fresh = (seed for seed in count(FIRST_CONFIRMATION_SEED) if seed not in sweep.seeds)
    return tuple(islice(fresh, sweep.settings.study.max_confirm_seeds))


def _confirm_seeds(given: int | tuple[int, ...], seeds: Sequence[int]) -> tuple[int, ...]:
    fresh = (
        tuple(range(FIRST_CONFIRMATION_SEED, FIRST_CONFIRMATION_SEED + given))
        if isinstance(given, int)
        else given
    )
    if shared := sorted(set(fresh) & set(seeds)):
        problem = f"got {list(fresh)}, of which {shared} are screening seeds; expected fresh ones"
        raise UserError(Fault("study.confirm_seeds", problem, "Choose others"))
    return fresh
