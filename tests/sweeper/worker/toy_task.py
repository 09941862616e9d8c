"""The toy task for workers."""

import ctypes
import errno
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sweeper.task.base import Coefficients, Evaluation
from sweeper.task.prepared import Prepared
from tests.sweeper.worker.toy_config import N_FEATURES, N_ROWS, ToyConfig

FAULTS: dict[str, BaseException] = {
    "memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand a second line"),
    "disk": OSError(errno.ENOSPC, "No space left on device", "checkpoint.pt"),
    "crash": ZeroDivisionError("division by zero"),
    "interrupt": KeyboardInterrupt(),
    "quit": SystemExit(3),
}
ACTIONS: dict[str, Callable[[], object]] = {
    "allocate": lambda: torch.empty(2**50),
    "hang": lambda: time.sleep(600),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
    "freeze": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "leave": lambda: os._exit(9),
    "print": lambda: print("a word from the task"),
}


def _strike(fault: str) -> None:
    if fault in ACTIONS:
        ACTIONS[fault]()
    elif fault:
        raise FAULTS[fault]


class ToyTask:
    """Logistic regression with a hidden layer and dropout; follows `sweeper.task.Task`."""

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
        time.sleep(self.config.loss.pause_ms / 1000)
        is_struck = int(step) == self.config.loss.poisoned_step
        if is_struck:
            _strike(self.config.loss.fault)
        bce = functional.binary_cross_entropy_with_logits(outputs, batch[1])
        is_poison = is_struck and not self.config.loss.fault
        loss = torch.nan * bce if is_poison else coefficients["loss.scale"] * bce
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
