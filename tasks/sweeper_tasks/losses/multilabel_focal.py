"""Cross-entropy and focal loss of several questions, each with a few classes, of which some do not count.

Shapes: B examples, A questions (aspects), C classes of each.
"""

import torch
from torch import Tensor

from sweeper_tasks.losses.focal import focal_factors
from sweeper_tasks.losses.softmax_focal import log_missing, log_p_true


def multilabel_cross_entropy(logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Mean over questions of the mean cross-entropy of the examples that count: `mean_a mean_i [-log p_ia]`.

    Takes:
        logits: [B, A, C], any float.
        target: [B, A], int64, the right class, 0 to C - 1, also where it does not count.
        counted: [B, A], 1 where the example answers the question and 0 where not, floating.

    Gives: 0-d, a mean over the questions that any example answers, nats; 0 where there are none. So rare
    questions weigh as much as common ones.

    Numerics: log-softmax; no probability is ever formed.
    Stackable: yes.
    Source: `torch.nn.functional.cross_entropy` of each question with its `ignore_index`, then their mean.
    """
    return _mean_of_means(-log_p_true(logits.transpose(1, 2), target), counted)


def multilabel_focal(
    logits: Tensor, target: Tensor, counted: Tensor, gamma: Tensor, alpha: Tensor | None = None
) -> Tensor:
    """The same of focal terms: `mean_a mean_i [-alpha_{a,t} (1 - p_t)^gamma log p_t]`.

    Takes:
        logits: [B, A, C], any float.
        target: [B, A], int64, the right class t, 0 to C - 1, also where it does not count.
        counted: [B, A], 1 where the example answers the question and 0 where not, floating.
        gamma: 0-d, >= 0; larger values silence what the model answers well already.
        alpha: [A, C], >= 0, the weight of each class of each question; None for 1 everywhere. Not divided
            out again: alpha 0.5 everywhere is half the loss.

    Gives: 0-d, a mean over the questions that any example answers, nats; 0 where there are none. With gamma 0
    and no alpha, value and gradient are bit by bit those of `multilabel_cross_entropy`.

    Numerics: see `log_missing`.
    Stackable: yes, in gamma and alpha.
    Source: Lin et al. 2017, eq. 5 (arXiv:1708.02002). Differs: a softmax over classes, one alpha a class; the
    mean over examples is taken for each question alone.
    """
    log_p = log_p_true(logits.transpose(1, 2), target)
    terms = -focal_factors(log_missing(log_p), gamma) * log_p
    return _mean_of_means(terms if alpha is None else terms * _alpha_true(alpha, target), counted)


def _alpha_true(alpha: Tensor, target: Tensor) -> Tensor:
    """[B, A] the weight of each right class, out of alpha [A, C]."""
    of_each = alpha.unsqueeze(0).expand(target.shape[0], -1, -1)
    return of_each.gather(2, target.unsqueeze(2)).squeeze(2)


def _mean_of_means(terms: Tensor, counted: Tensor) -> Tensor:
    n = counted.sum(dim=0)  # [A]
    means = (terms * counted).sum(dim=0) / n.clamp(min=1)
    return means.sum() / (n > 0).to(torch.int64).sum().clamp(min=1)
