"""Focal loss for binary labels, alone or added to a cross-entropy, and the switch that turns it on."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def focal_factors(log_missing: Tensor, gamma: Tensor) -> Tensor:
    """`(1 - p_t)^gamma` from `log(1 - p_t)`, any shape; no unit, in [0, 1]. With gamma 0 exactly 1.

    p_t is the probability of the right class; the caller knows how to get at `log(1 - p_t)` without a loss
    of digits. A power of 1 - p_t itself would have an infinite gradient at p_t = 1 for gamma < 1.
    Stackable: yes, in gamma.
    """
    return torch.exp(gamma * log_missing)


def binary_focal_factors(
    logits: Tensor, labels: Tensor, gamma: Tensor, alpha: Tensor | None = None
) -> Tensor:
    """What multiplies each example's cross-entropy: `alpha_t (1 - p_t)^gamma`.

    p_t = sigmoid(z) for a positive, 1 - sigmoid(z) for a negative; alpha_t = alpha or
    1 - alpha by class, or 1 without alpha.

    Takes:
        logits: z, [B], any float.
        labels: [B], 0 or 1, of the same dtype.
        gamma: 0-d, >= 0; 0 makes all factors alpha_t, larger values silence easy examples.
        alpha: 0-d, in [0, 1], the weight of the positives; None for 1 everywhere.

    Gives: [B], no reduction, no unit, in [0, 1].

    Numerics: `focal_factors` of log(1 - p_t) = logsigmoid((1 - 2y) z); towards p_t = 1 the factor decays to
    0, and its gradient with it.
    Stackable: yes, in gamma and alpha.
    Source: Lin et al. 2017, eq. 5 (arXiv:1708.02002), without the cross-entropy itself.
    """
    away_from_label = torch.addcmul(logits, logits, labels, value=-2)  # (1 - 2y) z in one operation
    factors = focal_factors(logsigmoid(away_from_label), gamma)
    return factors if alpha is None else factors * (alpha * labels + (1 - alpha) * (1 - labels))


def focal_bce_with_logits(
    logits: Tensor, labels: Tensor, gamma: Tensor, alpha: Tensor | None = None
) -> Tensor:
    """Mean focal loss, in nats: `mean[alpha_t (1 - p_t)^gamma BCE(z, y)]`.

    Takes:
        logits: z, [B], any float.
        labels: y, [B], 0 or 1, of the same dtype.
        gamma: 0-d, >= 0; 0 is the cross-entropy (times alpha_t).
        alpha: 0-d, in [0, 1], or None for no class weight.

    Gives: 0-d, mean over B, nats; the gradient flows through the factors too.

    Numerics: finite with finite gradients for |z| <= 100 in float32; see `binary_focal_factors`.
    Stackable: yes, in gamma and alpha.
    Source: Lin et al. 2017, eq. 5 (arXiv:1708.02002). Differs: the mean over all examples instead of a sum
    divided by the number of positives; alpha is optional.
    """
    factors = binary_focal_factors(logits, labels, gamma, alpha)
    return (factors * binary_cross_entropy_with_logits(logits, labels, reduction="none")).mean()


def bce_plus_factors(
    logits: Tensor, labels: Tensor, pos_weight: Tensor, weight: Tensor, factors: Tensor
) -> Tensor:
    """Cross-entropy plus a focal term with constant factors: `BCE(z, y; w) + lambda mean[factors BCE(z, y)]`.

    Takes:
        logits: z, [B], any float.
        labels: y, [B], 0 or 1, of the same dtype.
        pos_weight: w, 0-d, > 0; multiplies positives in the first term only.
        weight: lambda, 0-d, >= 0.
        factors: [B], detached: `binary_focal_factors` of detached logits; may be of a lower precision.

    Gives: 0-d, mean over B, nats.

    Numerics: one cross-entropy with example weights `1 + lambda factors / w_y` (w_y = w or 1), because a
    second one would double the cost. With lambda = 0, value and gradient are bitwise those of the first term.
    Stackable: yes, in pos_weight, weight and whatever the factors depend on.
    Source: Lin et al. 2017 (arXiv:1708.02002). Differs: added to a cross-entropy instead of replacing it.
    """
    factors = factors.to(logits.dtype)
    relative = torch.lerp(factors, factors / pos_weight, labels)  # labels are 0 or 1: an exact choice
    return binary_cross_entropy_with_logits(
        logits, labels, weight=1 + weight * relative, pos_weight=pos_weight
    )


def from_step(weight: Tensor, step: Tensor, warmup_steps: Tensor) -> Tensor:
    """`weight` from step `warmup_steps` on, 0 before; all 0-d. Stackable: yes."""
    return weight * (step >= warmup_steps)  # faster than torch.where, which makes a tensor of its 0 first
