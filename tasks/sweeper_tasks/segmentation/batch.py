"""What a model of segmentation is given."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Pictures [B, 3, H, W], in [-1, 1], and the class of each pixel [B, H, W], int64."""

    images: Tensor
    masks: Tensor
