"""Losses on the entire space of impressions: a click, and a conversion that only a click makes possible."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def ctcvr_logits(ctr_logits: Tensor, cvr_logits: Tensor) -> Tensor:
    """The logit of `p_ctcvr = p_ctr p_cvr`: `-logsumexp(-a, -b, -a - b)` of the logits a and b.

    Takes:
        ctr_logits: a, [B], logit of P(click | impression).
        cvr_logits: b, [B], logit of P(conversion | click).

    Gives: [B], the logit of P(click and conversion | impression); never above a or b.

    Numerics: written as `-logaddexp(-a, log(1 + exp(-a)) - b)`, the same sum in fewer operations. Keeps its
    gradient where a product of sigmoids rounds to 1 and has none, as at (20, 20) with label 0.
    Stackable: yes.
    Source: Ma et al. 2018, eq. 2 (arXiv:1804.07931); the paper multiplies probabilities.
    """
    return -torch.logaddexp(-ctr_logits, -logsigmoid(ctr_logits) - cvr_logits)


def clicked_bce(cvr_logits: Tensor, conversion: Tensor, click: Tensor) -> Tensor:
    """Cross-entropy of the conversion over clicks: `sum(click BCE(b, y)) / max(sum(click), 1)`.

    Takes:
        cvr_logits: b, [B], logit of P(conversion | click).
        conversion: y, [B], 0 or 1, floating.
        click: [B], 0 or 1, floating.

    Gives: 0-d, mean over clicked impressions, nats; 0 without any click.

    Numerics: a mask by multiplication; logits of impressions without a click receive a gradient of exactly 0.
    Stackable: yes.
    Source: the usual CVR loss that Ma et al. 2018 (arXiv:1804.07931) argue against; an optional helper here.
    """
    summed = binary_cross_entropy_with_logits(cvr_logits, conversion, weight=click, reduction="sum")
    return summed / click.sum().clamp(min=1)
