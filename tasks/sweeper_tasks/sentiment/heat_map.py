"""F1 of each aspect and polarity as colors: baseline, best, and best minus baseline. No torch here.

Shapes: A aspects, 3 polarities.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper.task import NOTHING, Arm, Comparison, Plot
from sweeper_tasks.sentiment.metrics import cells_of
from sweeper_tasks.sentiment.polarities import POLARITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_COLORED = 0.05
"""A difference's colors reach at least so far: one of 0.001 should not look like one of 0.1."""
INK = "#1f2430"
Floats = NDArray[np.float64]


class Panel(NamedTuple):
    """`values` [A, 3] under a title; of a difference, zero is white and both signs have a color."""

    title: str
    values: Floats
    is_difference: bool = False


class HeatMap(NamedTuple):
    """Panels side by side; `support` [A, 3] examples in test, `is_counted` [A, 3] whether a cell counts."""

    aspects: Sequence[str]
    panels: Sequence[Panel]
    support: NDArray[np.int64]
    is_counted: NDArray[np.bool_]


def heat_map(
    comparison: Comparison, title: str, aspects: Sequence[str], support: NDArray[np.int64], min_support: int
) -> Plot:
    """Needs records of one arm; with those of both on common seeds there are three panels, else one."""
    found = HeatMap(aspects, panels_of(comparison), support, support >= min_support)
    what = ", ".join(panel.title for panel in found.panels)
    caption = (
        f"F1 on test, mean over {comparison.seeds}: {what}. Below each aspect its examples in test (+ / - / "
        "neutral). Cells without a number have too few examples to count in macro_f1."
    )
    size = (2.4 + 2.5 * len(found.panels), 1.3 + 0.42 * len(aspects))
    return Plot(title, "f1-cells", caption, partial(draw, found), size)


def panels_of(comparison: Comparison) -> list[Panel]:
    """Baseline, best and difference on the seeds of both; without common ones that of whom there is."""
    scores = [_f1_by_seed(arm) for arm in comparison.arms]
    names = ["baseline", *([comparison.best.name] if comparison.best else [])]
    common = set.intersection(*(set(found) for found in scores))
    if len(scores) == 1 or not common:
        return [Panel(n, _mean(found, found)) for n, found in zip(names, scores, strict=True) if found][:1]
    baseline, best = (_mean(found, common) for found in scores)
    difference = Panel("difference", best - baseline, is_difference=True)
    return [Panel(names[0], baseline), Panel(names[1], best), difference]


def _f1_by_seed(arm: Arm) -> dict[int, Floats]:
    return {
        seed: cells_of(found["true"], found["predicted"]).f1()
        for seed, found in arm.records.items()
        if "predicted" in found
    }


def _mean(scores: Mapping[int, Floats], seeds: Mapping[int, Floats] | set[int]) -> Floats:
    found: Floats = np.mean([scores[seed] for seed in sorted(seeds)], axis=0)
    return found


def draw(found: HeatMap, figure: "Figure") -> None:
    """The panels share their rows, the aspects."""
    all_axes = figure.subplots(1, len(found.panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, found.panels, strict=True):
        _draw(axes, panel, found.is_counted)
    labels = [
        f"{name}\n{' / '.join(map(str, n))}"
        for name, n in zip(found.aspects, found.support.tolist(), strict=True)
    ]
    all_axes[0].set_yticks(range(len(labels)), labels, fontsize=8)


def _draw(axes: "Axes", panel: Panel, is_counted: NDArray[np.bool_]) -> None:
    shown = np.where(is_counted, panel.values, np.nan)
    largest = float(np.where(is_counted, np.abs(panel.values), 0).max())
    reach = max(FEWEST_COLORED, largest) if panel.is_difference else 1.0
    low, colors = (-reach, "RdBu") if panel.is_difference else (0.0, "Blues")
    axes.imshow(shown, cmap=colors, vmin=low, vmax=reach, aspect="auto")
    axes.set_title(shortened(panel.title), fontsize=9)
    axes.set_xticks(range(len(POLARITIES)), POLARITIES, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    form = "+.3f" if panel.is_difference else ".3f"
    for (a, c), value in np.ndenumerate(panel.values):
        text = f"{value:{form}}" if is_counted[a, c] else NOTHING
        is_dark = bool(is_counted[a, c]) and abs(value) > 0.6 * reach
        axes.text(c, a, text, ha="center", va="center", fontsize=8, color="white" if is_dark else INK)


def shortened(name: str, n: int = 34) -> str:
    """A trial's name, as long as a panel is wide."""
    return name if len(name) <= n else f"{name[: n - 1]}…"
