"""Random variations of a batch of images, and of their masks alongside, on the device that they are on.

Shapes: B images, C channels, H rows, W columns.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_saturation_with_gray_subtraction,
)
from kornia.geometry.transform import homography_warp
from torch import Tensor

from sweeper_tasks.augmentation_config import Augmentation

N_DRAWS = 6
"""Uniform numbers an image: flip, angle, scale, brightness, contrast, saturation."""
N_VALUES = 256


def augment(
    images: Tensor, masks: Tensor | None, config: Augmentation, swaps: Sequence[tuple[int, int]] = ()
) -> tuple[Tensor, Tensor | None]:
    """The images, each flipped, rotated, scaled and coloured by chance, with their masks moved alike.

    Takes:
        images: [B, C, H, W], C 1 or 3, floating, in [0, 1].
        masks: [B, H, W], class of each pixel, 0 to 255, any integer type; or None.
        config: `flip_rate` is the share of images mirrored left to right; the angle is uniform in
            +-`rotation_deg` degrees, the scale in `scale` (above 1 enlarges); `brightness`, `contrast` and
            `saturation` b are factors uniform in [1 - b, 1 + b]; `noise` is the standard deviation of what
            is added to each pixel. Not `enabled`: everything is returned as it is.
        swaps: pairs of classes that a flip turns into each other, as left and right eye.

    Gives: images in [0, 1] and masks of the same shapes and types. What turns in from outside repeats the
    border, in image and mask alike. Images are interpolated, masks take the nearest pixel.

    Randomness is torch's global generator of the device, always in the same amount for the same shapes and
    switches: a run that resumes with its state goes on with the same pictures. Nothing waits for the device.
    """
    if not config.enabled:
        return images, masks
    draws = torch.rand(N_DRAWS, len(images), device=images.device)  # [N_DRAWS, B]
    is_flipped = draws[0] < config.flip_rate
    to_source = sampling_matrices(is_flipped, draws[1], draws[2], config, images.shape[-2:])
    return (
        _coloured(_warped(images, to_source, "bilinear"), draws[3:], config),
        None if masks is None else _swapped(_moved(masks, to_source), is_flipped, tuple(swaps)),
    )


def sampling_matrices(
    is_flipped: Tensor, angle: Tensor, scale: Tensor, config: Augmentation, size: Sequence[int]
) -> Tensor:
    """[B, 3, 3] from a pixel of the result to where it comes from, both in [-1, 1] from edge to edge.

    `angle` and `scale` [B] in [0, 1) say where in its range each lies. Written down inverted, since
    inverting on a device waits for it.
    """
    (height, width), (smallest, largest) = size, config.scale
    angle = torch.deg2rad((2 * angle - 1) * config.rotation_deg)
    scale = smallest + scale * (largest - smallest)
    mirror, zero = 1 - 2 * is_flipped.to(scale.dtype), torch.zeros_like(scale)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = (
        (mirror * cos, mirror * sin * (height / width), zero),
        (-sin * (width / height), cos, zero),
        (zero, zero, torch.ones_like(scale)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _warped(images: Tensor, to_source: Tensor, mode: str) -> Tensor:
    height, width = images.shape[-2:]
    return homography_warp(
        images, to_source.to(images.dtype), (height, width), mode=mode, padding_mode="border"
    )


def _moved(masks: Tensor, to_source: Tensor) -> Tensor:
    return _warped(masks.float().unsqueeze(1), to_source, "nearest").squeeze(1).to(masks.dtype)


def _swapped(masks: Tensor, is_flipped: Tensor, swaps: tuple[tuple[int, int], ...]) -> Tensor:
    if not swaps:
        return masks
    other = _counterparts(swaps, masks.device)[masks.long()].to(masks.dtype)
    return torch.where(is_flipped[:, None, None], other, masks)


@lru_cache
def _counterparts(swaps: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """[256] what each class becomes in a mirror."""
    table = torch.arange(N_VALUES)
    for left, right in swaps:
        table[left], table[right] = right, left
    return table.to(device)


def _coloured(images: Tensor, draws: Tensor, config: Augmentation) -> Tensor:
    """A range of 0 costs nothing, and leaves the image bit by bit as it is."""
    adjustments = (
        (config.brightness, adjust_brightness_accumulative),
        (config.contrast, adjust_contrast_with_mean_subtraction),
        (config.saturation, adjust_saturation_with_gray_subtraction),
    )
    for draw, (spread, adjust) in zip(draws, adjustments, strict=True):
        if spread > 0:
            images = adjust(images, (1 + spread * (2 * draw - 1)).to(images.dtype))
    if config.noise > 0:
        images = (images + config.noise * torch.randn_like(images)).clamp(0, 1)
    return images
