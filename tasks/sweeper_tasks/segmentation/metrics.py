"""How well masks are parsed, from each image's confusion matrix.

n images, C classes; a confusion matrix counts pixels by true class (rows) and predicted class (columns).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweeper_tasks.segmentation.class_facts import IGNORED, ClassFacts

if TYPE_CHECKING:
    from torch import Tensor

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
ABSENT = -1.0
"""What stands for the F-score of a class that an image does not hold."""


def confusions(truth: "Tensor", predicted: "Tensor", n_classes: int) -> "Tensor":
    """[n, C, C] int64 out of classes [n, H, W], on their device; pixels that count nowhere are in none."""
    import torch  # only here: data are prepared, and reports written, by a process without it

    n = len(truth)
    image = torch.arange(n, device=truth.device).view(n, 1, 1)
    cell = (image * n_classes + truth) * n_classes + predicted
    n_cells = n * n_classes**2
    cell = cell.where(truth != IGNORED, n_cells)
    return torch.bincount(cell.flatten(), minlength=n_cells + 1)[:n_cells].view(n, n_classes, n_classes)


def f_by_class(counts: Counts) -> Floats:
    """[n, C] `2 TP / (2 TP + FP + FN)` of each image and class; -1 where the truth has none of it."""
    hits, there = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2)
    f = 2 * hits / np.maximum(there + counts.sum(axis=1), 1)
    found: Floats = np.where(there > 0, f, ABSENT)
    return found


def f_by_image(by_class: Floats) -> Floats:
    """[n] mean F-score over the classes of an image's truth; its mean is the objective, `f_score`."""
    is_there = by_class != ABSENT
    scores: Floats = np.where(is_there, by_class, 0).sum(axis=1) / is_there.sum(axis=1)
    return scores


def segmentation_metrics(counts: Counts, classes: ClassFacts, pixels: Sequence[int]) -> dict[str, float]:
    """All metrics of a split but the losses; classes that are nowhere in its truth are left out.

    `f_score`: the mean over images of each one's mean F-score over the classes that it holds.
    `pixel_accuracy`: share of pixels that are right. `miou`: mean over classes of
    `TP / (TP + FP + FN)`, over all pixels of the split. `f_<class>`: mean F-score of a class over the images
    that hold it; `f_large` and `f_small` are means of these over large and small classes, which the training
    split's `pixels` [C] decide where the data option does not.
    """
    by_class, total = f_by_class(counts), counts.sum(axis=0)
    parts = _mean_where_there(by_class)
    return {
        "f_score": float(f_by_image(by_class).mean()),
        "pixel_accuracy": float(np.trace(total) / total.sum()),
        "miou": _miou(total),
        **{
            name: mean
            for group, members in classes.groups(pixels).items()
            for name, mean in _mean_of_group(f"f_{group}", parts, members).items()
        },
        **{f"f_{classes.classes[c]}": f for c, f in parts.items()},
    }


def _miou(total: NDArray[Any]) -> float:
    hits, there = np.diagonal(total), total.sum(axis=1)
    union = there + total.sum(axis=0) - hits
    return float((hits[there > 0] / union[there > 0]).mean())


def _mean_where_there(by_class: Floats) -> dict[int, float]:
    columns = ((c, column[column != ABSENT]) for c, column in enumerate(by_class.T))
    return {c: float(found.mean()) for c, found in columns if found.size}


def _mean_of_group(name: str, parts: dict[int, float], group: tuple[int, ...]) -> dict[str, float]:
    found = [parts[c] for c in group if c in parts]
    return {name: float(np.mean(found))} if found else {}
