"""Seeds until the verdict is decided: pairs of baseline and winner, looked at one by one. Pure.

Repeated confidence intervals (Jennison and Turnbull 1989) with the errors of `spending`: after each pair the
usual interval, wide enough that all looks together hold the study's confidence. Pairs stop where it excludes
zero, where it lies within what is too small to matter, where more pairs would hardly decide it, or where the
budget is used up. `benchmarks/sequential.py` measures what that saves and how often it errs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite, nan

import numpy as np
from scipy.special import ndtr, ndtri

from sweeper.findings import PairLook, PairsEnd
from sweeper.models import Direction
from sweeper.verdict.paired import (
    ExamplesSum,
    Interval,
    Part,
    critical,
    differences,
    influence_differences,
    spread,
    student,
)
from sweeper.verdict.selection import Arm, word_of

LEAST_BUDGET = 5
PER_SPLIT_VARIANCE = 4.0
"""Pairs stop helping where their noise adds a quarter of the test split's own variance, which stays."""
FUTILE_FROM, FUTILE_BELOW = 4, 0.10
"""Number of pairs from which it is asked whether more would decide it; the probability that is too low."""


@dataclass(frozen=True)
class Design:
    """`errors`: by number of pairs, the two-sided error of the look at that many; the last one is the budget.

    `is_sequential`: pairs may stop before the budget is used up; else the last look alone decides.
    `n_judged`: so many were judged by what this design goes on from; that fewer would do is no reason to end.
    """

    errors: Mapping[int, float]
    is_sequential: bool = True
    n_judged: int = 0

    @property
    def budget(self) -> int:
        """The most pairs."""
        return max(self.errors)


@dataclass(frozen=True)
class Walk:
    """The looks that were taken, and how it ended; `n`: the pairs that count.

    `state` is None while more pairs are wanted.
    """

    looks: tuple[PairLook, ...]
    n: int
    state: PairsEnd | None


@dataclass(frozen=True, eq=False)
class Contest:
    """The winner against the baseline, pair by pair.

    `seeds`: those of the pairs, in order. `ended`: on which of them both arms have ended.
    """

    best: Arm
    baseline: Arm
    direction: Direction
    min_effect: float | None
    seeds: Sequence[int]
    ended: Collection[int]

    @property
    def sign(self) -> int:
        """+1 where more is better."""
        return 1 if self.direction == "maximize" else -1

    def pair(self, seed: int) -> float:
        """Winner minus baseline; not finite where either has no value."""
        return self.best.confirmation.get(seed, nan) - self.baseline.confirmation.get(seed, nan)

    def add_examples(self, sums: ExamplesSum, seeds: Collection[int]) -> None:
        """Take in the influence values of both arms on these seeds, where both have them."""
        ours, theirs = self.best.influence or {}, self.baseline.influence or {}
        for difference in influence_differences(ours, theirs, seeds):
            sums.add(difference)


def budget_of(best: Arm, baseline: Arm, most: int) -> int:
    """The most pairs that are worth their while, by what screening tells of both noises; `most` at most."""
    run = spread(differences(best.test, baseline.test))
    sums = ExamplesSum()
    Contest(best, baseline, "maximize", None, (), ()).add_examples(sums, best.test)
    examples = sums.part()
    if run is None or examples is None or examples.variance == 0:
        return most
    return min(most, max(LEAST_BUDGET, ceil(PER_SPLIT_VARIANCE * run.variance / examples.variance)))


def walk(contest: Contest, design: Design) -> Walk:
    """All looks in the order of the pairs, whatever the order in which their runs ended."""
    sums = ExamplesSum()
    contest.add_examples(sums, contest.best.test.keys() | contest.baseline.test.keys())
    screened = differences(contest.best.test, contest.baseline.test)
    found = _Progress(contest, design, screened, sums)
    for n, seed in enumerate(contest.seeds[: design.budget], start=1):
        if seed not in contest.ended:
            return Walk(tuple(found.looks), n - 1, None)
        state = found.take(n, seed)
        if state is not None and (design.is_sequential or n == design.budget):
            return Walk(tuple(found.looks), n, state)
    return Walk(tuple(found.looks), design.budget, "used up")


def expected_pairs(design: Design, effect: float, n_walks: int = 2000) -> float:
    """Mean pairs of known noise, by simulation: `effect` in standard errors of the mean of five.

    As a plan before anything is known; the test split's own part, which pairs do not lessen, is left out.
    """
    last, rng = design.budget, np.random.default_rng(0)
    draws = rng.standard_normal((n_walks, last)) + effect / LEAST_BUDGET**0.5
    is_open, pairs = np.ones(n_walks, dtype=bool), 0.0
    means = np.abs(draws.cumsum(axis=1) / np.arange(1, last + 1))
    half = float(-ndtri(design.errors[last] / 2)) / last**0.5
    for n in range(1, last + 1):
        pairs += float(is_open.sum())
        if n == last:
            break
        m = means[:, n - 1]
        reach = -ndtri(design.errors[n] / 2) if n in design.errors else np.inf
        sd = (1 / n - 1 / last) ** 0.5
        power = ndtr((m - half) / sd) + ndtr((-m - half) / sd)
        is_open &= (m <= reach / n**0.5) & ((power >= FUTILE_BELOW) | (n < FUTILE_FROM))
    return pairs / n_walks


@dataclass
class _Progress:
    """The pairs so far."""

    contest: Contest
    design: Design
    screened: Sequence[float]
    sums: ExamplesSum
    pairs: list[float] = field(default_factory=list)
    looks: list[PairLook] = field(default_factory=list)

    def take(self, n: int, seed: int) -> PairsEnd | None:
        """One more pair; how it all ends with it, or None."""
        pair = self.contest.pair(seed)
        if not isfinite(pair):
            return "failed"
        self.pairs.append(pair)
        self.contest.add_examples(self.sums, [seed])
        if n not in self.design.errors or len(self.pairs) < n:
            return None
        look = self._look(n)
        self.looks.append(look)
        return self._end(look, n)

    def _parts(self) -> tuple[Part | None, Part | None]:
        return spread(self.screened, self.pairs), self.sums.part()

    def _look(self, n: int) -> PairLook:
        run, examples = self._parts()
        error, mean = self.design.errors[n], self.contest.sign * sum(self.pairs) / n
        found = student(mean, run.over(n) if run else None, examples, 1 - error) if error > 0 else Interval()
        reach = None if run is None or error <= 0 else critical(run.over(n), examples, error)
        return PairLook(n=n, improvement=mean, ci_low=found.low, ci_high=found.high, error=error, reach=reach)

    def _end(self, look: PairLook, n: int) -> PairsEnd | None:
        word = word_of(look.ci_low, look.ci_high, self.contest.min_effect)
        if word != "not distinguishable":
            return "decided"
        if n == self.design.budget:
            return "used up"
        is_futile = (
            n >= max(FUTILE_FROM, self.design.n_judged) and self._power(look.improvement, n) < FUTILE_BELOW
        )
        return "futile" if is_futile else None

    def _power(self, mean: float, n: int) -> float:
        """The probability that the budget's last look decides, if the pairs to come are like those so far."""
        run, examples = self._parts()
        last = self.design.budget
        if run is None or run.variance == 0:
            return 0.0  # each pair shows the same
        at_end = Part(run.variance / last, run.df + last - n)
        reach = critical(at_end, examples, self.design.errors[last])
        half = reach * (at_end.variance + (examples.variance if examples else 0.0)) ** 0.5
        sd, m, small = (run.variance * (1 / n - 1 / last)) ** 0.5, abs(mean), self.contest.min_effect or 0.0
        outside = ndtr((m - half) / sd) + ndtr((-m - half) / sd)
        inside = ndtr((small - half - m) / sd) - ndtr((half - small - m) / sd) if small > half else 0.0
        return float(outside + inside)
