"""Masks for new photographs. See `sweeper.task.Predictor` for the contract.

A photograph is averaged down to the network's size as in training, and its classes are brought back to the
photograph's own size by the nearest pixel, so that no class is invented between two others.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sweeper.task import BadFile, Predicted, refuse_clashes
from sweeper_tasks.pictures import BadPictureError
from sweeper_tasks.segmentation.averaging import probabilities_of
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.celebamask import read_photograph, resized
from sweeper_tasks.segmentation.class_facts import ClassFacts
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.model import build_model
from sweeper_tasks.segmentation.pairs import IMAGE_SUFFIXES
from sweeper_tasks.segmentation.pictures import Array

LEGEND = "classes.csv"


@dataclass(frozen=True)
class Photograph:
    """[3, S, S] uint8 as the network sees it, and the width and height that it came with."""

    pixels: Array
    size: tuple[int, int]


class MaskPainter:
    """Palette masks (`<name>.png`, mode P) of the photographs' own size, and a table `classes.csv`.

    A mask has one value a pixel, that of its class in the masks that the model learned from; the table says
    which value and which colour is which class.
    """

    suffixes = IMAGE_SUFFIXES

    def __init__(self, config: SegmentationConfig, device: torch.device) -> None:
        self._config, self._device = config, device

    def build_model(self) -> nn.Module:
        """The configured model."""
        return build_model(self._config.model, self._config.data.n_classes).to(self._device)

    def read(self, file: Path, root: Path) -> Photograph | BadFile:
        """As `data=segmentation/celebamask` reads it."""
        try:
            image = read_photograph(file).image
        except BadPictureError as error:
            return BadFile(file.relative_to(root).as_posix(), error.got, error.rule)
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
        """`a/b.png` for `a/b.jpg`, and the table."""
        targets = [*(_target(name) for name in names), LEGEND]
        refuse_clashes(targets)
        return targets

    def results(self, predicted: Iterable[Predicted]) -> Iterator[tuple[str, bytes]]:
        """A mask for each photograph, and the table of classes."""
        data = self._config.data
        values = np.array(data.stored_values, dtype=np.uint16 if max(data.stored_values) > 255 else np.uint8)
        for one in predicted:
            (p,) = one.probabilities
            mask = Image.fromarray(values[p.argmax(dim=0).numpy()])
            yield _target(one.name), _png(mask.resize(one.content.size, Image.Resampling.NEAREST), data)
        yield LEGEND, legend_of(data).encode()


def legend_of(data: ClassFacts) -> str:
    """A row a class: its value in the masks, its name, and its colour in the palette."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["value", "class", "red", "green", "blue"])
    for c, (value, name) in enumerate(zip(data.stored_values, data.classes, strict=True)):
        rows.writerow([value, name, *data.colour_of(c)])
    return table.getvalue()


def _target(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".png"))


def _png(mask: Image.Image, data: ClassFacts) -> bytes:
    if mask.mode == "L":
        mask.putpalette(data.palette())
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()
