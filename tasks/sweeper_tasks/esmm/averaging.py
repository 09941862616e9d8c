"""Logits as probabilities and back, so that several models can be averaged. See `sweeper.task.Averageable`.

What may become of an impression: nothing, a click alone, or a click and a conversion. These three
probabilities sum to 1, and their averages are those of p_ctr (the last two) and p_ctcvr (the last); p_cvr is
then p_ctcvr / p_ctr, not the average of the models' p_cvr.
"""

import torch
from torch import Tensor

from sweeper_tasks.esmm.model import EsmmOutput

TINY = torch.finfo(torch.float64).tiny


def probabilities_of(outputs: EsmmOutput) -> tuple[Tensor, Tensor, Tensor]:
    """P(no click), P(click, no conversion) and P(click and conversion), [B] float64 each.

    Numerics: each is a sigmoid or a product of two, so that none is a difference of nearly equal numbers.
    """
    a, b = (logits.double() for logits in outputs)
    return (-a).sigmoid(), a.sigmoid() * (-b).sigmoid(), a.sigmoid() * b.sigmoid()


def outputs_of(no_click: Tensor, click_alone: Tensor, conversion: Tensor) -> EsmmOutput:
    """The logits of p_ctr and p_cvr, [B] float64, that state these probabilities.

    Numerics: what underflowed counts as the smallest normal float64, so that no logit is infinite.
    """
    log_click = (click_alone + conversion).clamp(min=TINY).log()
    log_no_click, log_alone, log_both = (p.clamp(min=TINY).log() for p in (no_click, click_alone, conversion))
    return EsmmOutput(log_click - log_no_click, log_both - log_alone)
