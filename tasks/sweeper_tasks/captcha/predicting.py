"""Texts for new pictures. See `sweeper.task.Predictor` for the contract."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.task import BadFile, Predicted
from sweeper_tasks.captcha.alphabet import decode
from sweeper_tasks.captcha.averaging import probabilities_of
from sweeper_tasks.captcha.config import CaptchaConfig
from sweeper_tasks.captcha.folder import read_noted
from sweeper_tasks.captcha.loss_config import OneChoice
from sweeper_tasks.captcha.model import Batch, CaptchaCnn
from sweeper_tasks.captcha.pictures import Pixels
from sweeper_tasks.picture_facts import SUFFIXES
from sweeper_tasks.pictures import BadPictureError

TEXTS = "texts.csv"


class TextReader:
    """A table `texts.csv`: a picture's file, its text, and how sure the model is of all of it."""

    suffixes = SUFFIXES

    def __init__(self, config: CaptchaConfig, device: torch.device) -> None:
        self._config, self._device = config, device

    def build_model(self) -> nn.Module:
        """The configured model."""
        data = self._config.data
        shape = data.n_channels, data.height, data.width
        return CaptchaCnn(self._config.model, *shape, data.n_positions).to(self._device)

    def read(self, file: Path, root: Path) -> Pixels | BadFile:
        """As `data=captcha/folder` reads it, [C, H, W]."""
        try:
            return read_noted(self._config.data, (file,), 0)[0]
        except BadPictureError as error:
            return BadFile(file.relative_to(root).as_posix(), error.got, error.rule)

    def batch(self, contents: Sequence[Pixels]) -> Batch:
        """The pictures; their codes, which no model looks at, are all 0."""
        pixels = torch.from_numpy(np.stack(contents)).to(self._device)
        codes = torch.zeros((len(contents), self._config.data.n_positions), dtype=torch.int64)
        return Batch(pixels / 255.0, codes.to(self._device))

    def probabilities(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """[B, L, K] twice, of each output and of its opposite."""
        return probabilities_of(outputs, one_choice=isinstance(self._config.loss, OneChoice))

    def targets(self, names: Sequence[str]) -> Sequence[str]:
        """One table for all."""
        return [TEXTS]

    def results(self, predicted: Iterable[Predicted]) -> Iterator[tuple[str, bytes]]:
        """The table, when all pictures are read."""
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["file", "text", "confidence"])
        for one in predicted:
            text, confidence = read_text(one.probabilities[0])
            rows.writerow([one.name, text, f"{confidence:.6g}"])
        yield TEXTS, table.getvalue().encode()


def read_text(p: Tensor) -> tuple[str, float]:
    """The text that p [L, K] says, and the product of the probabilities that say so.

    At each position the likeliest output counts, up to the end of the text: the first padding included, since
    a text that ends elsewhere is another one, and nothing behind it. Models under sigmoids state how likely
    each character is by itself, so that their product is no probability of the text, but ranks texts as well.
    """
    best, codes = p.max(dim=1)
    text = decode(codes.tolist())
    return text, float(best[: len(text) + 1].prod())
