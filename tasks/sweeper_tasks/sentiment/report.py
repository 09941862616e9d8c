"""What a report shows of sentiment: F1 of each aspect and polarity, best against baseline. No torch here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper.task import NOTHING, Arm, Comparison, Part, Plot, Table, mean_and_spread
from sweeper_tasks.sentiment.metrics import cells_of
from sweeper_tasks.sentiment.polarities import POLARITIES, counts_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "F1 by aspect and polarity"
FEWEST_COLORED = 0.05
"""The heat map's colors reach at least so far: a difference of 0.001 should not look like one of 0.1."""


class Cells(NamedTuple):
    """By aspect and polarity [A, 3]: what the heat map shows, examples in test, and which cells count."""

    values: NDArray[np.float64]
    support: NDArray[np.int64]
    is_counted: NDArray[np.bool_]


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """A table by polarity, one by aspect, and a heat map; nothing where no run has records any more."""
    arm = next((arm for arm in comparison.arms if len(arm.pooled("true"))), None)
    if arm is None or comparison.prepared is None:
        return []
    facts, support = comparison.prepared.facts, counts_of(next(iter(arm.records.values()))["true"])
    by_polarity = _table(comparison, "polarity", POLARITIES, POLARITIES, support.sum(axis=0)[:, None])
    by_aspect = _table(comparison, "aspect", facts["aspects"], facts["slugs"], support)
    cells = Cells(_values(comparison), support, support >= facts["min_support"])
    return [by_polarity, by_aspect, _heat_map(comparison, facts["aspects"], cells)]


def _table(
    comparison: Comparison,
    what: str,
    names: Sequence[str],
    slugs: Sequence[str],
    support: NDArray[np.int64],
) -> Table:
    best, head = comparison.best, "examples" if support.shape[1] == 1 else "examples (+ / - / neutral)"
    compared = [] if best is None else [f"best: {best.name}", "difference"]
    rows = [
        [name, " / ".join(map(str, n)), *_compared(comparison, f"test/f1_{slug}")]
        for name, slug, n in zip(names, slugs, support.tolist(), strict=True)
    ]
    caption = (
        f"F1 on test, a mean over the cells that count, mean ± standard deviation over {comparison.seeds}; "
        "differences are paired by seed."
    )
    return Table(TITLE, [what, head, "baseline", *compared], rows, caption, left=(what,))


def _compared(comparison: Comparison, key: str) -> list[str]:
    values = [mean_and_spread(list(arm.per_seed(key).values())) for arm in comparison.arms]
    differences = comparison.differences(key)
    return [*values, mean_and_spread(differences, signed=True)] if comparison.best else values


def _values(comparison: Comparison) -> NDArray[np.float64]:
    """[A, 3] best minus baseline in F1, the mean over the seeds of both; else the F1 of whom there is."""
    scores = [_f1_by_seed(arm) for arm in comparison.arms]
    if common := set.intersection(*(set(found) for found in scores)):
        means = [np.mean([found[seed] for seed in common], axis=0) for found in scores]
    else:
        means = [np.mean(list(found.values()), axis=0) for found in scores if found]
    values: NDArray[np.float64] = means[1] - means[0] if len(means) == 2 else means[0]
    return values


def _f1_by_seed(arm: Arm) -> dict[int, NDArray[np.float64]]:
    return {
        seed: cells_of(found["true"], found["predicted"]).f1()
        for seed, found in arm.records.items()
        if "predicted" in found
    }


def _heat_map(comparison: Comparison, aspects: Sequence[str], cells: Cells) -> Plot:
    what = "Baseline" if comparison.best is None else f"{comparison.best.name} minus baseline"
    caption = (
        f"{what}: F1 on test, mean over {comparison.seeds}; below each number the examples in test. Cells "
        "without a number have too few examples to count in macro_f1."
    )
    height = 1.2 + 0.42 * len(aspects)
    is_difference = comparison.best is not None
    return Plot(TITLE, "f1-cells", caption, lambda f: _draw(f, aspects, cells, is_difference), (6.5, height))


def _draw(figure: "Figure", aspects: Sequence[str], cells: Cells, is_difference: bool) -> None:
    axes = figure.subplots()
    shown = np.where(cells.is_counted, cells.values, np.nan)
    reach = max(FEWEST_COLORED, float(np.nanmax(np.abs(shown)))) if is_difference else 1.0
    low, colors = (-reach, "RdBu") if is_difference else (0.0, "Blues")
    image = axes.imshow(shown, cmap=colors, vmin=low, vmax=reach, aspect="auto")
    axes.set_xticks(range(len(POLARITIES)), POLARITIES)
    axes.set_yticks(range(len(aspects)), aspects)
    axes.tick_params(length=0, top=False)
    axes.spines[:].set_visible(False)
    _write_numbers(axes, cells, reach, "+.3f" if is_difference else ".3f")
    figure.colorbar(image, ax=axes, shrink=0.8, label="difference in F1" if is_difference else "F1")


def _write_numbers(axes: "Axes", cells: Cells, reach: float, form: str) -> None:
    for (a, c), value in np.ndenumerate(cells.values):
        is_counted = bool(cells.is_counted[a, c])
        is_dark = is_counted and abs(value) > 0.6 * reach
        text = f"{value:{form}}" if is_counted else NOTHING
        label = f"{text}\n{cells.support[a, c]}"
        axes.text(c, a, label, ha="center", va="center", fontsize=7, color="white" if is_dark else "#1f2430")
