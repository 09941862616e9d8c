"""A task that takes memory, and says in its log which process it is in and what that sees."""

import json
import os
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from benchmarks.on_gpu.config import N_FEATURES, BallastConfig
from sweeper.task import Coefficients, Evaluation, Prepared


class BallastTask:
    """A regression on one coordinate; follows `sweeper.task.Task`."""

    def __init__(self, config: BallastConfig, prepared: Prepared, device: torch.device) -> None:
        gpus = [str(torch.cuda.get_device_properties(n).uuid) for n in range(torch.cuda.device_count())]
        print(json.dumps({"pid": os.getpid(), "gpus": gpus}), flush=True)
        self.config, self.device, self.n_train = config, device, prepared.n_train
        self.rows = torch.from_numpy(np.array(prepared.array("rows"))).to(device)
        gib = config.data.ballast_gib
        prepared.once(f"{gib} GiB on {device}", lambda: _take(gib, device))

    def build_model(self) -> nn.Module:
        """One linear map."""
        return nn.Linear(N_FEATURES, 1).to(self.device)

    def coefficients(self) -> dict[str, Tensor]:
        """None."""
        return {}

    def train_batch(self, indices: Tensor) -> Tensor:
        """Rows [B, F]."""
        return self.rows[indices]

    def loss(
        self, outputs: Tensor, batch: Tensor, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean squared error, with the greed and the pause that the configuration asks for."""
        wanted = self.config.loss
        time.sleep(wanted.pause_ms / 1000)
        n_pieces = wanted.n_pieces if int(step) == wanted.greedy_step else 0
        taken = [_take(wanted.piece_gib, self.device) for _ in range(n_pieces)]
        return mse_loss(outputs[:, 0], batch[:, 0]), {"pieces": torch.tensor(len(taken))}

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """The mean squared error; all splits are alike."""
        model.eval()
        return Evaluation({"mse": mse_loss(model(self.rows)[:, 0], self.rows[:, 0]).item()})


def _take(gib: float, device: torch.device) -> Tensor:
    return torch.empty(int(gib * 2**30), dtype=torch.uint8, device=device)
