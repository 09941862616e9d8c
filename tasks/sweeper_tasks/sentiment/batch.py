"""What a network of sentiment is given, and what it must know of the data."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Tokens [B, T] int64, and labels [B, A] int64, -1 where an aspect is not named."""

    tokens: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Sizes:
    """What a network must know of the data and the loss."""

    vocabulary_size: int
    padding: int
    max_tokens: int
    n_aspects: int
    n_classes: int
