"""What a report shows of face parsing: which parts gain and which lose, large ones and small ones apart.

No torch here.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from sweeper.task import (
    BASELINE_COLOR,
    BEST_COLOR,
    NOTHING,
    Arm,
    Comparison,
    Part,
    Plot,
    Prepared,
    Table,
    mean_and_spread,
)
from sweeper_tasks.segmentation.class_facts import ClassFacts
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.overlays import overlays

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "F-score by part"
BAR = 0.4


class Row(NamedTuple):
    """A part, or the mean over a group, with its metric on test and its share of training's pixels."""

    label: str
    key: str
    share: float | None


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """Two tables, of large and small parts, a bar plot of both, and the images that changed most."""
    classes, pixels = _classes(comparison), _pixels(comparison.prepared)
    groups = classes.groups(pixels or [1] * classes.n_classes)
    rows = {name: list(_rows(comparison, name, group, pixels)) for name, group in groups.items()}
    caption = (
        f"Mean F-score on test, over the images that have the part and over {comparison.seeds}; a line is a "
        "standard deviation over the seeds, on both sides."
    )
    height = 1.4 + 0.34 * sum(map(len, rows.values()))
    plot = Plot(TITLE, "f_score-by-part", caption, lambda f: _draw(f, comparison, rows), (8.0, height))
    changed = overlays(comparison)
    return [
        *(_table(comparison, name, rows[name]) for name in groups),
        plot,
        *([] if changed is None else [changed]),
    ]


def _classes(comparison: Comparison) -> ClassFacts:
    assert isinstance(comparison.config, SegmentationConfig)
    return comparison.config.data


def _pixels(prepared: Prepared | None) -> Sequence[int]:
    """Of each class in training; empty where that is not known any more."""
    return () if prepared is None else prepared.facts["pixels"]


def _rows(comparison: Comparison, name: str, group: Sequence[int], pixels: Sequence[int]) -> Iterator[Row]:
    """The mean over a group, then its parts that some test image has, the largest first."""
    names, n = _classes(comparison).classes, sum(pixels)
    shares = {c: pixels[c] / n if n else None for c in group}
    known = [share for share in shares.values() if share is not None]
    yield Row(f"all {name} parts", f"test/f_{name}", sum(known) if known else None)
    for c in sorted(group, key=lambda c: -(shares[c] or 0)):
        row = Row(names[c], f"test/f_{names[c]}", shares[c])
        if any(arm.per_seed(row.key) for arm in comparison.arms):
            yield row


def _table(comparison: Comparison, name: str, rows: Sequence[Row]) -> Table:
    best = comparison.best
    compared = [] if best is None else [f"best: {best.name}", "difference"]
    caption = (
        f"The {name} parts: mean F-score on test, over the images that have the part. "
        f"Mean ± standard deviation over {comparison.seeds}; differences are paired by seed."
    )
    head = ["part", "of training pixels", "baseline", *compared]
    return Table(TITLE, head, [_cells(comparison, row) for row in rows], caption, left=("part",))


def _cells(comparison: Comparison, row: Row) -> list[str]:
    values = [mean_and_spread(list(arm.per_seed(row.key).values())) for arm in comparison.arms]
    differences = comparison.differences(row.key)
    compared = [] if comparison.best is None else [mean_and_spread(differences, signed=True)]
    share = NOTHING if row.share is None else f"{row.share:.2%}"
    return [row.label, share, *values, *compared]


def _draw(figure: "Figure", comparison: Comparison, rows: dict[str, list[Row]]) -> None:
    """A row a part, from the largest down; a panel a group, as high as it has rows."""
    heights = [len(group) for group in rows.values()]
    grid = {"height_ratios": heights}
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw=grid)[:, 0]
    arms = [(comparison.baseline, "baseline", BASELINE_COLOR)]
    if comparison.best is not None:
        arms.append((comparison.best, comparison.best.name, BEST_COLOR))
    for axes, group in zip(panels, rows.values(), strict=True):
        for i, (arm, label, color) in enumerate(arms):
            offset = BAR * (i - (len(arms) - 1) / 2)
            places = [place + offset for place in range(len(group))]
            means, spreads = zip(*(_bar(arm, row) for row in group), strict=True)
            style = {"elinewidth": 1, "ecolor": "#1f2430"}
            axes.barh(places, means, BAR, xerr=spreads, color=color, label=label, error_kw=style)
        axes.set_yticks(range(len(group)), [row.label for row in group])
        axes.set_ylim(len(group) - 0.4, -0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="#e7e9ee", linewidth=0.8)
        axes.set_axisbelow(True)
    panels[-1].set_xlabel("F-score on test")
    panels[-1].set_xlim(0, 1)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)


def _bar(arm: Arm, row: Row) -> tuple[float, float]:
    """Mean and standard deviation over the seeds; 0 where there is none."""
    values = list(arm.per_seed(row.key).values())
    return fmean(values) if values else 0.0, stdev(values) if len(values) > 1 else 0.0
