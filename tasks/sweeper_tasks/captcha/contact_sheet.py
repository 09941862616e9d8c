"""The test images that are hardest to read, with what is there and what was read. No torch here."""

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper.task import EXAMPLES, Arm, Comparison, Plot
from sweeper_tasks.captcha.alphabet import decode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, ROWS = 4, 4
WIDTH = 9.0
RIGHT, WRONG = "#2f6f4f", "#b3261e"


class Shot(NamedTuple):
    """An image [C, H, W], its true text, what was read most often, and its `ce` in nats."""

    image: NDArray[np.uint8]
    true: str
    read: str
    ce: float


def contact_sheet(comparison: Comparison) -> Plot | None:
    """The images of highest mean `ce` over the seeds of the best arm; None without images or records."""
    shots = hardest(comparison, COLUMNS * ROWS)
    if not shots:
        return None
    caption = (
        f"The test images with the highest cross-entropy of {comparison.shown.name}, the highest first: the "
        f"true text, and what was read most often over {comparison.seeds}."
    )
    return Plot("Hardest images", f"{EXAMPLES}hardest", caption, partial(draw, shots), _size(shots))


def hardest(comparison: Comparison, n: int) -> list[Shot]:
    """The n hardest images of the test split, the hardest first; none where something of them is missing."""
    arm, prepared = comparison.shown, comparison.prepared
    runs = [found for found in arm.records.values() if {"ce", "read", "true"} <= found.keys()]
    if prepared is None or not runs:
        return []
    images = prepared.array("test_images")
    if any(len(found["ce"]) != len(images) for found in runs):
        return []
    ce = np.mean([found["ce"] for found in runs], axis=0)
    return [
        Shot(np.asarray(images[i]), decode(runs[0]["true"][i]), _read(arm, i), float(ce[i]))
        for i in np.argsort(-ce, kind="stable")[:n]
    ]


def _read(arm: Arm, i: int) -> str:
    """The text that most runs read; of equally common ones that of the first seed."""
    texts = Counter(decode(found["read"][i]) for found in arm.records.values() if "read" in found)
    return texts.most_common(1)[0][0]


def draw(shots: list[Shot], figure: "Figure") -> None:
    """A grid, row by row; misread texts in red."""
    panels = list(figure.subplots(-(-len(shots) // COLUMNS), COLUMNS, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, shot in zip(panels, shots, strict=False):
        axes.imshow(_pixels(shot.image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        color = RIGHT if shot.read == shot.true else WRONG
        axes.set_title(f"{shot.true} read {shot.read or '(nothing)'}", fontsize=9, color=color)


def _size(shots: list[Shot]) -> tuple[float, float]:
    """In inches: as high as its images are, with their titles."""
    _, height, width = shots[0].image.shape
    return WIDTH, -(-len(shots) // COLUMNS) * (WIDTH / COLUMNS * height / width + 0.4)


def _pixels(image: NDArray[np.uint8]) -> NDArray[Any]:
    """[H, W] of a grey image, [H, W, C] of one in color."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)
