"""The network that reads a text: convolutions, then a head with a classifier a position.

Shapes: B batch, C channels, H x W pixels, L positions, K = 63 outputs a position.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from sweeper_tasks.captcha.config import CnnModel
from sweeper_tasks.captcha.heads import AttentionHead, dense_head

ATTENTION_REDUCTION = 4


class Batch(NamedTuple):
    """Images [B, C, H, W] in [0, 1], 0 black, and the codes of their texts [B, L] int64."""

    images: Tensor
    codes: Tensor


class ChannelAttention(nn.Module):
    """Each channel times a weight in (0, 1) that a small perceptron gives it, from all channels' means.

    Source: squeeze-and-excitation, Hu et al. 2018 (arXiv:1709.01507), reduced to a quarter instead of a 16th,
    as there are few channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(1, width // ATTENTION_REDUCTION)
        self.weigh = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Weighted channels [B, C, H, W]."""
        weights: Tensor = self.weigh(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class CaptchaCnn(nn.Module):
    """Convolutions, and a head that reads what they found; its outputs are logits."""

    def __init__(self, config: CnnModel, n_channels: int, height: int, width: int, n_positions: int) -> None:
        super().__init__()
        sizes = pairwise((n_channels, *config.widths))
        self.convolutions = nn.Sequential(
            *(part for n_in, n_out in sizes for part in _block(config, n_in, n_out))
        )
        places = -(-height // config.stride), -(-width // config.stride)
        head = AttentionHead if config.head == "attention" else dense_head
        self.head = head(config, (config.widths[-1], *places), n_positions)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, L, K] of the characters at each position."""
        ink = 1 - batch.images  # paper is 0, as is what a convolution sees beyond the border
        logits: Tensor = self.head(self.convolutions(ink))
        return logits


def _block(config: CnnModel, n_in: int, n_out: int) -> Iterator[nn.Module]:
    """Halves rows and columns by its stride: on a CPU a pool costs more time than the convolution."""
    yield nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1, bias=False)
    yield nn.BatchNorm2d(n_out)
    yield nn.ReLU()
    if config.channel_attention:
        yield ChannelAttention(n_out)
