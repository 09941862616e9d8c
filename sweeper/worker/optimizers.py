"""Optimizers by their settings."""

from collections.abc import Iterable

import torch
from torch import nn

from sweeper.schema import AdamW, Sgd
from sweeper.worker.without_dynamo import without_dynamo

FUSED_DEVICES = ("cpu", "cuda", "mps")


def build_optimizer(
    settings: AdamW | Sgd, parameters: Iterable[nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer over all `parameters` in one group, fused where the device has such kernels."""
    fused = device.type in FUSED_DEVICES
    if isinstance(settings, AdamW):
        adamw: torch.optim.Optimizer = without_dynamo(torch.optim.AdamW)(
            parameters,
            lr=settings.lr,
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=settings.weight_decay,
            fused=fused,
        )
        return adamw
    sgd: torch.optim.Optimizer = without_dynamo(torch.optim.SGD)(
        parameters,
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
        fused=fused,
    )
    return sgd
