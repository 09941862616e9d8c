"""How large a run's gradients are, where that matters: there a loss can act through its size alone.

AdamW divides gradients by their own size; stochastic gradient descent, and clipping, do not. A focal loss is
smaller than cross-entropy, and so partly a smaller learning rate.
"""

from typing import Any

import torch
from torch import Tensor


class GradientNorms:
    """The mean over all optimizer steps of the gradients' L2 norm before clipping, kept on the device."""

    def __init__(self, device: torch.device, *, is_on: bool) -> None:
        self.is_on = is_on
        self._sum = torch.zeros((), dtype=torch.float64, device="cpu" if device.type == "mps" else device)
        self._n = torch.zeros((), dtype=torch.int64, device=self._sum.device)

    def see(self, norm: Tensor | None) -> None:
        """One step's norm; one that is not finite, as of a step that fp16 leaves out, does not count."""
        if self.is_on and norm is not None:
            norm = norm.to(self._sum)
            is_finite = torch.isfinite(norm)
            self._sum += torch.where(is_finite, norm, torch.zeros_like(norm))
            self._n += is_finite

    @property
    def mean(self) -> float | None:
        """The mean; None where nothing was measured. Waits for the device."""
        return float(self._sum / self._n) if int(self._n) else None

    def state_dict(self) -> dict[str, Any]:
        """What must survive an interruption."""
        return {"sum": self._sum, "n": self._n}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Go on from there; a checkpoint from before norms were measured has none."""
        for name, own in (("sum", self._sum), ("n", self._n)):
            own.copy_(state[name]) if state else own.zero_()
