"""`model=segmentation/unet_small`: a U-Net, as a second architecture.

Differs from Ronneberger et al. 2015 (arXiv:1505.04597): padded convolutions, so that the size stays; group
norm after each; the way up by interpolation.
"""

from itertools import pairwise

from torch import Tensor, cat, nn
from torch.nn.functional import interpolate, max_pool2d

from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.config import UnetSmall


class Unet(nn.Module):
    """Two convolutions a level on the way down, two on the way up beside what the way down saw there."""

    def __init__(self, config: UnetSmall, n_classes: int) -> None:
        super().__init__()
        widths = config.widths
        self.down = nn.ModuleList(_two_convolutions(n_in, n) for n_in, n in pairwise((3, *widths)))
        self.up = nn.ModuleList(_two_convolutions(n + low, n) for low, n in pairwise(reversed(widths)))
        self.dropout = nn.Dropout(config.dropout)
        self.classes = nn.Conv2d(widths[0], n_classes, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, C, H, W]."""
        x, passed = batch.images, []
        for i, level in enumerate(self.down):
            x = level(max_pool2d(x, 2) if i else x)
            passed.append(x)
        x = self.dropout(passed.pop())
        for level in self.up:
            beside = passed.pop()
            x = level(cat([interpolate(x, size=beside.shape[-2:], mode="nearest"), beside], dim=1))
        logits: Tensor = self.classes(x)
        return logits


def _two_convolutions(n_in: int, n_out: int) -> nn.Sequential:
    layers = [
        layer
        for n, m in ((n_in, n_out), (n_out, n_out))
        for layer in (nn.Conv2d(n, m, 3, padding=1, bias=False), nn.GroupNorm(1, m), nn.ReLU())
    ]
    return nn.Sequential(*layers)
