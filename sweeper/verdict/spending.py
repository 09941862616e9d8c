"""How small an error a look may have so that all looks together keep one promise: alpha spending. Pure.

Looks at a mean of n pairs, n growing, are correlated. Which nominal error each may have follows from what is
to be spent by then (Lan and DeMets 1983), by the recursion of Armitage, McPherson and Rowe (1969) on
sums of independent standard normal draws. The spending is the power family's, alpha (n / N)**1.5 (Kim and
DeMets 1987): between Pocock's and O'Brien-Fleming's.
"""

from functools import lru_cache
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

POWER = 1.5
FIRST_SHARE = 0.8
"""Of the error that a study may make, this much is for its first winner; the rest is for what it grows by."""
FARTHEST = 12.0
"""No boundary lies farther out, in standard errors."""
LEAST_NODES = 24


def power_family(first: int, last: int, alpha: float) -> tuple[float, ...]:
    """The error spent up to each look n from `first` to `last`, of `alpha` in all."""
    return tuple(alpha * (n / last) ** POWER for n in range(first, last + 1))


@lru_cache(maxsize=256)
def nominal_errors(looks: tuple[int, ...], spent: tuple[float, ...]) -> tuple[float, ...]:
    """The two-sided error of each single look at n pairs, so that those up to it err in `spent` (two-sided).

    `looks` and `spent` grow. The first look's is what it spends.
    """
    nodes, density = np.zeros(1), np.ones(1)
    errors: list[float] = []
    known_n, known = 0, 0.0
    for n, spent_by in zip(looks, spent, strict=True):
        step = (n - known_n) ** 0.5
        reach = _reach(nodes, density, step, n**0.5, spent_by - known)
        errors.append(float(2 * ndtr(-reach / n**0.5)))
        nodes, density = _inside(nodes, density, step, reach)
        known_n, known = n, spent_by
    return tuple(errors)


def share(number: int) -> float:
    """The share of a study's error that its claim of this `number` may spend: 0 is its first winner's budget.

    Each further winner, and each extension of a budget, takes from what is left: all of them together spend
    no more than the whole, however many there are (sum of 1 / j**2 is pi**2 / 6).
    """
    return FIRST_SHARE if number == 0 else (1 - FIRST_SHARE) * 6 / (pi * number) ** 2


def _reach(nodes: Floats, density: Floats, step: float, scale: float, error: float) -> float:
    """Where the boundary of the sum lies that is crossed now, and was not before, with this probability."""
    from scipy.optimize import brentq  # a tenth of a second that most studies do without

    def excess(reach: float) -> float:
        return float(density @ (ndtr((nodes - reach) / step) + ndtr((-nodes - reach) / step))) - error

    if excess(FARTHEST * scale) >= 0:
        return FARTHEST * scale
    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, FARTHEST * scale, xtol=1e-12))


@lru_cache(maxsize=64)
def _nodes(n: int) -> tuple[Floats, Floats]:
    """Gauss and Legendre's n points in [-1, 1] with their weights."""
    points, weights = np.polynomial.legendre.leggauss(n)
    return points, weights


def _inside(nodes: Floats, density: Floats, step: float, reach: float) -> tuple[Floats, Floats]:
    """Nodes within the boundary, with the probability of the sum there (Gauss-Legendre weights in it)."""
    points, weights = _nodes(LEAST_NODES * (1 + int(reach / step) // 3))
    inside = points * reach
    kernel = np.exp(-(((inside[:, None] - nodes[None, :]) / step) ** 2) / 2) / (step * (2 * pi) ** 0.5)
    return inside, (kernel @ density) * weights * reach
