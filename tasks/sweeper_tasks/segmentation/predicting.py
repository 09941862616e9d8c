"""Masks for new photographs. See `sweeper.task.Predictor` for the contract.

A photograph is averaged down to the network's size as in training, and its classes are brought back to the
photograph's own size by the nearest pixel, so that no class is invented between two others.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sweeper.task import BadFile, Predicted, refuse_clashes
from sweeper_tasks.segmentation.averaging import probabilities_of
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.celebamask import open_image, resized
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.model import build_model
from sweeper_tasks.segmentation.pairs import IMAGE_SUFFIXES
from sweeper_tasks.segmentation.pictures import Array

PALETTE = (
    *((0, 0, 0), (204, 0, 0), (76, 153, 0), (204, 204, 0), (51, 51, 255), (204, 0, 204), (0, 255, 255)),
    *((255, 204, 204), (102, 51, 0), (255, 0, 0), (102, 204, 0), (255, 255, 0), (0, 0, 153), (0, 0, 204)),
    *((255, 51, 153), (0, 204, 204), (0, 51, 0), (255, 153, 51), (0, 204, 0)),
)
"""Red, green and blue of each class, as the data set's own masks have them."""


@dataclass(frozen=True)
class Photograph:
    """[3, S, S] uint8 as the network sees it, and the width and height that it came with."""

    pixels: Array
    size: tuple[int, int]


class MaskPainter:
    """Palette masks (`<name>.png`, mode P) of the photographs' own size, one value a pixel: its class."""

    suffixes = IMAGE_SUFFIXES

    def __init__(self, config: SegmentationConfig, device: torch.device) -> None:
        self._config, self._device = config, device

    def build_model(self) -> nn.Module:
        """The configured model."""
        return build_model(self._config.model).to(self._device)

    def read(self, file: Path, root: Path) -> Photograph | BadFile:
        """As `data=segmentation/celebamask` reads it."""
        image = open_image(file, root)
        if isinstance(image, BadFile):
            return image
        return Photograph(resized(image, self._config.data.image_size), image.size)

    def batch(self, contents: Sequence[Photograph]) -> Batch:
        """The photographs; their masks, which no model looks at, are all background."""
        pixels = torch.from_numpy(np.stack([one.pixels for one in contents])).to(self._device)
        masks = torch.zeros((len(contents), *pixels.shape[2:]), dtype=torch.int64, device=self._device)
        return Batch(2 * (pixels.float() / 255) - 1, masks)

    def probabilities(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """[B, C, S, S], those of each pixel's classes."""
        return (probabilities_of(outputs),)

    def targets(self, names: Sequence[str]) -> Sequence[str]:
        """`a/b.png` for `a/b.jpg`."""
        targets = [_target(name) for name in names]
        refuse_clashes(targets)
        return targets

    def results(self, predicted: Iterable[Predicted]) -> Iterator[tuple[str, bytes]]:
        """A mask for each photograph."""
        for one in predicted:
            (p,) = one.probabilities
            mask = Image.fromarray(p.argmax(dim=0).to(torch.uint8).numpy())
            yield _target(one.name), _png(mask.resize(one.content.size, Image.Resampling.NEAREST))


def _target(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".png"))


def _png(mask: Image.Image) -> bytes:
    mask.putpalette([channel for colour in PALETTE for channel in colour])
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()
