"""Finds the first loss that is not finite, without waiting for the device at every step."""

import torch
from torch import Tensor

from sweeper.errors import NonFiniteLossError

CHECK_EVERY = 200
"""Steps after which the losses are looked at even without an evaluation."""


class LossWatch:
    """Keeps the losses where they are and reads them together, one transfer a check."""

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self._losses: list[Tensor] = []
        self._last_step = -1

    def see(self, loss: Tensor, step: int) -> None:
        """The detached loss of step `step` (from 0); from time to time it is looked at."""
        self._losses.append(loss)
        self._last_step = step
        if len(self._losses) >= CHECK_EVERY:
            self.check()

    def check(self) -> None:
        """Raises NonFiniteLossError with the first step since the last check whose loss is not finite."""
        losses, self._losses = self._losses, []
        if not losses:
            return
        values = torch.stack(losses).cpu()
        bad = (~torch.isfinite(values)).nonzero()
        if len(bad) == 0:
            return
        first = int(bad[0])
        step = self._last_step - len(losses) + 1 + first
        reason = f"loss is {values[first].item()} at step {step}"
        raise NonFiniteLossError(reason, step=step, advice=self._advice)
