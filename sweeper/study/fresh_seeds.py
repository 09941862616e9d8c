"""Which confirmation seeds a study takes: all that it names, or as many as its verdict needs."""

from collections.abc import Callable

from sweeper.results import Policy, TrialResult
from sweeper.study.confirming import Confirming, Settled
from sweeper.verdict import PairWalk, certain_seeds


class FreshSeeds:
    """Follows the winner's pairs; where their number is fixed, or there is no winner yet, it takes all seeds.

    `contest()`: baseline and winner with their runs, None before there is one; `version()` changes with it.
    `confirming` settles how many pairs a winner has; without it that is all that the policy names.
    """

    def __init__(
        self,
        policy: Policy,
        confirming: Confirming | None,
        contest: Callable[[], tuple[TrialResult, TrialResult] | None],
        version: Callable[[], tuple[int, ...]],
    ) -> None:
        self._all, self._is_sequential = policy.confirm_seeds, policy.is_sequential
        self.certain = certain_seeds(policy)
        """What any winner takes."""
        self._confirming, self._contest, self._version = confirming, contest, version
        self._pairs: tuple[tuple[int, ...], PairWalk] | None = None

    @property
    def of_verdict(self) -> tuple[int, ...]:
        """All that the study names; of an open number those of the winner's budget, or that it took."""
        walked = self._walked()
        return self._all if walked is None else walked.seeds

    @property
    def of_attribution(self) -> tuple[int, ...]:
        """What the trials of an attribution are trained on."""
        walked = self._walked()
        return self._all if walked is None else walked.for_attribution

    def needless(self, *, attributes: bool) -> frozenset[int]:
        """Those that there might have been, and that neither verdict nor attribution takes any more."""
        taken = self.of_attribution if attributes else ()
        return frozenset(self._all).difference(taken, self.of_verdict)

    def settled(self) -> Settled | None:
        """The budgets of the study's winners, the present one's among them; None where none is known."""
        pair = self._contest()
        return None if pair is None or self._confirming is None else self._confirming.settled(*pair)

    def _walked(self) -> PairWalk | None:
        pair = self._contest() if self._is_sequential else None
        if pair is None or self._confirming is None:
            return None
        now = (pair[1].spec.number, *self._version())
        if self._pairs is None or self._pairs[0] != now:
            self._pairs = now, self._confirming.walked(*pair)
        return self._pairs[1]
