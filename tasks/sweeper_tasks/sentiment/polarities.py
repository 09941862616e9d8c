"""The polarities in their documented order, and how opinions are written as numbers. No torch here.

Labels are [n, A] int8, a row a review and a column an aspect: the polarity's number, or NOT_NAMED.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

POLARITIES = ("positive", "negative", "neutral")
N_POLARITIES = len(POLARITIES)
NOT_NAMED = -1
"""The label of an aspect that the review does not name; also a prediction of no polarity."""
SPLITS = ("train", "val", "test")

Labels = NDArray[np.int8]


def counts_of(labels: NDArray[Any]) -> NDArray[np.int64]:
    """[A, 3] how many of the reviews hold each polarity of each aspect, from labels [n, A]."""
    is_cell = labels[:, :, None] == np.arange(N_POLARITIES)
    counts: NDArray[np.int64] = is_cell.sum(axis=0)
    return counts
