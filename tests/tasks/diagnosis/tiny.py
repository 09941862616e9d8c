"""A tiny cohort for tests of everything behind the data."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sweeper.task.prepared import Prepared
from sweeper_tasks.diagnosis.cohort import Cohort, build
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from sweeper_tasks.diagnosis.task import DiagnosisTask

ROWS = {"train": 60, "val": 40, "test": 50}
BINARY, THREE = ("healthy", "ill"), ("healthy", "ill", "very ill")
DIVERSE = {"diversity_weight": 0.1, "divergence": "js", "kl_cap": 2.0}
LOSSES: dict[str, dict[str, Any]] = {
    "dual_focal": {"alpha": 0.2, "gamma": 2.5, "main_weight": 0.7, "aux_weight": 0.3},
    "balanced": {
        "alpha": 0.2,
        "gamma": 2.5,
        "main_weight": 0.7,
        "aux_weight": 0.25,
        "smoothing": 0.15,
        "consistency_weight": 0.05,
    },
    "focal_smooth": {
        "alpha": 0.15,
        "gamma": 3.0,
        "main_weight": 0.6,
        "aux_weight": 0.3,
        "smoothing": 0.2,
        "aux_temperature": 2.0,
        **DIVERSE,
    },
    "confidence_aware": {
        "alpha": 0.25,
        "gamma": 2.0,
        "main_weight": 0.5,
        "aux_weight": 0.5,
        "main_confidence_weight": 0.3,
        "aux_confidence_weight": 0.2,
        "calibration_weight": 0.1,
    },
    "adversarial": {"alpha": 0.2, "gamma": 2.5, "main_weight": 0.6, "aux_weight": 0.3, **DIVERSE},
}
for _name, _loss in LOSSES.items():
    _loss["name"] = f"diagnosis/{_name}"
CHOSEN_BY_AUTO = ("focal_smooth", "confidence_aware", "adversarial", "balanced")
AUTO = {"name": "diagnosis/auto", "rare_below": 0.1, **{name: LOSSES[name] for name in CHOSEN_BY_AUTO}}
SHARED: dict[str, Any] = {
    "cache_dir": "unused",
    "preset": {"batch_size": 16, "max_steps": 20, "eval_every": 10},
    "requires_calibration": False,
    "has_noise": False,
}
DATA: dict[str, Any] = SHARED | {
    "name": "diagnosis/synthetic_cohort",
    "generator_seed": 1,
    "n_train": 2000,
    "n_val": 1000,
    "n_test": 1500,
    "prevalence": 0.05,
    "signal": 3.0,
    "missing_rate": 0.3,
    "informative_missingness": True,
    "label_noise": 0.0,
}
MODEL: dict[str, Any] = {
    "name": "diagnosis/two_head",
    "embedding_dim": 2,
    "width": 8,
    "n_blocks": 1,
    "dropout": 0.0,
}


def tiny_config(
    loss: str = "dual_focal",
    data: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    temperature: bool = True,
    **coefficients: Any,
) -> DiagnosisConfig:
    """A valid configuration without chance in training; the arguments change single keys."""
    sections = {
        "data": DATA | (data or {}),
        "model": MODEL | (model or {}),
        "loss": (AUTO if loss == "auto" else LOSSES[loss]) | coefficients,
        "calibration": {"temperature": temperature},
    }
    return DiagnosisConfig.model_validate(sections)


def tiny_cohort(classes: tuple[str, ...] = BINARY, seed: int = 0) -> Cohort:
    """Two numbers and a category that say something about the class; some of each is missing."""
    rng, n = np.random.default_rng(seed), sum(ROWS.values())
    label = np.arange(n) % 10 % 7 % len(classes) * (np.arange(n) % 3 > 0)
    findings = pd.DataFrame(
        {
            "a": np.where(rng.random(n) < 0.2, np.nan, label + rng.standard_normal(n)),
            "b": rng.standard_normal(n),
            "colour": pd.Series(rng.choice(["red", "blue", "green"], n), dtype=object),
        }
    )
    findings.loc[5:7, "colour"] = np.nan
    split = np.repeat(np.arange(3, dtype=np.uint8), list(ROWS.values()))
    return Cohort(findings, np.array(classes)[label], split, real=False)


def built(cohort: Cohort, folder: Path) -> Prepared:
    """The cohort, prepared in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Prepared(folder, "sha256:tiny", **build(cohort, folder))


def tiny_prepared(folder: Path, classes: tuple[str, ...] = BINARY) -> Prepared:
    """The tiny cohort, prepared."""
    return built(tiny_cohort(classes), folder)


def tiny_task(prepared: Prepared, config: DiagnosisConfig | None = None) -> DiagnosisTask:
    """The task on the CPU."""
    return DiagnosisTask(config or tiny_config(), prepared, torch.device("cpu"))
