"""What follows the convolutions: from features of an image to logits of the characters at each position.

Shapes: B batch, C channels, R x S places of the last convolution, D units, L positions, K = 63 outputs a
position.
"""

import math

import torch
from torch import Tensor, nn

from sweeper_tasks.captcha.alphabet import N_CLASSES
from sweeper_tasks.captcha.config import CnnModel

NEIGHBOURS = 3
"""Columns that are described together: a character is about so many wide."""
LOCATION_WIDTH = 16
"""Units that tell of each column what its place in the text depends on."""
SPREAD = 0.15
"""Of an image's width: how far around its equal share of it a position looks at first."""


def dense_head(config: CnnModel, shape: tuple[int, int, int], n_positions: int) -> nn.Module:
    """From features [B, C, R, S] of this `shape` to logits [B, L, K]: one dense layer over all places.

    Each position learns each character at each place for itself, which is quick, and enough where texts
    always stand alike or pictures are many.
    """
    width = config.dense_width
    return nn.Sequential(
        nn.Dropout(config.conv_dropout),
        nn.Flatten(),
        nn.Linear(math.prod(shape), width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Dropout(config.dense_dropout),
        as_rare(nn.Linear(width, n_positions * N_CLASSES)),
        nn.Unflatten(1, (n_positions, N_CLASSES)),
    )


class AttentionHead(nn.Module):
    """Each position looks at the columns of its character, and reads what is there.

    A dense layer describes each column, with its neighbours, by D units. From 16 further units a column, all
    columns together say where each position looks: weights over columns that sum to 1. The classifiers of all
    positions share their weights, and differ by a bias. So a character that was learnt at one place is known
    at all, which takes far fewer pictures than a dense head where texts stand anywhere.

    Source: the attention of Wojna et al. 2017 (arXiv:1704.03549). Differs: no recurrence; the place of a
    position depends on the picture, not on the characters before it.
    """

    def __init__(self, config: CnnModel, shape: tuple[int, int, int], n_positions: int) -> None:
        super().__init__()
        (n_channels, n_rows, n_columns), width = shape, config.dense_width
        self.describe = nn.Sequential(
            nn.Dropout(config.conv_dropout),
            nn.Conv2d(
                n_channels, width, (n_rows, NEIGHBOURS), padding=(0, NEIGHBOURS // 2), bias=False
            ),  # [B, D, 1, S]
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.locate = nn.Sequential(
            nn.Conv2d(width, LOCATION_WIDTH, 1, bias=False),
            nn.BatchNorm2d(LOCATION_WIDTH),
            nn.ReLU(),
            nn.Flatten(),
            _looking(n_positions, n_columns),
            nn.Unflatten(1, (n_positions, n_columns)),
        )
        self.dropout = nn.Dropout(config.dense_dropout)
        self.classify = as_rare(nn.Linear(width, N_CLASSES))
        self.position_bias = nn.Parameter(torch.zeros(n_positions, N_CLASSES))

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, L, K] from features [B, C, R, S]."""
        columns = self.describe(features)
        weights = self.locate(columns).softmax(dim=-1)  # [B, L, S]
        seen = weights @ columns.squeeze(2).transpose(1, 2)  # [B, L, D]
        logits: Tensor = self.classify(self.dropout(seen)) + self.position_bias
        return logits


def _looking(n_positions: int, n_columns: int) -> nn.Linear:
    layer = nn.Linear(LOCATION_WIDTH * n_columns, n_positions * n_columns)
    with torch.no_grad():
        layer.bias.copy_(equal_shares(n_positions, n_columns).flatten())
    return layer


def equal_shares(n_positions: int, n_columns: int) -> Tensor:
    """[L, S] what a position says of each column before anything is learnt: near its share of the width."""
    columns = (torch.arange(n_columns) + 0.5) / n_columns
    positions = (torch.arange(n_positions) + 0.5) / n_positions
    return -(((columns - positions[:, None]) / SPREAD) ** 2)


def as_rare(classifiers: nn.Linear) -> nn.Linear:
    """The classifiers, which say at first what is known beforehand: each output is right once in 63.

    So the first steps are not spent on learning that most outputs are a no (Lin et al. 2017, section 4.1,
    arXiv:1708.02002).
    """
    nn.init.constant_(classifiers.bias, -math.log(N_CLASSES - 1))
    return classifiers
