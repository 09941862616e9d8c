"""One parameter, one step, and a metric that needs no model."""

import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from sweeper.task import Coefficients, Evaluation, Prepared

from .config import NoopConfig

STARTS = "NOOP_STARTS"
"""The environment variable with the path of the file that every run adds a line to when it starts."""


class NoopTask:
    """The least that a task can be. A run starts when this is made: its first line of the user's own code."""

    def __init__(self, config: NoopConfig, prepared: Prepared, device: torch.device) -> None:
        with Path(os.environ[STARTS]).open("a") as file:
            file.write(f"{time.time()}\n")
        self.config, self.n_train, self.device = config, prepared.n_train, device

    def build_model(self) -> nn.Module:
        """One weight and one bias."""
        return nn.Linear(1, 1).to(self.device)

    def coefficients(self) -> dict[str, Tensor]:
        """None."""
        return {}

    def train_batch(self, indices: Tensor) -> Tensor:
        """A zero for each index [B, 1]."""
        return torch.zeros(len(indices), 1, device=self.device)

    def loss(
        self, outputs: Tensor, batch: Tensor, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean output."""
        return outputs.mean(), {}

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """The squared distance of `x` from 0.3."""
        model.eval()
        return Evaluation({"distance": (self.config.loss.x - 0.3) ** 2})
