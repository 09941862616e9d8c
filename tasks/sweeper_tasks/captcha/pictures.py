"""Pictures as the network sees them: one size, drawn in parallel into a file of bytes. No torch here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sweeper.task import new_array
from sweeper_tasks.pictures import BadPictureError, opaque

Pixels = NDArray[np.uint8]
Bad = dict[int, tuple[str, str]]
"""By row, what a picture is and the rule that it breaks."""
Notes = dict[int, tuple[str, ...]]
"""By row, what is to be said of how a picture was read."""
Draw = Callable[[int], tuple[Pixels, tuple[str, ...]]]
"""A row's picture, and what is to be said of it."""

BLOCK = 250
"""Pictures that one process draws at a time; fewer than two blocks are drawn in this one."""
PAPER = 255
INK_BELOW = 230
"""A pixel is ink where one of its colours is darker than this; light yellow is."""
MARGIN = 2
"""Pixels left around a text."""
IDLE_S = 5


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
        opaque(picture)[0].convert(mode).resize(size, Image.Resampling.BILINEAR), (0, (height - size[1]) // 2)
    )
    pixels: Pixels = np.asarray(paper, dtype=np.uint8).reshape(height, width, n_channels)
    return pixels.transpose(2, 0, 1)


def trimmed(picture: Image.Image) -> Image.Image:
    """The part of the picture that holds its coarse ink, with a small margin; all of it where there is none.

    Coarse is what fills a square of 2 x 2 pixels somewhere: a text does, a line one pixel thin that is drawn
    across it does not, however far it reaches.
    """
    shown = opaque(picture)[0].convert("RGB")
    ink = np.asarray(shown).min(axis=2) < INK_BELOW
    coarse = ink[1:, 1:] & ink[1:, :-1] & ink[:-1, 1:] & ink[:-1, :-1]
    if not coarse.any():
        return shown
    (top, bottom), (left, right) = (np.flatnonzero(coarse.any(axis=axis))[[0, -1]] for axis in (1, 0))
    # a square's last pixel is one further down and across, and a box ends behind its last pixel
    end = min(right + 2 + MARGIN, shown.width), min(bottom + 2 + MARGIN, shown.height)
    return shown.crop((max(left - MARGIN, 0), max(top - MARGIN, 0), *end))


def draw_all(path: Path, shape: tuple[int, ...], draw: Draw) -> tuple[Bad, Notes]:
    """Write the pictures that `draw(i)` gives as rows i of a new array [n, C, H, W] at `path`, on all cores.

    Returns what each bad picture is and the rule that it breaks, by row; their rows stay black. Of the others
    those of which `draw` has something to say. `draw` travels to other processes: a function of a module, or
    a `functools.partial` of one.
    """
    new_array(path, shape, np.uint8)
    blocks = [range(start, min(start + BLOCK, shape[0])) for start in range(0, shape[0], BLOCK)]
    # loky's processes would stay beside the study's workers for five minutes
    parallel = joblib.Parallel(min(joblib.cpu_count(), len(blocks)), "loky", idle_worker_timeout=IDLE_S)
    found = list(parallel(joblib.delayed(_draw_block)(path, rows, draw) for rows in blocks))
    bad = {row: problem for block, _ in found for row, problem in block.items()}
    return bad, {row: notes for _, block in found for row, notes in block.items()}


def _draw_block(path: Path, rows: range, draw: Draw) -> tuple[Bad, Notes]:
    pixels = np.lib.format.open_memmap(path, mode="r+")
    bad: Bad = {}
    said: Notes = {}
    for row in rows:
        try:
            pixels[row], notes = draw(row)
        except BadPictureError as error:
            bad[row] = error.got, error.rule
        else:
            said |= {row: notes} if notes else {}
    pixels.flush()
    return bad, said


def copy_rows(source: Path, rows: NDArray[Any], target: Path) -> None:
    """Write the rows of the array at `source`, in that order, as an array of their own."""
    pixels: Pixels = np.load(source, mmap_mode="r")
    copied = new_array(target, (len(rows), *pixels.shape[1:]), np.uint8)
    for part in _parts(len(rows)):
        copied[part] = pixels[rows[part]]
    copied.flush()


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))
