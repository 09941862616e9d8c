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

    def _settle(self, baseline: TrialResult, best: TrialResult) -> Settled:
        split = self._split()
        looks = self._book.looks(split)
        on = judged_on([baseline, best], self._policy.objectives)
        wanted = wanted_budget(baseline, best, self._policy, on)
        for _ in range(MOST_TRIES):
            known = self._book.budgets(split)
            place = place_of(known, looks, wanted)
            if place is not None:
                return Settled(known, place, looks)
            claimed = Settled(with_claim(known, looks, wanted), -1, looks)
            before = extended_by_last(claimed.budgets, looks)
            is_over = before is not None and self._ended_within(baseline, best, claimed, before)
            if is_over and before is not None and before < len(known):
                return Settled(known, before, looks)
            for at in range(len(known), len(claimed.budgets) - is_over):
                self._book.add_budget(split, at, claimed.budgets[at])
        raise AssertionError("other sessions took every place")
