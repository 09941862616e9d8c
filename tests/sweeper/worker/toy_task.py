"""The toy task for workers."""

import errno
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.base import Coefficients, Evaluation
from tasks.prepared import Prepared
from tests.sweeper.worker.toy_config import N_FEATURES, N_ROWS, ToyConfig

FAULTS: dict[str, BaseException] = {
    "memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand a second line"),
    "disk": OSError(errno.ENOSPC, "No space left on device", "checkpoint.pt"),
    "crash": ZeroDivisionError("division by zero"),
    "interrupt": KeyboardInterrupt(),
    "quit": SystemExit(3),
}


class ToyTask:
    """Logistic regression with a hidden layer and dropout; follows `tasks.base.Task`."""

    def __init__(self, config: ToyConfig, prepared: Prepared, device: torch.device) -> None:
        self.config, self.device, self.n_train = config, device, prepared.n_train
        self.splits = {
            split: tuple(
                torch.from_numpy(np.array(prepared.array(f"{split}_{name}"))).to(device) for name in "xy"
            )
            for split in N_ROWS
        }

    def build_model(self) -> nn.Module:
        """Freshly drawn."""
        n_hidden, dropout = self.config.model.n_hidden, self.config.model.dropout
        hidden = nn.Sequential(nn.Linear(N_FEATURES, n_hidden), nn.Tanh(), nn.Dropout(dropout))
        return _OnPairs(nn.Sequential(hidden, nn.Linear(n_hidden, 1), nn.Flatten(0))).to(self.device)

    def coefficients(self) -> dict[str, Tensor]:
        """The scale of the loss."""
        return {"loss.scale": torch.tensor(self.config.loss.scale, device=self.device)}

    def train_batch(self, indices: Tensor) -> Any:
        """(x [B, F], y [B])."""
        x, y = self.splits["train"]
        return x[indices], y[indices]

    def loss(
        self, outputs: Tensor, batch: Any, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy in nats, with the faults that the configuration asks for."""
        if self.config.loss.fault and int(step) == self.config.loss.poisoned_step:
            raise FAULTS[self.config.loss.fault]
        bce = functional.binary_cross_entropy_with_logits(outputs, batch[1])
        loss = torch.where(
            step == self.config.loss.poisoned_step, torch.nan, coefficients["loss.scale"] * bce
        )
        return loss, {"bce": bce.detach()}

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """Cross-entropy and accuracy; `undefined` is never a number."""
        model.eval()
        x, y = self.splits[split]
        logits = model((x, y))
        hits = ((logits > 0) == (y > 0)).float()
        nll = functional.binary_cross_entropy_with_logits(logits, y).item()
        metrics = {"nll": nll, "accuracy": hits.mean().item(), "undefined": float("nan")}
        return Evaluation(metrics, {"score": logits.numpy(force=True), "label": y.numpy(force=True)})


class _OnPairs(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        logits: Tensor = self.net(batch[0])
        return logits
