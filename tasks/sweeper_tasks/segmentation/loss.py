"""The loss of each `loss=segmentation/...`, out of the same few terms."""

from itertools import count, takewhile

import torch
from torch import Tensor

from sweeper.task import Coefficients
from sweeper_tasks.losses.dice import soft_dice
from sweeper_tasks.losses.softmax_focal import log_p_true, softmax_cross_entropy, softmax_focal
from sweeper_tasks.segmentation.class_facts import IGNORED
from sweeper_tasks.segmentation.loss_config import (
    Ce,
    CeDice,
    CeWeighted,
    Focal,
    FocalDice,
    FocalDiceWeighted,
    LossConfig,
)


def segmentation_loss(
    config: LossConfig, logits: Tensor, target: Tensor, coefficients: Coefficients, has_ignored: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """The configured loss of `logits` [B, C, H, W] for classes `target` [B, H, W], and its terms, detached.

        ce                   CE
        ce_weighted          CE, weighted by class
        ce_dice              ce_weight CE + dice_weight Dice
        focal                Focal(gamma, alpha)
        focal_dice           ce_weight Focal(gamma, alpha) + dice_weight Dice
        focal_dice_weighted  ce_weight Focal(gamma, alpha class_weights) + dice_weight Dice

    `loss_pixels` is the first term without its factor, `loss_dice` the second. Pixels of `ignore_index`
    count in neither, nor, where the data have any (`has_ignored`), those that count nowhere.
    """
    counted = None if config.ignore_index is None else (target != config.ignore_index).to(logits.dtype)
    if has_ignored:
        is_known = target != IGNORED
        counted = is_known.to(logits.dtype) if counted is None else counted * is_known
        target = target.where(is_known, 0)  # any class: it counts nothing
    pixels = _pixel_term(config, log_p_true(logits, target), target, counted, coefficients)
    if not isinstance(config, CeDice | FocalDice | FocalDiceWeighted):
        return pixels, _named(config, pixels)
    dice = soft_dice(logits, target, counted)
    total = coefficients["loss.ce_weight"] * pixels + coefficients["loss.dice_weight"] * dice
    return total, _named(config, pixels, dice)


def _named(config: LossConfig, *terms: Tensor) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in zip(config.terms, terms, strict=True)}


def _pixel_term(
    config: LossConfig, log_p: Tensor, target: Tensor, counted: Tensor | None, c: Coefficients
) -> Tensor:
    match config:
        case Ce() | CeDice():
            return softmax_cross_entropy(log_p, target, counted=counted)
        case CeWeighted():
            return softmax_cross_entropy(log_p, target, per_class(c, "loss.class_weights"), counted)
        case Focal() | FocalDice():
            alpha = per_class(c, "loss.focal_alpha")
        case FocalDiceWeighted():
            alpha = per_class(c, "loss.focal_alpha") * per_class(c, "loss.class_weights")
    return softmax_focal(log_p, target, c["loss.focal_gamma"], alpha, counted)


def per_class(coefficients: Coefficients, path: str) -> Tensor:
    """[C] out of the coefficients `<path>.0`, `<path>.1` and so on."""
    names = (f"{path}.{c}" for c in count())
    return torch.stack([coefficients[name] for name in takewhile(coefficients.__contains__, names)])
