"""How much each patient moves a metric of one class against the rest. No torch here."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweeper.task import auc_influence, average_precision_influence, mean_influence
from sweeper_tasks.diagnosis.judged import judged_classes
from sweeper_tasks.diagnosis.metrics import Floats, Labels


def influences(scores: Floats, labels: Labels) -> dict[str, Floats]:
    """Influence values [n] by metric, from one-vs-rest scores [n, C] and classes `labels` [n].

    Of `auprc`, `auroc` and `brier`, each a mean over the judged classes. The other metrics have none: bins
    and thresholds move with the patients (`ece`, `sensitivity_at_95`).
    """
    of_one: dict[str, Callable[[Floats, NDArray[np.bool_]], Floats]] = {
        "auprc": average_precision_influence,
        "auroc": auc_influence,
        "brier": lambda score, is_positive: mean_influence((expit(score) - is_positive) ** 2),
    }
    judged = judged_classes(scores.shape[1])
    return {
        name: np.mean([influence(scores[:, c], labels == c) for c in judged], axis=0)
        for name, influence in of_one.items()
    }
