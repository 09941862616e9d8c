"""An app that trains with Lightning and knows nothing of a study: `python lightning_app.py <lightning>`."""

import importlib
import sys
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

L: Any = importlib.import_module(sys.argv[1])


class Line(L.LightningModule):  # type: ignore[misc]
    """Least squares on one feature."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self._loss(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("val/loss", self._loss(batch))

    def test_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("test/loss", self._loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def _loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.mse_loss(self.layer(x), y)


torch.manual_seed(0)
inputs = torch.randn(16, 1)
loader = DataLoader(TensorDataset(inputs, 3 * inputs), batch_size=8)
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
trainer = L.Trainer(max_epochs=3, accelerator="cpu", **quiet)
trainer.fit(Line(), loader, loader)
trainer.test(trainer.lightning_module, loader)
print("done")
