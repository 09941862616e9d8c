"""A tiny sentiment problem, of random words, for tests of everything behind the data."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sweeper.task.prepared import Prepared
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.facts import facts_of
from sweeper_tasks.sentiment.polarities import Labels
from sweeper_tasks.sentiment.task import SentimentTask

ROWS = {"train": 60, "val": 50, "test": 40}
ASPECTS = ("battery", "price", "screen")
MAX_TOKENS, VOCABULARY, PADDING, MIN_SUPPORT = 6, 30, 0, 3
PRESET = {"batch_size": 8, "max_steps": 20, "eval_every": 10, "lr_warmup_steps": 2, "patience": None}
DATA: dict[str, Any] = {
    "name": "sentiment/synthetic_reviews",
    "cache_dir": "unused",
    "preset": PRESET,
    "generator_seed": 0,
    "n_train": ROWS["train"],
    "n_val": ROWS["val"],
    "n_test": ROWS["test"],
    "shares": [0.57, 0.29, 0.14],
    "negation_rate": 0.2,
    "typo_rate": 0.05,
    "max_tokens": MAX_TOKENS,
    "vocabulary_size": VOCABULARY + 40,
    "lowercase": True,
    "min_support": MIN_SUPPORT,
}
FILES: dict[str, Any] = {
    key: DATA[key]
    for key in ("cache_dir", "preset", "max_tokens", "vocabulary_size", "lowercase", "min_support")
} | {"skip_bad": False, "min_support": 1}
"""What data from files share."""
MODELS: dict[str, dict[str, Any]] = {
    "transformer_small": {
        "name": "sentiment/transformer_small",
        "width": 8,
        "depth": 2,
        "heads": 2,
        "mlp_ratio": 2,
        "dropout": 0.0,
    },
    "textcnn": {
        "name": "sentiment/textcnn",
        "width": 8,
        "n_filters": 5,
        "kernels": [1, 2, 3],
        "dropout": 0.0,
    },
    "pretrained": {"name": "sentiment/pretrained", "encoder": "nowhere", "dropout": 0.0},
}
LOSSES: dict[str, dict[str, Any]] = {
    "ce": {"name": "sentiment/ce", "absent": "masked"},
    "multilabel_focal": {
        "name": "sentiment/multilabel_focal",
        "absent": "masked",
        "focal_gamma": 2.0,
        "focal_alpha": "auto",
    },
}


def tiny_config(
    loss: str = "ce",
    model: str = "transformer_small",
    data: dict[str, Any] | None = None,
    encoder: Path | None = None,
    **changes: Any,
) -> SentimentConfig:
    """A valid configuration without chance in training; `changes` are keys of the loss."""
    own = {"preset": {"lr": 0.002, "weight_decay": 0.01}} | ({"encoder": str(encoder)} if encoder else {})
    sections = {
        "data": DATA | (data or {}),
        "model": MODELS[model] | own,
        "loss": LOSSES[loss] | changes,
    }
    return SentimentConfig.model_validate(sections)


def tiny_labels(n: int, seed: int) -> Labels:
    """[n, A] random labels: about half of the aspects are named."""
    labels: NDArray[np.int8] = np.random.default_rng(seed).choice(
        [-1, 0, 1, 2], (n, len(ASPECTS)), p=[0.4, 0.3, 0.2, 0.1]
    )
    return labels.astype(np.int8)


def tiny_prepared(folder: Path) -> Prepared:
    """Random texts of 1 to 6 words in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {split: tiny_labels(n, seed) for seed, (split, n) in enumerate(ROWS.items())}
    for seed, (split, n) in enumerate(ROWS.items()):
        draw = np.random.default_rng(10 + seed)
        is_word = np.arange(MAX_TOKENS) < draw.integers(1, MAX_TOKENS + 1, (n, 1))
        tokens = np.where(is_word, draw.integers(1, VOCABULARY, (n, MAX_TOKENS)), PADDING)
        np.save(folder / f"{split}_tokens.npy", tokens.astype(np.uint16))
        np.save(folder / f"{split}_labels.npy", labels[split])
    facts = facts_of(labels, ASPECTS, MIN_SUPPORT) | {"padding": PADDING, "vocabulary_size": VOCABULARY}
    return Prepared(folder, "sha256:tiny", ROWS["train"], real=False, facts=facts)


def tiny_task(prepared: Prepared, config: SentimentConfig | None = None) -> SentimentTask:
    """The task on the CPU."""
    return SentimentTask(config or tiny_config(), prepared, torch.device("cpu"))
