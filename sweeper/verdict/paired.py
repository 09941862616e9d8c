"""The error of a paired difference of means: its seed part, its examples part, Student's interval. Pure.

Model: with seed s, arm a scores `mu_a + e_as + mean_i(A_ai + B_asi)` on the test split. The seed part, e
and the mean of B, is drawn anew by every run; A, how arm a fares on example i whatever the seed, by every
test split.
"""

from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, stdtr, stdtrit

Key = TypeVar("Key", bound=Hashable)
Floats = NDArray[np.float64]
PerSeed = Mapping[int, float]
Influence = Mapping[int, NDArray[np.floating]]
"""Influence values on the test split ([n] each) by seed; see `sweeper.task.influence`."""

N_SEEDS_MAX = 10_000
POWER = 0.8
FEW_DF = 4
"""Degrees of freedom of the seed part up to which Satterthwaite's are not to be relied on."""
LEAST_P, N_HALVINGS = 1e-30, 60
ROUNDING = 1e-9
"""A standard error this much smaller than the difference is rounding, not noise."""


@dataclass(frozen=True)
class Part:
    """A variance with the degrees of freedom of its estimate."""

    variance: float
    df: float

    def over(self, n: int) -> "Part":
        """The part of a mean of n independent draws."""
        return Part(self.variance / n, self.df)


@dataclass(frozen=True)
class Interval:
    """Student's interval for a difference, and the two-sided p-value of none; all None where unknown."""

    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    df: float | None = None


def differences(candidate: PerSeed, baseline: PerSeed) -> list[float]:
    """Candidate minus baseline on each seed where both are finite, in the order of the seeds."""
    paired = (candidate[seed] - baseline[seed] for seed in sorted(candidate.keys() & baseline.keys()))
    return [difference for difference in paired if isfinite(difference)]


def spread(*groups: Sequence[float]) -> Part | None:
    """Variance of one draw, each group about its own mean; None unless some group has two draws."""
    arrays = [np.asarray(group, dtype=np.float64) for group in groups if len(group) > 0]
    df = sum(array.size - 1 for array in arrays)
    squares = sum(float(((array - array.mean()) ** 2).sum()) for array in arrays)
    return Part(squares / df, df) if df > 0 else None


def guarded(spreads: Mapping[int, Part]) -> dict[int, Part]:
    """For each candidate, its own variance or the median candidate's, whichever is larger.

    With 3 seeds a candidate's own variance has 2 degrees of freedom and can be anything. The median
    steadies it and, unlike a mean, does not follow one unstable candidate; taking the larger keeps a
    noisy candidate honest. As all K differences share the baseline's runs, pooling them multiplies the
    degrees of freedom by 4K / (K + 3) (Satterthwaite's for K + 1 equally noisy arms), not by K. The
    median of a chi-square lies below its mean, hence the division.
    """
    if not spreads:
        return {}
    typical = float(np.median([part.variance / _median_of_unit(part.df) for part in spreads.values()]))
    gain = 4 * len(spreads) / (len(spreads) + 3)
    return {key: Part(max(part.variance, typical), part.df * gain) for key, part in spreads.items()}


def examples_part(candidate: Influence, baseline: Influence) -> Part | None:
    """Variance of the difference over test splits of this size; None where no seed has both influences.

    With x_si the paired difference of influence values, m seeds and n examples, it is

        sum_i sum_{s != t} x_si x_ti / (m (m - 1) n**2),

    whose expectation is var(A) / n: seeds are drawn independently, so that in cross terms B averages out,
    however it is distributed over the examples. The plainer `sum_i mean_s(x_si)**2 / n**2` exceeds it by
    var(B) / (n m), which the seed part holds already. A negative sum counts as 0. With one seed the plainer
    form is all there is; it errs on the safe side.

    Where the metric hangs on a few positives, so does this estimate: its degrees of freedom are those of a
    mean of n squares with the kurtosis that these have, n - 1 at most. With 6 positives among 2,000 examples
    that is a handful, not 1,999.
    """
    return examples_of(influence_differences(candidate, baseline))


def influence_differences(
    candidate: Influence, baseline: Influence, among: Collection[int] | None = None
) -> Iterator[Floats]:
    """Paired differences of influence values [n], seed by seed where both have them; of all or these."""
    seeds = candidate.keys() & baseline.keys()
    for seed in sorted(seeds if among is None else seeds & set(among)):
        ours, theirs = candidate.get(seed), baseline.get(seed)
        if ours is not None and theirs is not None:
            yield ours.astype(np.float64) - theirs


def examples_of(per_seed: Iterable[Floats]) -> Part | None:
    """The same of any contrast of arms: `per_seed` are its influence values ([n] each), seed by seed."""
    sums = ExamplesSum()
    for x in per_seed:
        sums.add(x)
    return sums.part()


class ExamplesSum:
    """What `examples_part` needs of seeds that come one after another; holds one array [n] only."""

    def __init__(self) -> None:
        self._m, self._total, self._squares = 0, np.zeros(1), 0.0

    def add(self, x: Floats) -> None:
        """One more seed's paired differences of influence values [n]."""
        self._m, self._total, self._squares = self._m + 1, self._total + x, self._squares + float(x @ x)

    def part(self) -> Part | None:
        """The part by the seeds so far; None without any."""
        m, total = self._m, self._total
        if m == 0:
            return None
        n, of_sum = total.size, float(total @ total)
        cross = (of_sum - self._squares) / (m * (m - 1)) if m > 1 else of_sum
        return Part(max(cross, 0.0) / n**2, _df_of_squares(total))


def _df_of_squares(x: Floats) -> float:
    """Satterthwaite's degrees of freedom of sum(x**2), of n independent draws about 0: n - 1 at most."""
    n, largest = x.size, float(np.abs(x).max(initial=0.0))
    if largest == 0:
        return max(n - 1, 1)
    squares = (x / largest) ** 2
    q = float(squares.sum())
    excess = float(squares @ squares) - q**2 / n
    return max(1.0, min(n - 1, 2 * q**2 / excess) if excess > 0 else n - 1)


def together(seeds: Part, examples: Part | None) -> Part:
    """The sum of two independent parts with Satterthwaite's degrees of freedom; an unknown one counts 0."""
    if examples is None or examples.variance == 0:
        return seeds
    variance = seeds.variance + examples.variance
    return Part(variance, variance**2 / (seeds.variance**2 / seeds.df + examples.variance**2 / examples.df))


def student(difference: float, seeds: Part | None, examples: Part | None, confidence: float) -> Interval:
    """The interval of a difference with an error of these two parts.

    It is unknown where no arm has two runs, and where nothing varies although the difference is not zero.
    """
    if seeds is None:
        return Interval()
    whole = together(seeds, examples)
    error = whole.variance**0.5
    if error <= ROUNDING * abs(difference):
        return Interval(0.0, 0.0, 1.0, whole.df) if difference == 0 else Interval()
    half = critical(seeds, examples, 1 - confidence) * error
    return Interval(
        difference - half, difference + half, _p_value(abs(difference) / error, seeds, examples), whole.df
    )


def critical(seeds: Part, examples: Part | None, alpha: float) -> float:
    """So many standard errors of these two parts does a two-sided interval at 1 - alpha reach each way.

    Student's quantile at Satterthwaite's degrees of freedom. With at most 4 of them in the seed part, as two
    or three seeds give, that number is itself too noisy: a seed part that happens to come out small counts
    the sure examples part for too much, and the interval misses in 3.9 % a side instead of 2.5. There its
    square is averaged with Cochran's, the mean of both parts' squared quantiles by their variances.
    """
    quantile = _t(together(seeds, examples).df, alpha)
    if not _is_mixed(seeds, examples):
        return quantile
    assert examples is not None
    parts = seeds.variance * _t(seeds.df, alpha) ** 2 + examples.variance * _t(examples.df, alpha) ** 2
    return float(((quantile**2 + parts / (seeds.variance + examples.variance)) / 2) ** 0.5)


def _p_value(n_errors: float, seeds: Part, examples: Part | None) -> float:
    """The alpha at which the interval just reaches 0, so that p and interval always say the same."""
    if not _is_mixed(seeds, examples):
        return float(2 * stdtr(together(seeds, examples).df, -n_errors))
    low, high = log(LEAST_P), 0.0
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if critical(seeds, examples, exp(middle)) > n_errors else (low, middle)
    return exp((low + high) / 2)


def _is_mixed(seeds: Part, examples: Part | None) -> bool:
    return seeds.df <= FEW_DF and examples is not None and examples.variance > 0


def _t(df: float, alpha: float) -> float:
    return float(-stdtrit(df, alpha / 2))


def seeds_needed(
    effect: float, run: Part, n_now: int, examples: Part | None, confidence: float
) -> int | None:
    """The fewest seeds that show `effect` in 4 of 5 studies; None where no number would.

    `run` is the variance of one seed's paired difference. Its degrees of freedom count `n_now` confirmation
    seeds, in whose place n would come.
    """

    def is_enough(n: int) -> bool:
        seeds = Part(run.variance, max(run.df + n - n_now, 1.0)).over(n)
        whole = together(seeds, examples)
        quantiles = critical(seeds, examples, 1 - confidence) + float(stdtrit(whole.df, POWER))
        return bool(quantiles * whole.variance**0.5 <= effect)

    if not is_enough(N_SEEDS_MAX):
        return None
    return 1 + bisect_left(range(1, N_SEEDS_MAX + 1), True, key=is_enough)


def holm(p_values: Mapping[Key, float], n_untested: int = 0) -> dict[Key, float]:
    """Holm's adjustment: the k-th smallest of m times m - k + 1, and never below the one before.

    m counts `n_untested` hypotheses more than there are p-values, as if theirs were 1.
    """
    adjusted: dict[Key, float] = {}
    floor, n = 0.0, len(p_values) + n_untested
    for n_smaller, (key, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        floor = min(1.0, max(floor, p_value * (n - n_smaller)))
        adjusted[key] = floor
    return adjusted


def _median_of_unit(df: float) -> float:
    """The median of a variance estimate with `df` degrees of freedom where the truth is 1."""
    return float(2 * gammaincinv(df / 2, 0.5) / df)
