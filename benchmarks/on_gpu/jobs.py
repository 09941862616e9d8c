"""Configurations of the two tasks, written out: there is no Hydra where these checks run. Torch-free."""

import json
from pathlib import Path
from typing import Any

from benchmarks.on_gpu import config as ballast
from sweeper.task import Prepared
from sweeper.trial import DeviceNeeds, JobSpec, RunSpec, Slot
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.data import prepare as prepare_esmm

HERE = "benchmarks.on_gpu"
TASK_SECTIONS = ("data", "model", "loss", "aux_focal")
SCHEDULE = {
    "name": "constant",
    "lr_warmup_steps": 0,
    "min_lr_rate": 0.0,
    "plateau_factor": 0.5,
    "plateau_patience": 0,
}
OPTIMIZER = {"name": "adamw", "lr": 0.001, "weight_decay": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}
ESMM = {
    "name": "esmm",
    "target": "sweeper_tasks.esmm.task:EsmmTask",
    "config_target": "sweeper_tasks.esmm.config:EsmmConfig",
    "prepare_target": "sweeper_tasks.esmm.data:prepare",
}
TASK: dict[str, Any] = {"baseline": [], "default_sweep": None}


def esmm_config(
    *, n_train: int, n_eval: int, n_ids: int, batch_size: int, steps: int, eval_every: int, precision: str
) -> dict[str, Any]:
    """Multi-gate mixture of experts with a focal term, as by default, on synthetic impressions."""
    preset = {"batch_size": batch_size, "max_steps": steps, "eval_every": eval_every}
    return {
        "task": {**ESMM, "metric": "ctcvr_auc", "direction": "maximize", **TASK},
        "optimizer": OPTIMIZER,
        "trainer": _trainer(**preset, precision=precision),
        "data": {
            "name": "esmm/synthetic",
            "cache_dir": "",
            "generator_seed": 1,
            "n_train": n_train,
            "n_val": n_eval,
            "n_test": n_eval,
            "n_users": n_ids,
            "n_items": n_ids,
            "click_rate": 0.18,
            "conversion_rate": 0.14,
            "ctr_signal": 1.3,
            "cvr_signal": 1.3,
            "correlation": 0.5,
            "id_share": 0.5,
            "preset": {**preset, "warmup_steps": 0, "warmup_steps_short": 0},
        },
        "model": {
            "name": "esmm/mmoe",
            "embedding_dim": 8,
            "n_experts": 4,
            "expert_sizes": [32, 16],
            "gate_sizes": [],
            "tower_sizes": [16],
        },
        "loss": {
            "name": "esmm/bce",
            "w_ctr": 1.0,
            "w_ctcvr": 1.0,
            "w_cvr_aux": 0.0,
            "static_pos_weight": {"ctr": "auto", "ctcvr": "auto"},
        },
        "aux_focal": {
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
        },
    }


def ballast_config(
    *,
    steps: int = 10,
    eval_every: int = 5,
    ballast_gib: float = 0.0,
    piece_gib: float = 0.0,
    n_pieces: int = 0,
    pause_ms: float = 0.0,
) -> dict[str, Any]:
    """The task that takes memory; its greed strikes at step 3."""
    targets = {
        "target": f"{HERE}.task:BallastTask",
        "config_target": f"{HERE}.config:BallastConfig",
        "prepare_target": f"{HERE}.config:prepare",
    }
    greed = {"greedy_step": 3, "piece_gib": piece_gib, "n_pieces": n_pieces, "pause_ms": pause_ms}
    return {
        "task": {"name": "ballast", **targets, "metric": "mse", "direction": "minimize", **TASK},
        "optimizer": OPTIMIZER,
        "trainer": _trainer(batch_size=32, max_steps=steps, eval_every=eval_every, precision="fp32"),
        "data": {"ballast_gib": ballast_gib},
        "loss": greed,
    }


def prepared(config: dict[str, Any], cache: Path) -> Prepared:
    """The prepared data of a configuration of either task."""
    sections = json.dumps({key: config[key] for key in TASK_SECTIONS if key in config})
    if config["task"]["name"] == "esmm":
        return prepare_esmm(EsmmConfig.model_validate_json(sections), cache)
    return ballast.prepare(ballast.BallastConfig.model_validate_json(sections), cache)


def job(
    folder: Path,
    name: str,
    config: dict[str, Any],
    slot: Slot,
    *,
    attempt: int = 1,
    stop_at: int | None = None,
    is_alone: bool = False,
) -> JobSpec:
    """A job of one member in `folder/name`, its data prepared under `folder/cache`."""
    run = RunSpec(trial=1, name=name, seed=0, config=config, folder=str(folder / name), attempt=attempt)
    return JobSpec(
        job_id=f"{name}-{attempt}",
        study="gpu",
        members=(run,),
        prepared=str(prepared(config, folder / "cache").folder),
        start_from=None,
        stop_at=stop_at,
        needs=DeviceNeeds(device=slot.device, n_threads=slot.n_threads, is_alone=is_alone),
    )


def _trainer(*, batch_size: int, max_steps: int, eval_every: int, precision: str) -> dict[str, Any]:
    """The last model is kept, so that two runs that are equal at the end are so all the way."""
    return {
        "batch_size": batch_size,
        "max_steps": max_steps,
        "epochs": None,
        "eval_every": eval_every,
        "precision": precision,
        "grad_clip_norm": None,
        "patience": None,
        "min_delta": 0.0,
        "restore_best": False,
        "max_seconds": None,
        "schedule": SCHEDULE,
    }
