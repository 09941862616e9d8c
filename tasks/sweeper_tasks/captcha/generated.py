"""`data=captcha/generated`: texts drawn by the `captcha` package, warped, turned, dotted and struck through.

A picture depends on the generator's seed, its split and its position only, so a larger split begins with the
pictures of a smaller one. All seeds of a study share them.
"""

from collections.abc import Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
from captcha import image as captcha_image

from sweeper_tasks.captcha.alphabet import Codes, encode
from sweeper_tasks.captcha.data_config import GeneratedData
from sweeper_tasks.captcha.facts import SPLITS, facts_of
from sweeper_tasks.captcha.pictures import Pixels, draw_all, fitted

GENERATOR = f"1, captcha {version('captcha')}, pillow {version('pillow')}"
"""Part of the digest; its number goes up with every change of what is drawn here."""
SYMBOLS = {"digits": digits, "letters": ascii_letters, "mixed": digits + ascii_letters}
CANVAS_HEIGHT = 64
CANVAS_WIDTH = 40
"""Pixels in which the package draws, the width for each character; the package is made for 160 x 60."""

T = TypeVar("T")


class Dice:
    """What the package asks of the module `secrets`, which nobody can seed, out of a stream of our own."""

    def __init__(self, stream: Random) -> None:
        self._stream = stream

    def randbelow(self, n: int) -> int:
        """A whole number in [0, n)."""
        return self._stream.randrange(n)

    def randbits(self, k: int) -> int:
        """A whole number of k bits."""
        return self._stream.getrandbits(k)

    def choice(self, values: Sequence[T]) -> T:
        """One of the values."""
        return self._stream.choice(values)


def build(data: GeneratedData, folder: Path) -> dict[str, Any]:
    """Draw all splits into `folder`; the manifest's entries."""
    sizes, codes = dict(zip(SPLITS, (data.n_train, data.n_val, data.n_test), strict=True)), {}
    for split, n in sizes.items():
        codes[split] = np.stack([_codes(data, split, i) for i in range(n)])
        np.save(folder / f"{split}_codes.npy", codes[split])
        shape = (n, data.n_channels, data.height, data.width)
        draw_all(folder / f"{split}_images.npy", shape, partial(_drawn, data, split))
    return {"n_train": data.n_train, "real": False, "facts": facts_of(codes)}


def text(data: GeneratedData, stream: Random) -> str:
    """Characters that are equally likely, each on its own: the first that a picture's stream gives."""
    return "".join(stream.choices(SYMBOLS[data.characters], k=data.length))


def picture(data: GeneratedData, split: str, i: int) -> Pixels:
    """Picture i of a split, [C, H, W]."""
    stream = _stream(data, split, i)
    drawn = text(data, stream)
    with patch.object(captcha_image, "secrets", Dice(stream)):
        image = _painter(data.length).generate_image(drawn)
    return fitted(image, data.height, data.width, data.n_channels)


def _drawn(data: GeneratedData, split: str, i: int) -> tuple[Pixels, tuple[str, ...]]:
    return picture(data, split, i), ()


@cache
def _painter(length: int) -> captcha_image.ImageCaptcha:
    """One a process: it reads its fonts when they are first used."""
    return captcha_image.ImageCaptcha(CANVAS_WIDTH * length, CANVAS_HEIGHT)


def _codes(data: GeneratedData, split: str, i: int) -> Codes:
    return encode(text(data, _stream(data, split, i)), data.length)


def _stream(data: GeneratedData, split: str, i: int) -> Random:
    return Random(f"{data.generator_seed}/{split}/{i}")
