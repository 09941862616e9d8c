"""Test images on which baseline and best differ most, both ways, with what each of them sees. No torch here.

Shapes: n images, S pixels a side.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper.task import EXAMPLES, Arm, Comparison, Plot
from sweeper_tasks.segmentation.class_facts import IGNORED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_EACH_WAY = 3
ROW_HEIGHT, WIDTH = 1.75, 8.5
STRENGTH = 0.6
"""Of a part's color over the image."""
GAINED, LOST, WRONG = (0.18, 0.55, 0.34), (0.75, 0.15, 0.12), (0.6, 0.6, 0.6)
Bytes = NDArray[np.uint8]


class Shot(NamedTuple):
    """An image [3, S, S], its mask and those of the two arms [S, S], and best minus baseline in F-score."""

    image: Bytes
    truth: Bytes
    baseline: Bytes
    best: Bytes
    difference: float


def overlays(comparison: Comparison) -> Plot | None:
    """The images of the largest gains, then those of the largest losses; None where something is missing."""
    shots = most_changed(comparison, N_EACH_WAY)
    if not shots or comparison.best is None:
        return None
    caption = (
        f"Test images with the largest change in F-score from the baseline to {comparison.best.name}, gains "
        f"first; means over {comparison.seeds}, masks of the first. Last column: green where only the "
        "best is right, red where only the baseline is, grey where they differ and both are wrong."
    )
    size = (WIDTH, ROW_HEIGHT * len(shots) + 0.3)
    return Plot("Images that changed most", f"{EXAMPLES}changed", caption, partial(draw, shots), size)


def most_changed(comparison: Comparison, n: int) -> list[Shot]:
    """Up to `n` images that gain, the largest gain first, and up to `n` that lose, the largest loss first."""
    best, prepared = comparison.best, comparison.prepared
    seeds = [] if best is None else _seeds(comparison.baseline, best)
    if best is None or prepared is None or not seeds:
        return []
    images, masks = prepared.array("test_images"), prepared.array("test_masks")
    arms = (comparison.baseline, best)
    theirs, ours = (np.mean([arm.records[seed]["f_score"] for seed in seeds], axis=0) for arm in arms)
    base, new = (arm.records[seeds[0]]["read"] for arm in arms)
    if not len(images) == len(theirs) == len(ours):
        return []
    change = ours - theirs
    order = np.argsort(-change, kind="stable")
    chosen = [
        *(i for i in order[:n] if change[i] > 0),
        *(i for i in order[::-1][:n] if change[i] < 0),
    ]
    return [
        Shot(np.asarray(images[i]), np.asarray(masks[i]), base[i], new[i], float(change[i])) for i in chosen
    ]


def _seeds(*arms: Arm) -> list[int]:
    """Those of which all arms have masks."""
    known = [
        {seed for seed, found in arm.records.items() if {"read", "f_score"} <= found.keys()} for arm in arms
    ]
    return sorted(set.intersection(*known))


def draw(shots: Sequence[Shot], figure: "Figure") -> None:
    """A row an image: itself, the truth, baseline, best, where they differ."""
    titles = ("image", "truth", "baseline", "best", "where they differ")
    panels = figure.subplots(len(shots), len(titles), squeeze=False)
    for row, shot in zip(panels, shots, strict=True):
        plain = shot.image.transpose(1, 2, 0) / 255
        shown = [plain, *(painted(plain, mask) for mask in (shot.truth, shot.baseline, shot.best))]
        for axes, picture in zip(row, [*shown, differing(shot)], strict=True):
            axes.imshow(picture, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(f"{shot.difference:+.3f}", fontsize=9)
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, fontsize=9)


def painted(image: NDArray[np.float64], mask: Bytes) -> NDArray[np.float64]:
    """The image [S, S, 3] under the colors of its parts; pixels that do not count stay as they are."""
    from matplotlib import colormaps

    colors = colormaps["tab20"](mask.astype(int) % 20)[..., :3]
    strength = np.where(mask == IGNORED, 0.0, STRENGTH)[..., None]
    found: NDArray[np.float64] = (1 - strength) * image + strength * colors
    return found


def differing(shot: Shot) -> NDArray[np.float64]:
    """[S, S, 3]: the image in pale grey, colored where the arms differ."""
    grey = 0.75 + 0.25 * shot.image.mean(axis=0) / 255
    found = np.repeat(grey[..., None], 3, axis=2)
    differs = (shot.baseline != shot.best) & (shot.truth != IGNORED)
    found[differs] = WRONG
    found[differs & (shot.best == shot.truth)] = GAINED
    found[differs & (shot.baseline == shot.truth)] = LOST
    return found
