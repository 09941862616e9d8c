"""`model=segmentation/microseg`: a SegFormer small enough for a phone, with an optional multi-scale block.

Four stages, each at half the resolution of the one before: overlapping patches, then transformer blocks whose
attention looks at a reduced picture and whose perceptrons hold a depthwise convolution, which tells where
things are. A light decoder brings all stages to one size and mixes them.

Shapes: B pictures, D width of a stage, H and W its rows and columns, N = H W places, R places after
reduction, h heads, C classes.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.config import MicroSeg
from sweeper_tasks.segmentation.lmsa import Lmsa


class MicroSegNet(nn.Module):
    """Encoder and decoder. Differs from SegFormer: group norm for batch norm, so that no batch is special."""

    def __init__(self, config: MicroSeg, n_classes: int) -> None:
        super().__init__()
        strides = (config.first_stride, 2, 2, 2)
        n_inputs = (3, *config.widths[:-1])
        self.stages = nn.ModuleList(
            Stage(config, i, n_in, stride)
            for i, (n_in, stride) in enumerate(zip(n_inputs, strides, strict=True))
        )
        self.decoder = Decoder(config, n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, C, H, W] at the size of the pictures."""
        x, features = batch.images, []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return _resized(self.decoder(features), batch.images)


class Stage(nn.Module):
    """Overlapping patches and transformer blocks: [B, D_in, H, W] -> [B, D, H / stride, W / stride]."""

    def __init__(self, config: MicroSeg, i: int, n_in: int, stride: int) -> None:
        super().__init__()
        width, kernel = config.widths[i], 2 * stride - 1 if stride > 1 else 3
        self.patches = nn.Conv2d(n_in, width, kernel, stride, kernel // 2, bias=False)
        self.patch_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, config.heads[i], config.reductions[i], config.mlp_ratio, config.dropout)
            for _ in range(config.depths[i])
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """The stage's picture."""
        x = self.patches(x)
        size = x.shape[-2:]
        tokens = self.patch_norm(_tokens(x))  # [B, N, D]
        for block in self.blocks:
            tokens = block(tokens, size)
        return _picture(self.norm(tokens), size)


class Block(nn.Module):
    """Attention, then a perceptron, each normalised before and added to what came in."""

    def __init__(self, width: int, n_heads: int, reduction: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = EfficientAttention(width, n_heads, reduction)
        self.mlp = MixMlp(width, mlp_ratio * width, dropout)

    def forward(self, tokens: Tensor, size: torch.Size) -> Tensor:
        """[B, N, D] -> [B, N, D]."""
        tokens = tokens + self.attention(self.norm1(tokens), size)
        mixed: Tensor = tokens + self.mlp(self.norm2(tokens), size)
        return mixed


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values come from a picture reduced `reduction` times each way.

    Written out: `scaled_dot_product_attention` has no rule for stacked members.
    """

    def __init__(self, width: int, n_heads: int, reduction: int) -> None:
        super().__init__()
        self.n_heads, self.scale = n_heads, (width // n_heads) ** -0.5
        self.q, self.kv, self.out = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )
        self.reduce = Reduce(width, reduction) if reduction > 1 else None

    def forward(self, tokens: Tensor, size: torch.Size) -> Tensor:
        """[B, N, D] -> [B, N, D]."""
        seen = tokens if self.reduce is None else self.reduce(tokens, size)  # [B, R, D]
        q, (k, v) = self._heads(self.q(tokens)), map(self._heads, self.kv(seen).chunk(2, dim=-1))
        shares = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)  # [B, h, N, R]
        found: Tensor = self.out((shares @ v).transpose(1, 2).flatten(2))
        return found

    def _heads(self, x: Tensor) -> Tensor:
        """[B, h, N, D / h] out of [B, N, D]."""
        return x.view(*x.shape[:-1], self.n_heads, -1).transpose(1, 2)


class Reduce(nn.Module):
    """[B, N, D] -> [B, R, D]: one place for each `reduction` x `reduction` square of the picture.

    Differs from SegFormer: depthwise, then mixed; a full convolution would be a third of all parameters. What
    is left over at the border is dropped, and a picture smaller than a square stays as it is.
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.reduction = reduction
        self.squares = nn.Conv2d(width, width, reduction, reduction, groups=width, bias=False)
        self.mix = nn.Conv2d(width, width, 1, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, size: torch.Size) -> Tensor:
        """The tokens of the reduced picture."""
        picture = _picture(tokens, size)
        if min(size) < self.reduction:
            picture = interpolate(picture, scale_factor=self.reduction, mode="nearest")
        reduced: Tensor = self.norm(_tokens(self.mix(self.squares(picture))))
        return reduced


class MixMlp(nn.Module):
    """A perceptron with a depthwise 3x3 convolution between its layers, instead of position embeddings."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.near = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.gelu, self.dropout = nn.GELU(), nn.Dropout(dropout)

    def forward(self, tokens: Tensor, size: torch.Size) -> Tensor:
        """[B, N, D] -> [B, N, D]."""
        near = _tokens(self.near(_picture(self.wide(tokens), size)))
        narrow: Tensor = self.dropout(self.narrow(self.gelu(near)))
        return narrow


class Decoder(nn.Module):
    """All stages, each mapped to one width, enlarged to the first one's size and mixed; then the classes.

    The mixing layer is applied to each stage before it is enlarged: the same sum, on far fewer pixels.
    """

    def __init__(self, config: MicroSeg, n_classes: int) -> None:
        super().__init__()
        width = config.decoder_width
        self.mixes = nn.ModuleList(nn.Conv2d(n, width, 1, bias=False) for n in config.widths)
        self.norm, self.gelu = nn.GroupNorm(1, width), nn.GELU()
        self.lmsa = Lmsa(width) if config.lmsa else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.classes = nn.Conv2d(width, n_classes, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Logits [B, C, H, W] at the size of the first stage."""
        mixed = [mix(x) for mix, x in zip(self.mixes, features, strict=True)]
        for fine, coarse in pairwise(range(len(mixed) - 1, -1, -1)):
            mixed[coarse] = mixed[coarse] + _resized(mixed[fine], mixed[coarse])
        logits: Tensor = self.classes(self.dropout(self.lmsa(self.gelu(self.norm(mixed[0])))))
        return logits


def _tokens(picture: Tensor) -> Tensor:
    """[B, N, D] out of [B, D, H, W]."""
    return picture.flatten(2).transpose(1, 2)


def _picture(tokens: Tensor, size: torch.Size) -> Tensor:
    """[B, D, H, W] out of [B, N, D]."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
