"""A model as a module of plain tensors."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from sweeper.worker.portable import Portable, looked_at


class Batch(NamedTuple):
    """Features [B, 2] and labels [B]."""

    features: Tensor
    label: Tensor


class Sum(nn.Module):
    """The sum of the features of each example."""

    def forward(self, batch: Batch) -> Tensor:
        return batch.features.sum(dim=1)


class Unpacking(nn.Module):
    """The same, of a batch taken for a tuple."""

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        features, label = batch
        return features.sum(dim=1), label


BATCH = Batch(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2))


def test_labels_that_a_model_does_not_look_at_are_no_inputs() -> None:
    assert looked_at(Sum(), BATCH) == ("features",)
    assert looked_at(Unpacking(), BATCH) == ("features", "label")


def test_a_portable_model_takes_tensors_in_order_or_by_name() -> None:
    """By hand: 1 + 2 and 3 + 4."""
    model = Portable(Sum(), Batch, ("features",))
    assert model(BATCH.features).tolist() == [3.0, 7.0]
    assert model({"features": BATCH.features.numpy(), "label": None}).tolist() == [3.0, 7.0]
    assert isinstance(Portable(Unpacking(), Batch, ("features", "label"))(*BATCH), tuple)


def test_too_few_tensors_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Portable(Unpacking(), Batch, ("features", "label"))(BATCH.features)
