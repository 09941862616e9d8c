"""The task: points of two spirals, made here."""

from typing import NamedTuple

import numpy as np


class Points(NamedTuple):
    """Places [n, 2], and the spiral of each, 0 or 1."""

    x: np.ndarray
    y: np.ndarray


def spirals(n: int, seed: int) -> Points:
    """N points of two spirals that wind around each other, with noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    t = 1.2 + 2.5 * np.pi * np.sqrt(rng.random(n))
    x = np.stack([t * np.cos(t + np.pi * y), t * np.sin(t + np.pi * y)], axis=1) / 9
    return Points(x + rng.normal(scale=0.06, size=(n, 2)), y)
