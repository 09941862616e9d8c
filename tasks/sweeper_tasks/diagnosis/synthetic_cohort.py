"""`data=diagnosis/synthetic_cohort`: patients of a clinic, one in fifty with a disease that labs hint at.

Three hidden conditions shape twelve labs; they, age, smoking and the way in decide the risk, not linearly.
A lab is ordered where somebody suspects something, so that its being missing says something too.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, roc_auc_score

from sweeper_tasks.diagnosis.cohort import SPLITS, Cohort, Floats
from sweeper_tasks.diagnosis.data_config import SyntheticCohort

GENERATOR = "1"
"""Part of the digest; goes up with every change of what is drawn from the same options."""
N_LABS, N_CONDITIONS = 12, 3
N_SKEWED = 4
"""The first labs are concentrations: logarithms are normal."""
SITES = ["north", "south", "east", "west", "centre", "airport"]
SITE_SHARES = [0.35, 0.25, 0.15, 0.12, 0.08, 0.05]
SMOKING = ["never", "former", "current"]
WAYS_IN = ["general practice", "screening", "emergency", "specialist"]
CLASSES = ("healthy", "ill")


def draw(data: SyntheticCohort) -> Cohort:
    """The patients of all splits, always the same for the same options.

    `known["best"]` is how well the true risk does on the true labels of each split: no model can be expected
    to do better. Label noise is in training and validation; test labels are true.
    """
    rng = np.random.default_rng(data.generator_seed)
    sizes = (data.n_train, data.n_val, data.n_test)
    n, split = sum(sizes), np.repeat(np.arange(3, dtype=np.uint8), sizes)
    conditions = rng.standard_normal((n, N_CONDITIONS))
    findings = _background(rng, n)
    risk = _standardised(_risk(conditions, findings, rng))
    labs = _labs(conditions, rng)
    labs[_is_not_ordered(data, risk, rng)] = np.nan
    findings = pd.concat([findings, pd.DataFrame(labs, columns=_lab_names())], axis=1)
    p = _probability(data.signal * risk, data.prevalence)
    ill = rng.random(n) < p
    recorded = np.where(split == SPLITS.index("test"), ill, _noisy(ill, data.label_noise, rng))
    known = {"best": {s: _best(p[split == code], ill[split == code]) for code, s in enumerate(SPLITS)}}
    return Cohort(findings, np.array(CLASSES)[recorded.astype(int)], split, real=False, known=known)


def _background(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": rng.normal(56, 16, n).clip(18, 99).round(),
            "pulse": rng.normal(74, 11, n).round(),
            "sex": rng.choice(["f", "m"], n),
            "smoking": rng.choice(SMOKING, n, p=[0.5, 0.3, 0.2]),
            "way_in": rng.choice(WAYS_IN, n, p=[0.5, 0.25, 0.15, 0.1]),
            "site": rng.choice(SITES, n, p=SITE_SHARES),
        }
    )


def _risk(conditions: Floats, background: pd.DataFrame, rng: np.random.Generator) -> Floats:
    """Two conditions add up, two matter together, one only where it is far from normal; some chance."""
    one, two, three = conditions.T
    smoking = background["smoking"].map(dict(zip(SMOKING, (0.0, 0.3, 0.8), strict=True))).to_numpy()
    way_in = background["way_in"].map(dict(zip(WAYS_IN, (0.0, -0.3, 0.4, 0.9), strict=True))).to_numpy()
    age = (background["age"].to_numpy() - 56) / 16
    hidden = one + 0.7 * two + 0.7 * one * two + 0.6 * np.square(three) + 0.5 * np.maximum(age, 0) * one
    risk: Floats = hidden + 0.4 * age + smoking + way_in + 0.3 * rng.standard_normal(len(age))
    return risk


def _labs(conditions: Floats, rng: np.random.Generator) -> Floats:
    """[n, 12] each lab sees the conditions through loadings of its own, and errs."""
    loadings = rng.normal(0, 0.6, (N_CONDITIONS, N_LABS))
    labs: Floats = conditions @ loadings + 0.6 * rng.standard_normal((len(conditions), N_LABS))
    labs[:, :N_SKEWED] = np.exp(labs[:, :N_SKEWED])
    return labs


def _lab_names() -> list[str]:
    return [f"lab_{i:02d}" for i in range(1, N_LABS + 1)]


def _is_not_ordered(data: SyntheticCohort, risk: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[n, 12] where a lab is missing; informative: the less suspicion there is, the likelier."""
    drawn = rng.random((len(risk), N_LABS))
    suspicion = _standardised(risk + rng.standard_normal(len(risk)))
    if data.missing_rate == 0:
        return np.zeros(drawn.shape, dtype=np.bool_)
    shift = -suspicion[:, None] if data.informative_missingness else np.zeros((len(risk), 1))
    missing: NDArray[np.bool_] = drawn < expit(logit(data.missing_rate) + shift)
    return missing


def _probability(score: Floats, prevalence: float) -> Floats:
    """`sigmoid(score + b)`, b such that its mean is the prevalence."""
    shift = brentq(lambda b: float(expit(score + b).mean()) - prevalence, -100.0, 100.0)
    p: Floats = expit(score + shift)
    return p


def _noisy(ill: NDArray[np.bool_], rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A share `rate` of the ill recorded as healthy, and as many healthy as ill: the prevalence stays."""
    order = rng.permutation(len(ill))
    n_swapped = round(rate * int(ill.sum()))
    noisy = ill.copy()
    noisy[order[ill[order]][:n_swapped]] = False
    noisy[order[~ill[order]][:n_swapped]] = True
    return noisy


def _best(p: Floats, ill: NDArray[np.bool_]) -> dict[str, Any]:
    if ill.all() or not ill.any():
        return {}
    return {"auprc": float(average_precision_score(ill, p)), "auroc": float(roc_auc_score(ill, p))}


def _standardised(values: Floats) -> Floats:
    scaled: Floats = (values - values.mean()) / values.std()
    return scaled
