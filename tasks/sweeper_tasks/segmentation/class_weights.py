"""Weights of classes from how common they are. C is the number of classes. No torch here."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper_tasks.class_weights import inverse_frequency
from sweeper_tasks.segmentation.loss_config import Alpha, ClassWeights

Floats = NDArray[np.float64]
EFFECTIVE_SHARE = 0.01
"""Classes well above this share of pixels count alike under "effective_number", well below by frequency."""


def effective_number(pixels: Sequence[int], effective_share: float = EFFECTIVE_SHARE) -> Floats:
    """[C] weights in proportion to `1 / (1 - exp(-s_c / v))`, v the `effective_share`.

    The mean weight of a pixel is 1; a class that does not occur weighs 0.

    Source: Cui et al. 2019, eq. 2 (arXiv:1901.05555), `(1 - beta) / (1 - beta^n)` with beta = 1 - 1 / (v N)
    for N pixels, as N grows: pixels of one picture repeat each other, so that only shares mean anything.
    """
    counts: Floats = np.asarray(pixels, dtype=np.float64)
    shares = counts / counts.sum()
    effective = -np.expm1(-shares / effective_share)
    weights = np.divide(1.0, effective, out=np.zeros_like(shares), where=shares > 0)
    scaled: Floats = weights / (weights @ shares)
    return scaled


def weights_of(choice: ClassWeights, pixels: Sequence[int]) -> Floats:
    """[C] what `loss.class_weights` says, for a training split with these numbers of pixels [C]."""
    match choice:
        case "inverse_frequency":
            return inverse_frequency(pixels)
        case "effective_number":
            return effective_number(pixels)
        case _:
            return np.asarray(choice, dtype=np.float64)


def alpha_of(choice: Alpha, pixels: Sequence[int], background: int | None) -> Floats:
    """[C] what `loss.focal_alpha` says: one number a is a for the parts and 1 - a for the background.

    One number for all classes, as where there is no background, only rescales the loss. "auto" is
    `effective_number`, None 1 everywhere.
    """
    match choice:
        case None:
            return np.ones(len(pixels))
        case "auto":
            return effective_number(pixels)
        case float():
            alpha = np.full(len(pixels), choice)
            if background is not None:
                alpha[background] = 1 - choice
            return alpha
        case _:
            return np.asarray(choice, dtype=np.float64)
