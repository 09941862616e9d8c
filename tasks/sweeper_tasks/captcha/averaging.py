"""Logits as probabilities and back, so that several models can be averaged. See `sweeper.task.Averageable`.

A probability p comes with its complement q = 1 - p, which is averaged beside it: where p is nearly 1 float64
has no digits left for q, and the loss of a wrong answer is all about q. Models under a sigmoid and models
under a softmax state the same thing, how likely each character is at each position, and may be mixed.

Shapes: B batch, L positions, K = 63 outputs a position.
"""

import torch
from torch import Tensor

TINY = torch.finfo(torch.float64).tiny


def probabilities_of(logits: Tensor, *, one_choice: bool) -> tuple[Tensor, Tensor]:
    """The p and q of each output, [B, L, K] float64: of a softmax over a position, or of a sigmoid each.

    Numerics of the softmax: p is above 1/2 for the largest logit at most; its q is the sum of the others.
    """
    z = logits.double()
    if not one_choice:
        return z.sigmoid(), (-z).sigmoid()
    p = z.softmax(dim=-1)
    is_largest = z.argmax(dim=-1, keepdim=True) == torch.arange(z.shape[-1], device=z.device)
    others = p.masked_fill(is_largest, 0).sum(dim=-1, keepdim=True)
    return p, torch.where(is_largest, others, 1 - p)


def logits_of(p: Tensor, q: Tensor, *, one_choice: bool) -> Tensor:
    """Logits [B, L, K] float64 that state p: `log p` under a softmax, `log p - log q` under sigmoids.

    A softmax scales what it is given to a sum of 1, which the average of models under sigmoids need not have.

    Numerics: a p or q that underflowed counts as the smallest normal float64, so that no logit is infinite.
    """
    log_p = p.clamp(min=TINY).log()
    return log_p if one_choice else log_p - q.clamp(min=TINY).log()
