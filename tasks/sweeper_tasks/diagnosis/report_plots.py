"""The curves of a report, baseline and best in one picture. No torch here.

Shapes: n patients, J classes that are set against the rest: the rare one of two, else all.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, softmax
from sklearn.metrics import precision_recall_curve

from sweeper.task import BASELINE_COLOR, BEST_COLOR, Arm, Comparison
from sweeper_tasks.diagnosis.judged import judged_classes
from sweeper_tasks.diagnosis.metrics import Floats, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Columns = tuple[Floats, Floats]
"""Whether a patient is of a class, and its score or probability; both [n, J], or both flat."""
RECALLS = np.linspace(0.01, 1, 100)
FAINT = "#c0c4cc"


def is_drawable(arm: Arm) -> bool:
    """Whether records of any seed are left."""
    return any(True for _ in _recorded(arm))


def draw_reliability(comparison: Comparison, figure: "Figure") -> None:
    """Observed against predicted, of both arms, before and after temperature scaling."""
    axes, largest = figure.add_subplot(), 0.0
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    for arm, color in _with_colors(comparison):
        for label, style, columns in (
            (arm.name, "o-", probabilities(arm, calibrated=False)),
            (f"{arm.name}, calibrated", "--", probabilities(arm, calibrated=True)),
        ):
            if columns is not None:
                mean_p, observed, _ = reliability(*columns)
                largest = max(largest, float(mean_p.max()), float(observed.max()))
                axes.plot(mean_p, observed, style, markersize=4, color=color, label=label)
    axes.set_xscale("function", functions=(_root, np.square))
    axes.set_yscale("function", functions=(_root, np.square))
    _finish(axes, "mean predicted probability", "share with the diagnosis", min(1.0, 1.1 * largest))


def draw_precision(comparison: Comparison, figure: "Figure") -> None:
    """Precision at each recall, of both arms: mean and range over the seeds."""
    axes, top = figure.add_subplot(), 0.0
    for arm, color in _with_colors(comparison):
        columns = [_one_vs_rest(labels, scores) for _, labels, scores in _recorded(arm)]
        curves = np.array([precisions(*pair) for pair in columns])
        lowest, highest = curves.min(axis=0), curves.max(axis=0)
        axes.fill_between(RECALLS, lowest, highest, color=color, alpha=0.18, linewidth=0)
        area = fmean(arm.per_seed("test/auprc").values())
        axes.plot(RECALLS, curves.mean(axis=0), color=color, label=f"{arm.name} (AUPRC {area:.3f})")
        axes.axhline(float(columns[0][0].mean()), color=FAINT, linewidth=1, linestyle=":")
        top = max(top, float(highest.max()))
    _finish(axes, "recall", "precision", 1.02)
    axes.set_ylim(0, min(1.02, 1.1 * top or 1.02))


def precisions(is_positive: Floats, scores: Floats) -> Floats:
    """[100] precision at the strictest threshold that reaches each of `RECALLS`; a mean over classes."""
    each = []
    for positive, score in zip(is_positive.T, scores.T, strict=True):
        precision, recall, _ = precision_recall_curve(positive, score)  # by falling recall
        each.append(precision[::-1][np.searchsorted(recall[::-1], RECALLS - 1e-9)])
    found: Floats = np.mean(each, axis=0)
    return found


def probabilities(arm: Arm, *, calibrated: bool) -> Columns | None:
    """Of all seeds and judged classes, flat; None where no seed has what is asked for."""
    temperatures = arm.per_seed("test/temperature")
    parts: list[Columns] = []
    for seed, labels, scores in _recorded(arm):
        if not calibrated:
            parts.append(_one_vs_rest(labels, expit(scores)))
        elif seed in temperatures:
            parts.append(_one_vs_rest(labels, softmax(log_expit(scores) / temperatures[seed], axis=1)))
    return _joined(parts) if parts else None


def _recorded(arm: Arm) -> Iterator[tuple[int, NDArray[Any], Floats]]:
    """Seed, labels [n] and scores [n, C] of the runs whose records are left."""
    for seed, records in arm.records.items():
        if {"score", "label"} <= records.keys():
            yield seed, records["label"], records["score"].astype(np.float64)


def _one_vs_rest(labels: NDArray[Any], scores: Floats) -> Columns:
    judged = list(judged_classes(scores.shape[1]))
    return (labels[:, None] == judged).astype(np.float64), scores[:, judged]


def _joined(parts: Sequence[Columns]) -> Columns:
    is_positive, p = (
        np.concatenate([part.ravel() for part in column]) for column in zip(*parts, strict=True)
    )
    return is_positive, p


def _with_colors(comparison: Comparison) -> Iterator[tuple[Arm, str]]:
    """The arms with records, in the report's colors."""
    for arm, color in zip(comparison.arms, (BASELINE_COLOR, BEST_COLOR), strict=False):
        if is_drawable(arm):
            yield arm, color


def _root(values: Any) -> Any:
    return np.sqrt(np.maximum(values, 0))


def _finish(axes: "Axes", x: str, y: str, end: float) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(0, min(end, 1.0))
    axes.set_ylim(0, end)
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
