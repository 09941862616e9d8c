"""Soft Dice loss of several classes: overlap instead of single pixels, each class counting alike.

Shapes: B images, C classes, ... places of an image (rows and columns).
"""

import torch
from torch import Tensor


def soft_dice(logits: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """One minus the mean overlap of classes that occur: `1 - mean_c [2 sum(p_c y_c) / sum(p_c + y_c)]`.

    p is the softmax over classes, y the one-hot target; both sums run over all images and places at once.

    Takes:
        logits: [B, C, ...], any float.
        target: [B, ...], int64, the right class, 0 to C - 1.
        counted: [B, ...], 1 where a place counts and 0 where not, floating; None: all do.

    Gives: 0-d, mean over the classes that occur among the places that count, no unit, in [0, 1]; 0 where
    nothing counts. A class that does not occur has no overlap to win; that it is not predicted either is
    left to the classes whose places it would take.

    Numerics: the denominator of a class that occurs is at least 1, so that no smoothing constant is needed.
    Stackable: yes.
    Source: Milletari et al. 2016 (arXiv:1606.04797), for several classes as in Sudre et al. 2017
    (arXiv:1707.03237) without its class weights. Differs: p instead of p^2 in the denominator; sums over the
    batch, not one image, so that a small part is not lost to images that hold three pixels of it.
    """
    p = logits.softmax(dim=1)
    truth = one_hot(target, logits.shape[1]).to(p.dtype)
    if counted is not None:
        p, truth = p * counted.unsqueeze(1), truth * counted.unsqueeze(1)
    places = [dim for dim in range(p.ndim) if dim != 1]
    overlap, predicted, there = (x.sum(dim=places) for x in (p * truth, p, truth))  # [C]
    dice = 2 * overlap / (predicted + there).clamp(min=1)
    occurs = (there > 0).to(p.dtype)
    return (occurs * (1 - dice)).sum() / occurs.sum().clamp(min=1)


def one_hot(target: Tensor, n_classes: int) -> Tensor:
    """[B, C, ...] booleans out of classes [B, ...]: a comparison, which never waits for the device."""
    classes = torch.arange(n_classes, device=target.device)
    return target.unsqueeze(1) == classes.view(-1, *[1] * (target.ndim - 1))
