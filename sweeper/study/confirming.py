"""Which confirmation seeds a winner has: settled once, when it wins, and stored beside the runs."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.findings import Look, PairBudget
from sweeper.results import Policy, TrialResult
from sweeper.storage import RunBook
from sweeper.verdict import (
    PairWalk,
    extended_by_last,
    judged_on,
    place_of,
    walk_of,
    wanted_budget,
    with_claim,
)

MOST_TRIES = 10
"""So many sessions may settle another winner's budget at the same moment."""


@dataclass(frozen=True)
class Settled:
    """The budgets of a study, the place of the present winner's, and the looks that there had been."""

    budgets: tuple[PairBudget, ...]
    place: int
    looks: tuple[Look, ...]


class Confirming:
    """The confirmation pairs of a study's winners.

    `split`: what the looks at the test split are kept under. A budget follows from the screening; how many of
    its pairs are used follows from their results, in the order of the pairs, whenever they come.
    """

    def __init__(
        self,
        policy: Policy,
        book: RunBook,
        split: Callable[[], str],
        confidence: float,
        min_effect: float | None,
    ) -> None:
        self._policy, self._book, self._split = policy, book, split
        self._confidence, self._min_effect = confidence, min_effect
        self._settled: dict[tuple[str, str], Settled] = {}

    def settled(self, baseline: TrialResult, best: TrialResult) -> Settled:
        """The budget of this winner, which it gets now where it has none."""
        key = (baseline.spec.fingerprint, best.spec.fingerprint)
        if key not in self._settled:
            self._settled[key] = self._settle(baseline, best)
        return self._settled[key]

    def walked(self, baseline: TrialResult, best: TrialResult) -> PairWalk:
        """How far the pairs of this winner have come."""
        return self._walked(baseline, best, self.settled(baseline, best))

    def _walked(self, baseline: TrialResult, best: TrialResult, found: Settled) -> PairWalk:
        policy = self._policy
        return walk_of(
            baseline,
            best,
            budgets=found.budgets,
            looks=found.looks,
            place=found.place,
            objective=policy.objectives[0],
            split=judged_on([baseline, best], policy.objectives),
            confidence=self._confidence,
            min_effect=self._min_effect,
            drops=policy.replicate_top_k == 1,
        )

    def _ended_within(self, baseline: TrialResult, best: TrialResult, claimed: Settled, before: int) -> bool:
        """Whether the pairs of the budget at `before` have decided it all already."""
        last = Settled(claimed.budgets, len(claimed.budgets) - 1, claimed.looks)
        found = self._walked(baseline, best, last).walk
        is_early = found.n <= len(claimed.budgets[before].pairs)
        return is_early and found.state in ("decided", "failed")

    def foreseen(self, baseline: TrialResult, best: TrialResult) -> PairWalk:
        """What `walked` says, or would say: to ask changes nothing."""
        wanted, looks = self._wanted(baseline, best), self._book.looks(self._split())
        known = self._book.budgets(self._split())
        return self._walked(baseline, best, self._claimed(baseline, best, wanted, known, looks))

    def _settle(self, baseline: TrialResult, best: TrialResult) -> Settled:
        split, wanted = self._split(), self._wanted(baseline, best)
        looks = self._book.looks(split)
        for _ in range(MOST_TRIES):
            known = self._book.budgets(split)
            found = self._claimed(baseline, best, wanted, known, looks)
            if found.budgets == known:
                return found
            for at in range(len(known), len(found.budgets)):
                self._book.add_budget(split, at, found.budgets[at])
        raise AssertionError("other sessions took every place")

    def _wanted(self, baseline: TrialResult, best: TrialResult) -> PairBudget:
        on = judged_on([baseline, best], self._policy.objectives)
        return wanted_budget(baseline, best, self._policy, on)

    def _claimed(
        self,
        baseline: TrialResult,
        best: TrialResult,
        wanted: PairBudget,
        known: tuple[PairBudget, ...],
        looks: tuple[Look, ...],
    ) -> Settled:
        """The budgets with one for the winner: its own, or `wanted` where it has none."""
        budgets = with_claim(known, looks, wanted)
        place = place_of(budgets, looks, wanted)
        assert place is not None
        if budgets == known:
            return Settled(known, place, looks)
        claimed = Settled(budgets, place, looks)
        before = extended_by_last(budgets, looks)
        if before is not None and self._ended_within(baseline, best, claimed, before):
            return Settled(budgets[:-1], before, looks)
        return claimed
