"""Light-weight multi-scale attention: near and far surroundings of each place, and which channels matter."""

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

KERNELS = (3, 5, 7)
SQUEEZE = 8
"""Channel attention looks through a layer so many times narrower."""


class Lmsa(nn.Module):
    """`x + ChannelAttention(norm(sum_k DepthwiseConv_k(x)))` for k = 3, 5, 7, on pictures [B, D, H, W].

    Channel attention multiplies each channel by a number in (0, 1) that depends on all channels' means
    (Hu et al. 2018, arXiv:1709.01507). Being summed, the three convolutions are computed as one, with the sum
    of their kernels: the same, for the price of the largest.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Conv2d(width, width, k, padding=k // 2, groups=width, bias=False) for k in KERNELS
        )
        self.norm, self.gelu = nn.GroupNorm(1, width), nn.GELU()
        narrow = max(width // SQUEEZE, 1)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, narrow, 1),
            nn.ReLU(),
            nn.Conv2d(narrow, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """A picture of the same shape."""
        kernel = self._summed_kernel()
        seen = self.gelu(self.norm(conv2d(x, kernel, padding=max(KERNELS) // 2, groups=len(kernel))))
        out: Tensor = x + seen * self.attention(seen)
        return out

    def _summed_kernel(self) -> Tensor:
        """[D, 1, 7, 7], the smaller kernels in the middle of the largest."""
        kernels = [cast(Tensor, scale.weight) for scale in self.scales]
        padded = [pad(kernel, [(max(KERNELS) - kernel.shape[-1]) // 2] * 4) for kernel in kernels]
        return sum(padded[1:], start=padded[0])
