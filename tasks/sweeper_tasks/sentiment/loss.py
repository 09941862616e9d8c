"""The loss of each `loss=sentiment/...`, as a pure function of tensors.

Shapes: B batch, A aspects, K classes of each: 3 polarities, and "not named" with `loss.absent=class`.
"""

import torch
from torch import Tensor

from sweeper.task import Coefficients
from sweeper_tasks.losses.multilabel_focal import multilabel_cross_entropy, multilabel_focal
from sweeper_tasks.sentiment.loss_config import Ce, LossConfig, MultilabelFocal
from sweeper_tasks.sentiment.polarities import N_POLARITIES


def sentiment_loss(config: LossConfig, logits: Tensor, labels: Tensor, coefficients: Coefficients) -> Tensor:
    """The configured loss of `logits` [B, A, K] for `labels` [B, A], -1 where an aspect is not named; nats.

        ce                mean over aspects of the mean cross-entropy of the reviews that count
        multilabel_focal  the same of `-alpha_t (1 - p_t)^gamma log p_t`

    With `absent=masked` the reviews that name the aspect count, and an aspect that none of the batch names
    counts nothing. With `absent=class` all reviews count, and those that do not name it are of class 3.
    float16 and bfloat16 are computed in float32. Stackable: yes, in gamma and alpha.
    """
    z = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    is_named = labels >= 0
    if config.absent == "class":
        target, counted = torch.where(is_named, labels, N_POLARITIES), torch.ones_like(z[..., 0])
    else:
        target, counted = labels.clamp(min=0), is_named.to(z.dtype)
    match config:
        case Ce():
            return multilabel_cross_entropy(z, target, counted)
        case MultilabelFocal():
            alpha = stacked_alpha(coefficients, *z.shape[1:])
            return multilabel_focal(z, target, counted, coefficients["loss.focal_gamma"], alpha)


def polarity_ce(logits: Tensor, labels: Tensor) -> Tensor:
    """Plain cross-entropy of the polarities of the named aspects, nats: it means the same for every loss.

    Where "not named" is a class, it is left out of the softmax: what is asked is which polarity, given that
    the aspect is named. Equals `loss=sentiment/ce` with `absent=masked`.
    """
    counted = (labels >= 0).to(logits.dtype)
    return multilabel_cross_entropy(logits[..., :N_POLARITIES], labels.clamp(min=0), counted)


def stacked_alpha(coefficients: Coefficients, n_aspects: int, n_classes: int) -> Tensor:
    """[A, K] out of the coefficients `loss.focal_alpha.<aspect>.<class>`, both by number."""
    paths = (f"loss.focal_alpha.{a}.{c}" for a in range(n_aspects) for c in range(n_classes))
    return torch.stack([coefficients[path] for path in paths]).view(n_aspects, n_classes)
