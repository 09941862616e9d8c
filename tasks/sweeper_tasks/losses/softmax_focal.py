"""Cross-entropy and focal loss of one class out of several, at every place of an image (or of a text).

Shapes: B examples, C classes, ... any further places (rows and columns of an image, or none).
"""

import torch
from torch import Tensor

from sweeper_tasks.losses.focal import focal_factors


def log_p_true(logits: Tensor, target: Tensor) -> Tensor:
    """The log probability of the right class, `log p_t`, with p the softmax over classes.

    Takes:
        logits: [B, C, ...], any float.
        target: [B, ...], int64, the right class, 0 to C - 1.

    Gives: [B, ...], <= 0, no reduction, nats.

    Numerics: log-softmax, then the target's entry; no probability is ever formed.
    Stackable: yes.
    """
    return logits.log_softmax(dim=1).gather(1, target.unsqueeze(1)).squeeze(1)


def softmax_cross_entropy(
    log_p: Tensor, target: Tensor, class_weights: Tensor | None = None, counted: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy, weighted by class: `-sum[w_t log p_t] / sum[w_t]`, nats.

    Takes:
        log_p: [B, ...], <= 0, what `log_p_true` gives.
        target: [B, ...], int64.
        class_weights: w, [C], >= 0; None for 1 everywhere.
        counted: [B, ...], 1 where a place counts and 0 where not, floating; None: all do.

    Gives: 0-d, weighted mean over what counts, nats; 0 where nothing counts.

    Stackable: yes, in the weights.
    Source: `torch.nn.functional.cross_entropy`, whose `ignore_index` is `counted` here.
    """
    weights = torch.ones_like(log_p) if class_weights is None else class_weights[target]
    weights = weights if counted is None else weights * counted
    return -(weights * log_p).sum() / weights.sum().clamp(min=torch.finfo(log_p.dtype).tiny)


def softmax_focal(
    log_p: Tensor,
    target: Tensor,
    gamma: Tensor,
    alpha: Tensor | None = None,
    counted: Tensor | None = None,
) -> Tensor:
    """Mean focal loss: `-mean[alpha_t (1 - p_t)^gamma log p_t]`, nats.

    Takes:
        log_p: [B, ...], <= 0, what `log_p_true` gives.
        target: [B, ...], int64.
        gamma: 0-d, >= 0; larger values silence places where the model is right already.
        alpha: [C], >= 0, the weight of each class; None for 1 everywhere. Unlike the weights of a
            cross-entropy these are not divided out again: alpha 0.5 everywhere is half the loss.
        counted: [B, ...], 1 where a place counts and 0 where not, floating; None: all do.

    Gives: 0-d, mean over what counts, nats; 0 where nothing counts. With gamma 0 and no alpha, value and
    gradient are bit by bit those of `softmax_cross_entropy` without weights. The gradient flows through the
    factors too.

    Numerics: see `log_missing`.
    Stackable: yes, in gamma and alpha.
    Source: Lin et al. 2017, eq. 5 (arXiv:1708.02002). Differs: softmax over classes instead of a sigmoid, so
    alpha is one number a class; the mean over places instead of a sum over the positives' number.
    """
    factors = focal_factors(log_missing(log_p), gamma)
    factors = factors if alpha is None else factors * alpha[target]
    weights = torch.ones_like(log_p) if counted is None else counted
    return -(factors * weights * log_p).sum() / weights.sum().clamp(min=1)


def log_missing(log_p: Tensor) -> Tensor:
    """`log(1 - p_t)` from `log p_t`, any shape, <= 0, nats: what `focal_factors` takes.

    Numerics: `1 - p_t = -expm1(log p_t)` keeps its digits near p_t = 1. It is kept above the smallest normal
    number, so that neither 0^0 at gamma 0 nor the infinite slope of a power below 1 can make a NaN.
    Stackable: yes.
    """
    return torch.log((-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny))
