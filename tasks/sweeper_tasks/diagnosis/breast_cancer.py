"""`data=diagnosis/breast_cancer`: 569 biopsies, 212 of them malignant, 30 measurements of cell nuclei each.

Breast Cancer Wisconsin (Diagnostic), Wolberg, Street & Mangasarian 1995, embedded in scikit-learn.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

from sweeper.task import drawn
from sweeper_tasks.diagnosis.cohort import Cohort
from sweeper_tasks.diagnosis.data_config import BreastCancer

VERSION = "1"
"""Part of the digest; goes up with every change of what is prepared from the same table."""


def load(data: BreastCancer) -> Cohort:
    """The biopsies, split at random within each diagnosis."""
    table = load_breast_cancer(as_frame=True)
    split = drawn(table.target.to_numpy(), data.val_rate, data.test_rate, data.split_seed)
    names = np.array(table.target_names)[table.target.to_numpy()]
    return Cohort(table.data.astype(np.float64), names, split, real=True)
