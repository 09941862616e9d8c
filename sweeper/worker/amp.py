"""Mixed precision: which part of a step runs in fewer bits, and how the loss is scaled for it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """fp32; bf16 autocast; or fp16 autocast with a scaled loss. Parameters and optimizer state stay float32.

    fp16 has 5 exponent bits, so that small gradients vanish: the loss is multiplied by a scale that grows
    until a gradient overflows; that step is left out and the scale halved (Micikevicius et al. 2018,
    arXiv:1710.03740). For the other two the scaler passes everything through.
    """

    def __init__(self, name: Literal["fp32", "bf16", "fp16"], device: torch.device) -> None:
        self._name, self._device = name, device
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

    def forward(self) -> AbstractContextManager[object]:
        """The context in which model and loss are computed."""
        if self._name == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, DTYPES[self._name])

    def descend(
        self,
        loss: Tensor,
        optimizer: torch.optim.Optimizer,
        parameters: Sequence[nn.Parameter],
        clip_norm: float | None,
        *,
        measures: bool = False,
    ) -> Tensor | None:
        """Gradients of `loss`, clipped to `clip_norm`, and the optimizer's step.

        With `measures`, or where gradients are clipped, the L2 norm of all gradients before that, as a 0-d
        tensor on the device, which nothing waits for.
        """
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        norm = None
        if clip_norm is not None or measures:
            self.scaler.unscale_(optimizer)
            norm = _norm(parameters) if clip_norm is None else nn.utils.clip_grad_norm_(parameters, clip_norm)
        self.scaler.step(optimizer)
        self.scaler.update()
        return norm


def _norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The L2 norm of all gradients together."""
    return nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])
