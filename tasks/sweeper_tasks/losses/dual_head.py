"""Terms of a loss with two heads: a main one, which predicts, and an auxiliary one, which may differ from it.

Shapes: B examples, C classes; m and a are the logits of the main and of the auxiliary head.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

LN_2 = math.log(2)


def jensen_shannon(main_logits: Tensor, aux_logits: Tensor) -> Tensor:
    """How far the heads are apart, at most ln 2: `(KL(p || r) + KL(q || r)) / 2`, r = (p + q) / 2.

    p = softmax(m), a constant here, q = softmax(a).

    Takes:
        main_logits: m, [B, C], any float; no gradient flows into it.
        aux_logits: a, [B, C], any float.

    Gives: [B], in [0, ln 2], no reduction, nats; 0 exactly where the heads agree, ln 2 where no class is
    possible for both.

    Numerics: log r by logaddexp of log-probabilities; nothing is divided by a probability.
    Stackable: yes.
    Source: Lin 1991, eq. 3.4 (doi:10.1109/18.61115), at equal weights. Differs: p is detached, so that the
    main head is never pulled away from the truth.
    """
    log_p, log_q = log_softmax(main_logits.detach(), dim=1), log_softmax(aux_logits, dim=1)
    log_r = torch.logaddexp(log_p, log_q) - LN_2
    return (log_p.exp() * (log_p - log_r) + log_q.exp() * (log_q - log_r)).sum(dim=1) / 2


def kullback_leibler(main_logits: Tensor, aux_logits: Tensor) -> Tensor:
    """How far the auxiliary head is from the main one: `KL(p || q) = sum_c p_c (log p_c - log q_c)`.

    p = softmax(m), a constant here, q = softmax(a).

    Takes:
        main_logits: m, [B, C], any float; no gradient flows into it.
        aux_logits: a, [B, C], any float.

    Gives: [B], >= 0, no reduction, nats. Without an upper bound: a loss that subtracts it runs to minus
    infinity, unless it is capped.

    Numerics: from log-softmax; finite for finite logits.
    Stackable: yes.
    Source: Kullback & Leibler 1951 (doi:10.1214/aoms/1177729694).
    """
    log_p, log_q = log_softmax(main_logits.detach(), dim=1), log_softmax(aux_logits, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def smoothed_cross_entropies(logits: Tensor, target: Tensor, smoothing: Tensor) -> Tensor:
    """Cross-entropy against a softened truth: `-(1 - s) log p_t - s mean_c(log p_c)`.

    Takes:
        logits: [B, C], any float.
        target: [B], int64, the right class.
        smoothing: s, 0-d, in [0, 1]; 0 is the cross-entropy.

    Gives: [B], >= 0, no reduction, nats.

    Stackable: yes, in s.
    Source: Szegedy et al. 2016, section 7 (arXiv:1512.00567), with a uniform prior; its mean is the
    `label_smoothing` of `torch.nn.functional.cross_entropy`.
    """
    log_p = log_softmax(logits, dim=1)
    right = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
    return -torch.lerp(right, log_p.mean(dim=1), smoothing)


class Confidence(NamedTuple):
    """How sure the main head is: `value` [B], its largest probability, and `error`, 0-d, see `confidence`."""

    value: Tensor
    error: Tensor


def confidence(main_logits: Tensor, target: Tensor) -> Confidence:
    """The main head's `conf = max_c p_c`, and how wrong it is about itself: `mean[(conf - correct)^2]`.

    Takes:
        main_logits: m, [B, C], any float.
        target: [B], int64, the right class.

    Gives: conf, [B], in [1 / C, 1], and its mean squared error, 0-d, in [0, 1], no unit. `correct` is 1
    where the largest logit is that of the right class; it has no gradient.

    Stackable: yes.
    """
    conf = main_logits.softmax(dim=1).amax(dim=1)
    return Confidence(conf, (conf - is_right(main_logits, target).to(conf.dtype)).square().mean())


def is_right(logits: Tensor, target: Tensor) -> Tensor:
    """[B] booleans, whether the largest logit is that of the right class."""
    return logits.argmax(dim=1) == target


def mean_where(values: Tensor, counted: Tensor) -> Tensor:
    """The mean of `values` [B] over the `counted` [B] examples, 0-d; 0 where none is. Stackable: yes."""
    weights = counted.to(values.dtype)
    return (weights * values).sum() / weights.sum().clamp(min=1)
