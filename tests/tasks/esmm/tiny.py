"""A tiny esmm problem, written by hand, for tests of everything behind the data."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.model import Batch, EsmmOutput
from sweeper_tasks.esmm.task import EsmmTask
from sweeper_tasks.esmm.trivial import trivial_facts

VOCABULARIES = (7, 5, 3)
N_DENSE = 2
ROWS = {"train": 300, "val": 120, "test": 90}
MODELS: dict[str, dict[str, Any]] = {
    "mmoe": {
        "name": "esmm/mmoe",
        "embedding_dim": 4,
        "n_experts": 3,
        "expert_sizes": [8, 5],
        "gate_sizes": [],
        "tower_sizes": [6],
    },
    "mmoe_deep_gates": {
        "name": "esmm/mmoe",
        "embedding_dim": 4,
        "n_experts": 2,
        "expert_sizes": [8],
        "gate_sizes": [6],
        "tower_sizes": [],
    },
    "esmm": {"name": "esmm/esmm", "embedding_dim": 4, "tower_sizes": [8, 5]},
}
AUX_FOCAL: dict[str, Any] = {
    "enabled": True,
    "warmup_steps": 10,
    "target_head": "ctcvr",
    "lambda": 0.1,
    "gamma": 1.0,
    "use_alpha": False,
    "alpha": 0.25,
    "detach_p_for_weight": True,
    "compute_fp32": True,
    "log_components": True,
}
DATA: dict[str, Any] = {
    "name": "esmm/synthetic",
    "cache_dir": "unused",
    "preset": {
        "batch_size": 32,
        "max_steps": 50,
        "eval_every": 10,
        "warmup_steps": 10,
        "warmup_steps_short": 5,
    },
    "generator_seed": 0,
    "n_train": 300,
    "n_val": 120,
    "n_test": 90,
    "n_users": 2,
    "n_items": 2,
    "click_rate": 0.4,
    "conversion_rate": 0.4,
    "ctr_signal": 1.0,
    "cvr_signal": 1.0,
    "correlation": 0.5,
    "id_share": 0.5,
}


def tiny_config(
    model: str = "mmoe", aux_focal: dict[str, Any] | None = None, absent: bool = False, **loss: Any
) -> EsmmConfig:
    """A valid configuration; `aux_focal` and `loss` change single keys, `absent` leaves the section out."""
    weights = {"w_ctr": 1.0, "w_ctcvr": 1.0, "w_cvr_aux": 0.0}
    static = {"static_pos_weight": {"ctr": "auto", "ctcvr": "auto"}}
    sections: dict[str, Any] = {
        "data": DATA,
        "model": MODELS[model],
        "loss": {"name": "esmm/bce", **weights, **static, **loss},
    }
    if not absent:
        sections["aux_focal"] = {**AUX_FOCAL, **(aux_focal or {})}
    return EsmmConfig.model_validate(sections)


def tiny_prepared(folder: Path, **labels: np.ndarray[Any, Any]) -> Prepared:
    """Random impressions in `folder`; `labels` (`val_click=...`) replace drawn ones, row count included."""
    rng = np.random.default_rng(0)
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for split, n in ROWS.items():
        columns[f"{split}_click"] = labels.get(f"{split}_click", rng.random(n) < 0.4).astype(np.uint8)
        n = len(columns[f"{split}_click"])
        drawn = columns[f"{split}_click"] * (rng.random(n) < 0.4)
        columns[f"{split}_conversion"] = labels.get(f"{split}_conversion", drawn).astype(np.uint8)
        ids = [rng.integers(0, size, n) for size in VOCABULARIES]
        columns[f"{split}_sparse"] = np.stack(ids, axis=1).astype(np.int32)
        columns[f"{split}_dense"] = rng.normal(size=(n, N_DENSE)).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column)
    fields = [{"name": f"field{i}", "vocabulary": size} for i, size in enumerate(VOCABULARIES)]
    dense = [f"dense{i}" for i in range(N_DENSE)]
    facts: dict[str, Any] = {
        "sparse_fields": fields,
        "dense_fields": dense,
        "pos_weight": {"ctr": 1.5, "ctcvr": 5.3},
    }
    rows, clicks, conversions = _counts(columns)
    if all(conversions.values()):
        facts |= trivial_facts(rows, clicks, conversions)
    return Prepared(folder, "sha256:tiny", len(columns["train_click"]), real=False, facts=facts)


def _counts(columns: dict[str, np.ndarray[Any, Any]]) -> list[dict[str, int]]:
    """Rows, clicks and conversions by split."""
    rows = {split: len(columns[f"{split}_click"]) for split in ROWS}
    labels = ({s: int(columns[f"{s}_{name}"].sum()) for s in ROWS} for name in ("click", "conversion"))
    return [rows, *labels]


def tiny_task(prepared: Prepared, config: EsmmConfig | None = None) -> EsmmTask:
    """The task on the CPU."""
    return EsmmTask(config or tiny_config(), prepared, torch.device("cpu"))


def tiny_batch(n: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Batch:
    """Random impressions as tensors."""
    draw = torch.Generator().manual_seed(seed)
    ids = [torch.randint(0, size, (n,), generator=draw, dtype=torch.int32) for size in VOCABULARIES]
    click = (torch.rand(n, generator=draw) < 0.5).to(dtype)
    conversion = click * (torch.rand(n, generator=draw) < 0.5).to(dtype)
    dense = torch.randn(n, N_DENSE, generator=draw, dtype=dtype)
    return Batch(torch.stack(ids, dim=1), dense, click, conversion)


class FixedLogits(nn.Module):
    """A model that answers every impression with the same two logits."""

    def __init__(self, ctr: float, cvr: float) -> None:
        super().__init__()
        self.ctr, self.cvr = ctr, cvr

    def forward(self, batch: Batch) -> EsmmOutput:
        """The two logits, once a row."""
        n = len(batch.click)
        return EsmmOutput(torch.full((n,), self.ctr), torch.full((n,), self.cvr))


def step_of(number: int) -> Tensor:
    """A step as a worker gives it."""
    return torch.tensor(number)
