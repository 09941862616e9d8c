"""The loss of each `loss=captcha/...`, as a pure function of tensors.

Shapes: B batch, L positions, K = 63 outputs a position, of which one is right.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sweeper.task import Coefficients
from sweeper_tasks.captcha.loss_config import Bce, BinaryFocal, Ce, FocalCe, LossConfig, WeightedBce
from sweeper_tasks.losses.focal import focal_bce_with_logits
from sweeper_tasks.losses.softmax_focal import log_p_true, softmax_cross_entropy, softmax_focal


def captcha_loss(config: LossConfig, logits: Tensor, codes: Tensor, coefficients: Coefficients) -> Tensor:
    """The configured loss, in nats.

        bce             mean[BCE(z, y)]
        weighted_bce    mean[w_y BCE(z, y)],  w_y = pos_weight for a right output (y = 1), 1 for a wrong one
        binary_focal    mean[alpha_y (1 - p_y)^gamma BCE(z, y)],  p_y the probability of the truth
        ce              mean[-log softmax(z)_t] over positions, t the right output
        focal_ce        mean[(1 - p_t)^gamma (-log p_t)] over positions, p the softmax

    What alpha does: alpha_y is alpha for a right output and 1 - alpha for a wrong one. One output of a
    position is right and 62 are wrong: without alpha the right ones have 1 / 63 = 1.6 % of the weight, with
    alpha 0.25 only 0.25 / (0.25 + 62 x 0.75) = 0.5 %. So 0.25 weighs the rare positives *down*, to a third.
    Above 0.5 it lifts them; 62 / 63 = 0.984 balances both kinds. 0.25 comes from detectors, where gamma 2 had
    silenced the many easy negatives (Lin et al. 2017, section 5.1); whether it helps here is what the
    documented grid asks. Focal losses are smaller than bce by construction: compare metrics, or the plain
    `bce` and `ce` that are logged for every loss.

    Takes:
        logits: z, [B, L, K], any float; float16 and bfloat16 are computed in float32.
        codes: [B, L], int64, the right output of each position, 0 to K - 1; the padding is one of them.
        coefficients: `loss.pos_weight`, `loss.gamma`, `loss.alpha`, 0-d, as far as the loss has them.

    Gives: 0-d; a mean over B L K outputs for the first three, over B L positions for the others.

    Numerics: everything from logits; see `focal_bce_with_logits` and `softmax_focal`.
    Stackable: yes, in all coefficients.
    Source: Lin et al. 2017, eq. 5 (arXiv:1708.02002). Differs: a mean over outputs instead of a sum
    divided by the number of positives; focal_ce takes a softmax instead of sigmoids.
    """
    z = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    match config:
        case Bce():
            return binary_cross_entropy_with_logits(z, one_hot(codes, z))
        case WeightedBce():
            weight = coefficients["loss.pos_weight"]
            return binary_cross_entropy_with_logits(z, one_hot(codes, z), pos_weight=weight)
        case BinaryFocal(use_alpha=use_alpha):
            alpha = coefficients["loss.alpha"] if use_alpha else None
            return focal_bce_with_logits(z, one_hot(codes, z), coefficients["loss.gamma"], alpha)
        case Ce():
            return softmax_cross_entropy(log_p_true(z.transpose(1, 2), codes), codes)
        case FocalCe():
            return softmax_focal(log_p_true(z.transpose(1, 2), codes), codes, coefficients["loss.gamma"])


def one_hot(codes: Tensor, logits: Tensor) -> Tensor:
    """[B, L, K] 1 at the right output and 0 elsewhere, in the dtype of `logits`."""
    return (codes.unsqueeze(-1) == torch.arange(logits.shape[-1], device=codes.device)).to(logits.dtype)
