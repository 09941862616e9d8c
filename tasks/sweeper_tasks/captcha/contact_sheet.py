"""Test images with what is there and what baseline and best read: those that changed first, then the hardest.

No torch here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper.task import EXAMPLES, Arm, Comparison, Plot
from sweeper_tasks.captcha.alphabet import decode
from sweeper_tasks.captcha.metrics import is_match

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, ROWS = 4, 4
N_EACH_WAY = 6
"""Of images that gained, and of those that lost: some room is left for the hardest."""
WIDTH, TEXT_HEIGHT = 9.0, 0.62
RIGHT, WRONG = "#2f6f4f", "#b3261e"
NEEDED = frozenset({"ce", "read", "true"})


class Reading(NamedTuple):
    """What an arm read most often, and how many of its `n` seeds read the whole text."""

    text: str
    n_right: int
    n: int


class Shot(NamedTuple):
    """An image [C, H, W], its true text, what each arm read, by the arm's word, and its change.

    `change`: share of seeds that read the whole text, best minus baseline; 0 without a best.
    """

    image: NDArray[np.uint8]
    true: str
    read: dict[str, Reading]
    change: float


def contact_sheet(comparison: Comparison) -> Plot | None:
    """Up to 16 images; None without images or records."""
    shots = chosen(comparison, COLUMNS * ROWS)
    if not shots:
        return None
    caption = (
        f"{_order(comparison, shots)} Above each the true text, below what was read most often over "
        f"{comparison.seeds}, green if right, and how many of the seeds read it right."
    )
    return Plot("Images and what is read", f"{EXAMPLES}readings", caption, partial(draw, shots), _size(shots))


def chosen(comparison: Comparison, n: int) -> list[Shot]:
    """Of the test split up to `N_EACH_WAY` that gained, as many that lost, then the hardest, `n` in all.

    Gains come by their size, losses likewise, of equal ones the harder first. How hard an image is tells the
    mean `ce` of the best over the seeds. None where something of them is missing.
    """
    arms = [_readable(arm) for arm in comparison.arms]
    if comparison.prepared is None or not all(arm.records for arm in arms):
        return []
    images = comparison.prepared.array("test_images")
    if any(len(found["ce"]) != len(images) for arm in arms for found in arm.records.values()):
        return []
    change, ce = _change(arms), np.mean([found["ce"] for found in arms[-1].records.values()], axis=0)
    true = next(iter(arms[-1].records.values()))["true"]
    return [
        Shot(np.asarray(images[i]), decode(true[i]), _readings(arms, decode(true[i]), i), float(change[i]))
        for i in _order_of(change, ce)[:n]
    ]


def _order_of(change: NDArray[np.float64], ce: NDArray[np.float64]) -> list[int]:
    gained, lost = (np.lexsort((-ce, -sign * change)) for sign in (1, -1))
    first = [*(i for i in gained[:N_EACH_WAY] if change[i] > 0)]
    first += [i for i in lost[:N_EACH_WAY] if change[i] < 0]
    return [int(i) for i in dict.fromkeys([*first, *np.argsort(-ce, kind="stable")])]


def _readable(arm: Arm) -> Arm:
    """The arm with the runs whose records have all that is needed."""
    return replace(arm, records={s: found for s, found in arm.records.items() if found.keys() >= NEEDED})


def _change(arms: Sequence[Arm]) -> NDArray[np.float64]:
    """[n] share of seeds that read the whole text, best minus baseline; zeros without a best."""
    rights: list[NDArray[np.float64]] = [
        np.mean([is_match(found["read"], found["true"]) for found in arm.records.values()], axis=0)
        for arm in arms
    ]
    return rights[-1] - rights[0]


def _readings(arms: Sequence[Arm], true: str, i: int) -> dict[str, Reading]:
    """The text that most runs of each arm read; of equally common ones the right, or the first seed's."""
    found = {}
    for word, arm in zip(("baseline", "best"), arms, strict=False):
        texts = Counter(decode(records["read"][i]) for records in arm.records.values())
        text = max(texts, key=lambda one: (texts[one], one == true))
        found[word] = Reading(text, texts[true], texts.total())
    return found


def _order(comparison: Comparison, shots: Sequence[Shot]) -> str:
    """What the sheet shows, in which order."""
    n_gained, n_lost = (sum(sign * shot.change > 0 for shot in shots) for sign in (1, -1))
    hardest = f"with the highest cross-entropy of {comparison.shown.name}, the highest first."
    if comparison.best is None:
        return f"The test images {hardest}"
    return (
        f"Test images: {n_gained} that {comparison.best.name} reads in more seeds than the baseline, "
        f"{n_lost} in fewer, the largest change first; then those {hardest}"
    )


def draw(shots: Sequence[Shot], figure: "Figure") -> None:
    """A grid, row by row; what is misread in red."""
    panels = list(figure.subplots(-(-len(shots) // COLUMNS), COLUMNS, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, shot in zip(panels, shots, strict=False):
        axes.imshow(_pixels(shot.image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(shot.true, fontsize=10, fontweight="bold", color="#1f2430", pad=3)
        for line, (word, read) in enumerate(shot.read.items()):
            _write(axes, line, word, read, is_right=read.text == shot.true)


def _write(axes: "Axes", line: int, word: str, read: Reading, *, is_right: bool) -> None:
    """A line below the image."""
    text, color = f"{word} {read.text or '(nothing)'}  {read.n_right}/{read.n}", RIGHT if is_right else WRONG
    axes.annotate(
        text,
        xy=(0.5, 0),
        xycoords="axes fraction",
        xytext=(0, -3 - 12 * line),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=9,
        color=color,
    )


def _size(shots: Sequence[Shot]) -> tuple[float, float]:
    """In inches: as high as its images are, with their texts."""
    _, height, width = shots[0].image.shape
    return WIDTH, -(-len(shots) // COLUMNS) * (WIDTH / COLUMNS * height / width + TEXT_HEIGHT)


def _pixels(image: NDArray[np.uint8]) -> NDArray[Any]:
    """[H, W] of a grey image, [H, W, C] of one in color."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)
