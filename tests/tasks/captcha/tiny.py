"""A tiny captcha problem, of random pixels, for tests of everything behind the data."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sweeper.task.prepared import Prepared
from sweeper_tasks.captcha.alphabet import PADDING, ended
from sweeper_tasks.captcha.config import CaptchaConfig
from sweeper_tasks.captcha.facts import facts_of
from sweeper_tasks.captcha.task import CaptchaTask

ROWS = {"train": 40, "val": 30, "test": 24}
HEIGHT, WIDTH, LENGTH = 8, 16, 4
LOSSES: dict[str, dict[str, Any]] = {
    "bce": {"name": "captcha/bce"},
    "weighted_bce": {"name": "captcha/weighted_bce", "pos_weight": 3.0},
    "binary_focal": {"name": "captcha/binary_focal", "gamma": 2.0, "use_alpha": True, "alpha": 0.25},
    "ce": {"name": "captcha/ce"},
    "focal_ce": {"name": "captcha/focal_ce", "gamma": 2.0},
}
AUGMENTATION: dict[str, Any] = {
    "enabled": False,
    "flip_rate": 0.0,
    "rotation_deg": 5.0,
    "scale": [0.95, 1.05],
    "brightness": 0.1,
    "contrast": 0.1,
    "saturation": 0.0,
    "noise": 0.02,
}
PRESET = {
    "lr": 0.0012,
    "schedule": "plateau",
    "batch_size": 8,
    "max_steps": 20,
    "eval_every": 10,
    "lr_warmup_steps": 2,
    "plateau_patience": 2,
    "patience": 5,
}
DATA: dict[str, Any] = {
    "name": "captcha/generated",
    "cache_dir": "unused",
    "preset": PRESET,
    "generator_seed": 0,
    "characters": "digits",
    "length": LENGTH,
    "n_train": ROWS["train"],
    "n_val": ROWS["val"],
    "n_test": ROWS["test"],
    "height": HEIGHT,
    "width": WIDTH,
    "n_channels": 1,
    "augmentation": AUGMENTATION,
}
MODEL: dict[str, Any] = {
    "name": "captcha/cnn",
    "widths": [4, 6],
    "head": "dense",
    "dense_width": 12,
    "conv_dropout": 0.0,
    "dense_dropout": 0.0,
    "channel_attention": False,
}


def tiny_config(
    loss: str = "bce",
    data: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    **coefficients: Any,
) -> CaptchaConfig:
    """A valid configuration without chance in training; the arguments change single keys."""
    sections = {
        "data": DATA | (data or {}),
        "model": MODEL | (model or {}),
        "loss": LOSSES[loss] | coefficients,
    }
    return CaptchaConfig.model_validate(sections)


def tiny_codes(n: int, seed: int) -> NDArray[np.uint8]:
    """Codes [n, L] of random texts, some of them shorter than L."""
    codes = np.random.default_rng(seed).integers(0, PADDING + 1, (n, LENGTH))
    return ended(codes)


def tiny_prepared(folder: Path, **codes: NDArray[np.uint8]) -> Prepared:
    """Random images in `folder`; `codes` (`val=...`) replace drawn ones."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {split: codes.get(split, tiny_codes(n, seed)) for seed, (split, n) in enumerate(ROWS.items())}
    for seed, (split, n) in enumerate(ROWS.items()):
        images = np.random.default_rng(10 + seed).integers(0, 256, (n, 1, HEIGHT, WIDTH), dtype=np.uint8)
        np.save(folder / f"{split}_images.npy", images)
        np.save(folder / f"{split}_codes.npy", drawn[split])
    return Prepared(folder, "sha256:tiny", ROWS["train"], real=False, facts=facts_of(drawn))


def tiny_task(prepared: Prepared, config: CaptchaConfig | None = None) -> CaptchaTask:
    """The task on the CPU."""
    return CaptchaTask(config or tiny_config(), prepared, torch.device("cpu"))
