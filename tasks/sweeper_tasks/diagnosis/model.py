"""The network: numbers and embedded categories, a residual perceptron, two linear heads.

Shapes: B patients, I = D + M numbers with their missing-value flags, F categories, W width, C classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sweeper_tasks.diagnosis.config import TwoHeadModel
from sweeper_tasks.esmm.model import Tables


class Batch(NamedTuple):
    """Patients: numbers [B, I], ids of categories [B, F], classes [B] int64."""

    numbers: Tensor
    categories: Tensor
    labels: Tensor


class Heads(NamedTuple):
    """Softmax logits [B, C] of the main head, which predicts, and of the auxiliary one."""

    main: Tensor
    aux: Tensor


class Residual(nn.Module):
    """`x + f(x)`: normalise, widen, GELU, dropout, narrow (He et al. 2016, arXiv:1603.05027)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, W]."""
        change: Tensor = self.inner(x)
        return x + change


class TwoHeads(nn.Module):
    """At first both heads say what is known beforehand: the classes' shares of the training split.

    So the first steps are not spent on learning that the disease is rare (Lin et al. 2017, section 4.1,
    arXiv:1708.02002).
    """

    def __init__(
        self, config: TwoHeadModel, n_numbers: int, vocabularies: Sequence[int], shares: Sequence[float]
    ) -> None:
        super().__init__()
        self.tables = Tables(vocabularies, config.embedding_dim) if vocabularies else None
        n_inputs = n_numbers + len(vocabularies) * config.embedding_dim
        self.trunk = nn.Sequential(
            nn.Linear(n_inputs, config.width),
            *(Residual(config.width, config.dropout) for _ in range(config.n_blocks)),
            nn.LayerNorm(config.width),
        )
        self.main = nn.Linear(config.width, len(shares))
        self.aux = nn.Linear(config.width, len(shares))
        for head in (self.main, self.aux):
            head.bias.data.copy_(torch.tensor(shares).log())

    def forward(self, batch: Batch) -> Heads:
        """Logits of both heads."""
        seen = batch.numbers
        if self.tables is not None:
            seen = torch.cat([seen, self.tables(batch.categories)], dim=1)
        hidden = self.trunk(seen)
        return Heads(self.main(hidden), self.aux(hidden))
