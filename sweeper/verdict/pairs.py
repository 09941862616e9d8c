"""The pairs of a study's confirmation: how many its winner may have, has had, and why they ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from sweeper.findings import Look, PairBudget, Pairs
from sweeper.results import ENDED, JudgedOn, Objective, Policy, StudyResult, TrialResult
from sweeper.verdict.pair_budgets import FIRST_LOOK, design_of, n_verdicts
from sweeper.verdict.selection import Arm
from sweeper.verdict.sequential import FUTILE_BELOW, Contest, Design, Walk, budget_of, expected_pairs, walk
from sweeper.verdict.study_arms import arm_of, without_seed
from sweeper.wording import plural

LEAST_FOR_ATTRIBUTION = 3
"""Its error is pooled over combinations and seeds: with three it names what acts as it says."""


@dataclass(frozen=True)
class PairWalk:
    """A winner's budget with its design, and how far its pairs have come."""

    budget: PairBudget
    design: Design
    walk: Walk
    confidence: float

    @property
    def seeds(self) -> tuple[int, ...]:
        """The confirmation seeds that count, or may still count."""
        if self.walk.state is None or not self.design.is_sequential:
            return self.budget.pairs
        return self.budget.pairs[: self.walk.n]

    @property
    def for_attribution(self) -> tuple[int, ...]:
        """The confirmation seeds that an attribution takes: no fewer than the screening has, and three.

        As many as the budget has, where that is less. Those beyond `seeds` play no part in the verdict.
        """
        least = max(LEAST_FOR_ATTRIBUTION, len(self.budget.seeds))
        return self.budget.pairs[: max(least, len(self.seeds))]

    @property
    def level(self) -> float:
        """The confidence of the interval at the last look, such that all looks together have the study's."""
        error = self.design.errors.get(self.walk.n, min(self.design.errors.values()))
        return self.confidence if error == 1 - self.confidence else 1 - error

    @property
    def is_plain(self) -> bool:
        """Whether this is a fixed number of pairs in a study that was judged by nothing else."""
        return not self.design.is_sequential and self.level == self.confidence


def wanted_budget(baseline: TrialResult, best: TrialResult, policy: Policy, split: JudgedOn) -> PairBudget:
    """The budget of a winner, by the screening alone; a fixed number of pairs is what it is."""
    n = len(policy.confirm_seeds)
    if policy.is_sequential:
        seeds, drops = policy.seeds, policy.replicate_top_k == 1
        ours, theirs = (
            _arm(one, policy.objectives[0], seeds, (), split, drops=drops) for one in (best, baseline)
        )
        n = budget_of(ours, theirs, n)
    return PairBudget(
        best=best.spec.fingerprint,
        baseline=baseline.spec.fingerprint,
        seeds=policy.seeds,
        pairs=policy.confirm_seeds[:n],
        is_sequential=policy.is_sequential,
    )


def certain_seeds(policy: Policy) -> tuple[int, ...]:
    """The confirmation seeds that any winner takes: of an open number those of the first look."""
    return policy.confirm_seeds[:FIRST_LOOK] if policy.is_sequential else policy.confirm_seeds


TYPICAL_EFFECTS = (0.0, 1.0, 2.0, 3.0, 5.0)
"""In standard errors of the mean of five pairs: the mean over these is what a plan expects."""


def first_design(policy: Policy, confidence: float) -> Design:
    """That of a first winner, before the screening has told how many pairs are worth their while."""
    wanted = PairBudget(
        best="best",
        baseline="baseline",
        seeds=policy.seeds,
        pairs=policy.confirm_seeds,
        is_sequential=policy.is_sequential,
    )
    return design_of([wanted], [], 0, confidence)


def typical_pairs(design: Design) -> float:
    """How many pairs are to be expected, whatever the effect."""
    if not design.is_sequential:
        return design.budget
    return fmean(expected_pairs(design, effect) for effect in TYPICAL_EFFECTS)


def walk_of(
    baseline: TrialResult,
    best: TrialResult,
    *,
    budgets: Sequence[PairBudget],
    looks: Sequence[Look],
    place: int,
    objective: Objective,
    split: JudgedOn,
    confidence: float,
    min_effect: float | None,
    drops: bool = False,
) -> PairWalk:
    """How far the pairs of the winner whose budget is at `place` have come.

    `drops`: the first screening seed picked the winner, and is left out of the spread.
    """
    budget, design = budgets[place], design_of(budgets, looks, place, confidence)
    arms = [_arm(one, objective, budget.seeds, budget.pairs, split, drops=drops) for one in (best, baseline)]
    ended = [seed for seed in budget.pairs if all(_has_ended(one, seed) for one in (best, baseline))]
    contest = Contest(arms[0], arms[1], objective.direction, min_effect, budget.pairs, ended)
    return PairWalk(budget, design, walk(contest, design), confidence)


def walk_in(result: StudyResult, best: int) -> PairWalk | None:
    """That of a study's candidate number `best`; None where the study keeps no budgets, or it has none."""
    found = next(trial for trial in result.candidates if trial.spec.number == best)
    at = result.pair_budget
    if at is None or result.budgets[at].best != found.spec.fingerprint:
        return None
    return walk_of(
        result.baseline,
        found,
        budgets=result.budgets,
        looks=result.looks,
        place=at,
        objective=result.objectives[0],
        split=result.judged_on,
        confidence=result.confidence,
        min_effect=result.min_effect,
        drops=result.replicate_top_k == 1,
    )


def told(walked: PairWalk, result: StudyResult) -> Pairs | None:
    """What a summary tells of it; nothing of a fixed number in a study that was judged by nothing else."""
    place = result.pair_budget
    if walked.is_plain or place is None:
        return None
    design, found = walked.design, walked.walk
    return Pairs(
        budget=design.budget,
        confidence=walked.level,
        errors=dict(design.errors),
        looks=found.looks,
        is_sequential=design.is_sequential,
        ended=found.state,
        because=pairs_in_words(walked),
        n_judged=n_verdicts(result.budgets, result.looks, place, found.n),
    )


def pairs_in_words(walked: PairWalk) -> str:
    """Why no further pair is wanted."""
    found, n = walked.walk, plural(walked.walk.n, "pair")
    most = f"{n} of at most {walked.design.budget}"
    match found.state:
        case None:
            return f"{most} so far"
        case "decided":
            return f"decided after {most}"
        case "futile":
            return (
                f"stopped after {most}: if the others are like these, the chance that they decide it is "
                f"below {FUTILE_BELOW:.0%}"
            )
        case "failed":
            return f"stopped after {most}: a run has no value, so that the verdict cannot be better or worse"
    return f"all {n} are used up"


def _arm(
    trial: TrialResult,
    objective: Objective,
    seeds: tuple[int, ...],
    pairs: tuple[int, ...],
    split: JudgedOn,
    *,
    drops: bool,
) -> Arm:
    arm = arm_of(trial, objective, seeds, pairs, with_records=True, split=split)
    return without_seed(arm, seeds[0]) if drops else arm


def _has_ended(trial: TrialResult, seed: int) -> bool:
    run = trial.runs.get(seed)
    return run is not None and run.state in ENDED
