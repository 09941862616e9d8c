"""An AUC over more scores than one would sort: counted in bins, block by block, in constant memory."""

import numpy as np
from scipy.special import logit

from sweeper_tasks.esmm.columns import Array

N_BINS = 1 << 16
_LARGEST_LOGIT = 20.0


class StreamedAuc:
    """The area under the ROC curve of probabilities, by the histogram of their logits.

    Two scores in one bin (0.0006 wide) count as tied, one half; unless scores are closer together than that,
    the error is below 1e-5.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((2, N_BINS), dtype=np.int64)  # [label, bin]

    def add(self, p: Array, label: Array) -> None:
        """Count more probabilities in (0, 1) with their 0 / 1 labels."""
        scaled = (logit(p.astype(np.float64)) / _LARGEST_LOGIT + 1) * (N_BINS / 2)
        bins = np.clip(scaled, 0, N_BINS - 1).astype(np.int64)
        for value in (0, 1):
            self._counts[value] += np.bincount(bins[label == value], minlength=N_BINS)

    def value(self) -> float:
        """P(a positive scores higher than a negative) + P(tied) / 2; 0.5 where a class is missing."""
        negatives, positives = self._counts
        pairs = int(negatives.sum()) * int(positives.sum())
        below = np.cumsum(negatives) - negatives
        return float(np.dot(positives, below + negatives / 2) / pairs) if pairs else 0.5
