"""Pictures as the network sees them: one size, drawn in parallel into a file of bytes. No torch here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sweeper.task import new_array

Pixels = NDArray[np.uint8]
Bad = dict[int, tuple[str, str]]
"""By row, what a picture is and the rule that it breaks."""

BLOCK = 250
"""Pictures that one process draws at a time; fewer than two blocks are drawn in this one."""
PAPER = 255
INK_BELOW = 230
"""A pixel is ink where one of its colours is darker than this; light yellow is."""
MARGIN = 2
"""Pixels left around a text."""
IDLE_S = 5


class BadPictureError(Exception):
    """A picture that cannot be used: what it is, and the rule that it breaks."""

    def __init__(self, got: str, rule: str) -> None:
        self.got, self.rule = got, rule
        super().__init__(f"{rule}: got {got}")


def fitted(picture: Image.Image, height: int, width: int, n_channels: int) -> Pixels:
    """The picture as [C, H, W], shrunk or enlarged with its aspect kept, on white paper.

    It stands at the left, so that a text begins at the same place whatever its length, half way up. What is
    transparent becomes white.
    """
    scale = min(height / picture.height, width / picture.width)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    mode = "L" if n_channels == 1 else "RGB"
    paper = Image.new(mode, (width, height), (PAPER,) * n_channels if n_channels > 1 else PAPER)
    paper.paste(
        _opaque(picture).convert(mode).resize(size, Image.Resampling.BILINEAR), (0, (height - size[1]) // 2)
    )
    pixels: Pixels = np.asarray(paper, dtype=np.uint8).reshape(height, width, n_channels)
    return pixels.transpose(2, 0, 1)


def trimmed(picture: Image.Image) -> Image.Image:
    """The part of the picture that holds its coarse ink, with a small margin; all of it where there is none.

    Coarse is what fills a square of 2 x 2 pixels somewhere: a text does, a line one pixel thin that is drawn
    across it does not, however far it reaches.
    """
    opaque = _opaque(picture).convert("RGB")
    ink = np.asarray(opaque).min(axis=2) < INK_BELOW
    coarse = ink[1:, 1:] & ink[1:, :-1] & ink[:-1, 1:] & ink[:-1, :-1]
    if not coarse.any():
        return opaque
    (top, bottom), (left, right) = (np.flatnonzero(coarse.any(axis=axis))[[0, -1]] for axis in (1, 0))
    # a square's last pixel is one further down and across, and a box ends behind its last pixel
    end = min(right + 2 + MARGIN, opaque.width), min(bottom + 2 + MARGIN, opaque.height)
    return opaque.crop((max(left - MARGIN, 0), max(top - MARGIN, 0), *end))


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    drawn = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)


def draw_all(path: Path, shape: tuple[int, ...], draw: Callable[[int], Pixels]) -> Bad:
    """Write `draw(i)` into row i of the new array [n, C, H, W] at `path`, for all i, on all cores.

    Returns what each bad picture is and the rule that it breaks, by row; their rows stay black. `draw`
    travels to other processes: a function of a module, or a `functools.partial` of one.
    """
    new_array(path, shape, np.uint8)
    blocks = [range(start, min(start + BLOCK, shape[0])) for start in range(0, shape[0], BLOCK)]
    # loky's processes would stay beside the study's workers for five minutes
    parallel = joblib.Parallel(min(joblib.cpu_count(), len(blocks)), "loky", idle_worker_timeout=IDLE_S)
    found = parallel(joblib.delayed(_draw_block)(path, rows, draw) for rows in blocks)
    return {row: problem for bad in found for row, problem in bad.items()}


def _draw_block(path: Path, rows: range, draw: Callable[[int], Pixels]) -> Bad:
    pixels, bad = np.lib.format.open_memmap(path, mode="r+"), {}
    for row in rows:
        try:
            pixels[row] = draw(row)
        except BadPictureError as error:
            bad[row] = error.got, error.rule
    pixels.flush()
    return bad


def copy_rows(source: Path, rows: NDArray[Any], target: Path) -> None:
    """Write the rows of the array at `source`, in that order, as an array of their own."""
    pixels: Pixels = np.load(source, mmap_mode="r")
    copied = new_array(target, (len(rows), *pixels.shape[1:]), np.uint8)
    for part in _parts(len(rows)):
        copied[part] = pixels[rows[part]]
    copied.flush()


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))
