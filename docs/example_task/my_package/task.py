"""What a worker trains; the contract is `sweeper.task.Task`."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sweeper.task import Coefficients, Evaluation, Prepared, mean_influence

from .config import MyConfig

Batch = tuple[Tensor, ...]  # images [B, 64], digits [B]


class Images(nn.Module):
    """The part of a batch that a model may see."""

    def forward(self, batch: Batch) -> Tensor:
        """The images [B, 64]."""
        return batch[0]


class MyTask:
    """Digits, judged by accuracy."""

    def __init__(self, config: MyConfig, prepared: Prepared, device: torch.device) -> None:
        self.config, self.n_train, self.device = config, prepared.n_train, device
        self.splits = {
            split: tuple(torch.tensor(prepared.array(f"{split}_{name}"), device=device) for name in "xy")
            for split in ("train", "val", "test")
        }

    def build_model(self) -> nn.Module:
        """The network; its output are logits [B, 10]."""
        width = self.config.model.width
        return nn.Sequential(Images(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10)).to(self.device)

    def coefficients(self) -> dict[str, Tensor]:
        """The stackable field by its path."""
        return {"loss.gamma": torch.tensor(self.config.loss.gamma, device=self.device)}

    def train_batch(self, indices: Tensor) -> Batch:
        """Images and digits at `indices`."""
        return tuple(column[indices] for column in self.splits["train"])

    def loss(
        self, outputs: Tensor, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`mean[(1 - p)^gamma CE]`, nats; p, of the right digit, without a gradient."""
        ce = cross_entropy(outputs, batch[1], reduction="none")
        weight = (1 - torch.exp(-ce.detach())) ** coefficients["loss.gamma"]
        return (weight * ce).mean(), {"cross_entropy": ce.detach().mean()}

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """Accuracy is a mean over images, and so are its influence values."""
        batch, outputs = self.splits[split], model.eval()(self.splits[split])
        loss, _ = self.loss(outputs, batch, coefficients, step)
        hits = (outputs.argmax(1) == batch[1]).double().cpu().numpy()
        records = {"influence_accuracy": mean_influence(hits)}
        return Evaluation({"accuracy": hits.mean(), "loss": loss.item()}, records)
