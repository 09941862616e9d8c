"""The weight of each class from how common it is. No torch here. K is the number of classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def inverse_frequency(counts: ArrayLike, n_classes: int | None = None) -> Floats:
    """[..., K] weights `sum(n) / (C n_c)` from counts n_c [..., K], the sum over classes.

    Each class that occurs then has the same total weight, and one that does not weighs 0. C is `n_classes`;
    None takes those that occur, and the mean weight of an example is 1, so that the loss keeps its scale.

    Numerics: exact counts and one division, so that each weight is the float nearest to the true one.
    """
    n = np.asarray(counts, dtype=np.float64)
    occurring = (n > 0).sum(axis=-1, keepdims=True) if n_classes is None else n_classes
    weights: Floats = np.divide(
        n.sum(axis=-1, keepdims=True), occurring * n, out=np.zeros_like(n), where=n > 0
    )
    return weights
