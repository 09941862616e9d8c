"""Logits as probabilities and back, so that models can be averaged. See `sweeper.task.Averageable`."""

import torch
from torch import Tensor

TINY = torch.finfo(torch.float64).tiny


def probabilities_of(logits: Tensor) -> Tensor:
    """[B, C, ...] float64, the softmax over classes of `logits` [B, C, ...]."""
    return logits.double().softmax(dim=1)


def logits_of(probabilities: Tensor) -> Tensor:
    """[B, C, ...] float32, `log p`: logits whose softmax is p.

    Numerics: a p that underflowed counts as the smallest normal float64, so that its logit is -708, not -inf.
    """
    return probabilities.clamp(min=TINY).log_().float()
