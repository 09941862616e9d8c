"""Probabilities made honest after training: one temperature for all patients. No torch here."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from sweeper_tasks.diagnosis.metrics import Floats, Labels

COLDEST, HOTTEST = 0.02, 50.0


def fitted_temperature(logits: Floats, labels: Labels) -> float:
    """The T > 0 that makes `mean CE(z / T, y)` least, for softmax logits z [n, C] and classes y [n].

    Above 1 the logits were too sure, below 1 not sure enough; ranks within one class against the rest of two
    classes stay as they are. Within [0.02, 50].

    Numerics: the cross-entropy is convex in 1 / T, so that it has one minimum along log T too.
    Source: Guo et al. 2017, section 4.2 (arXiv:1706.04599).
    """
    right = logits[np.arange(len(labels)), labels]

    def cross_entropy(log_t: float) -> float:
        scale = np.exp(-log_t)
        return float(np.mean(logsumexp(logits * scale, axis=1) - right * scale))

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(cross_entropy, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
