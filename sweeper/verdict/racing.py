"""Which candidates can hardly be the study's choice any more, after some of their seeds. Pure.

The choice is the best mean over all screening seeds. After r of S seeds the difference of two means at the
end is, for a flat prior, Student's about what it is now, with variance s^2 (1 / r - 1 / S), where s^2 is that
of one seed's paired difference. `benchmarks/sequential.py` measures what this saves, and what it costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import stdtr

from sweeper.verdict.paired import guarded, spread

FIRST_RACE = 2
"""So many seeds tell how noisy a difference is."""
LEAST_CHANCE = 0.10
"""A candidate that overtakes the leader with less than this probability gets no further seed."""


@dataclass(frozen=True)
class Beaten:
    """A candidate that is out: by how much the `leader` is better so far, and the chance to overtake it."""

    leader: int
    behind: float
    chance: float


def beaten(gains: Mapping[int, Sequence[float]], n_seeds: int) -> dict[int, Beaten]:
    """The candidates that are out, by number.

    `gains`: the values of each candidate on the same seeds, in their order, such that more is better. The
    variance of a pair is its own, or the typical one where that is larger.
    """
    n_known = {len(values) for values in gains.values()}
    if len(n_known) != 1 or len(gains) < 2 or not FIRST_RACE <= (r := n_known.pop()) < n_seeds:
        return {}
    leader = min(gains, key=lambda number: (-sum(gains[number]), number))
    ahead = {
        number: [ours - theirs for ours, theirs in zip(gains[leader], values, strict=True)]
        for number, values in gains.items()
        if number != leader
    }
    noise = guarded({number: part for number, pair in ahead.items() if (part := spread(pair)) is not None})
    found = {}
    for number, pair in ahead.items():
        mean, part = sum(pair) / r, noise[number]
        sd = (part.variance * (1 / r - 1 / n_seeds)) ** 0.5
        chance = float(stdtr(part.df, -mean / sd)) if sd > 0 else float(mean == 0)
        if chance < LEAST_CHANCE:
            found[number] = Beaten(leader, mean, chance)
    return found
