"""What esmm adds to a report: CTCVR calibration and lift by tenths of the test split. No torch here.

Shapes: n impressions, D = 10 tenths from the highest scores down.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweeper.task import BASELINE_COLOR, BEST_COLOR, NOTHING, Arm, Comparison, Part, Plot, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Calibration and lift"
N_TENTHS = 10
FAINT = "#9aa1ad"
Floats = NDArray[np.float64]


class Tenths(NamedTuple):
    """[D] each, means over the seeds: mean prediction, conversion rate, and its ratio to the whole rate."""

    predicted: Floats
    observed: Floats
    lift: Floats


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """A table and a picture; none without records of conversions."""
    found = {arm.name: tenths for arm in comparison.arms if (tenths := tenths_of(arm)) is not None}
    if not found:
        return ()
    colors = dict(zip((arm.name for arm in comparison.arms), (BASELINE_COLOR, BEST_COLOR), strict=False))
    caption = (
        f"Impressions of test by tenths of their CTCVR score, means over {comparison.seeds}. Left: predicted "
        "and observed rate; below the line the model promises too much, as a pos_weight makes it. Right: "
        "the share of all conversions that the highest scores hold; the line is what chance would."
    )
    draw = partial(_draw, found, colors)
    return (_table(comparison, found), Plot(TITLE, "calibration-and-lift", caption, draw, (10.0, 4.2)))


def tenths_of(arm: Arm) -> Tenths | None:
    """Means over the seeds that have records and a conversion; None without any."""
    each = [tenths(*pair) for pair in _recorded(arm)]
    if not each:
        return None
    predicted, observed, lift = (np.mean([one[i] for one in each], axis=0) for i in range(3))
    return Tenths(predicted, observed, lift)


def tenths(scores: Floats, labels: Floats) -> Tenths:
    """Of one run, from the highest `scores` [n] (logits) down; `labels` [n] are 0 or 1.

    Impressions of equal score share their conversions out evenly, so that their order means nothing.
    """
    values, group = np.unique(-scores, return_inverse=True)
    share = np.bincount(group, weights=labels) / np.bincount(group)
    rows = np.array_split(np.sort(group, kind="stable"), N_TENTHS)
    predicted = np.array([expit(-values[one]).mean() for one in rows])
    observed = np.array([share[one].mean() for one in rows])
    return Tenths(predicted, observed, observed / labels.mean())


def _recorded(arm: Arm) -> Iterator[tuple[Floats, Floats]]:
    for found in arm.records.values():
        if {"score", "label"} <= found.keys() and len(found["label"]) >= N_TENTHS and found["label"].any():
            yield found["score"].astype(np.float64), found["label"].astype(np.float64)


def _table(comparison: Comparison, found: dict[str, Tenths]) -> Table:
    names = [arm.name for arm in comparison.arms]
    head = [f"{name}: {what}" for name in names for what in ("predicted", "observed", "lift")]
    rows = [
        [str(i + 1), *(cell for name in names for cell in _cells(found.get(name), i))]
        for i in range(N_TENTHS)
    ]
    caption = (
        f"CTCVR by tenths of the score, the highest first; means over {comparison.seeds}. Lift: the tenth's "
        "conversion rate over that of all."
    )
    return Table(TITLE, ["tenth", *head], rows, caption)


def _cells(one: Tenths | None, i: int) -> list[str]:
    if one is None:
        return [NOTHING] * 3
    return [f"{one.predicted[i]:.4f}", f"{one.observed[i]:.4f}", f"{one.lift[i]:.2f}"]


def _draw(found: dict[str, Tenths], colors: dict[str, str], figure: "Figure") -> None:
    left, right = figure.subplots(1, 2)
    top = max(float(max(one.predicted.max(), one.observed.max())) for one in found.values())
    left.plot([0, top], [0, top], color=FAINT, linewidth=1)
    shares = np.linspace(0, 1, N_TENTHS + 1)
    right.plot(shares, shares, color=FAINT, linewidth=1)
    for name, one in found.items():
        left.plot(one.predicted, one.observed, "o-", markersize=4, color=colors[name], label=name)
        gained = np.concatenate([[0.0], np.cumsum(one.lift) / one.lift.sum()])
        right.plot(shares, gained, "o-", markersize=4, color=colors[name], label=name)
    _finish(left, "mean predicted CTCVR", "conversion rate")
    _finish(right, "share of impressions, highest scores first", "share of conversions")


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    style: dict[str, Any] = {"frameon": False, "fontsize": 9}
    axes.legend(**style)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e7e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
