"""Jobs for the toy task, and a parent that writes down what it hears. Torch-free."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sweeper.layout import RunFolder
from sweeper.messages import Message, Reply, Reported
from sweeper.task.base import config_of
from sweeper.trial import CheckpointRef, DeviceNeeds, JobSpec, Leave, RunSpec
from tests.sweeper.worker.toy_config import ToyConfig, prepare

HERE = "tests.sweeper.worker"

Changes = Mapping[str, Any]
NONE: Changes = MappingProxyType({})

CONFIG: dict[str, Any] = {
    "task": {
        "name": "toy",
        "target": f"{HERE}.toy_task:ToyTask",
        "config_target": f"{HERE}.toy_config:ToyConfig",
        "prepare_target": f"{HERE}.toy_config:prepare",
        "metric": "nll",
        "direction": "minimize",
        "baseline": [],
        "default_sweep": None,
    },
    "optimizer": {"name": "adamw", "lr": 0.05, "weight_decay": 0.01, "betas": [0.9, 0.999], "eps": 1e-8},
    "trainer": {
        "batch_size": 16,
        "max_steps": 40,
        "epochs": None,
        "eval_every": 5,
        "precision": "fp32",
        "grad_clip_norm": None,
        "patience": None,
        "min_delta": 0.0,
        "restore_best": True,
        "max_seconds": None,
        "schedule": {
            "name": "constant",
            "lr_warmup_steps": 0,
            "min_lr_rate": 0.0,
            "plateau_factor": 0.5,
            "plateau_patience": 0,
        },
    },
    "data": {"seed": 0},
    "model": {"n_hidden": 8, "dropout": 0.3},
    "loss": {"scale": 1.0, "poisoned_step": -1, "fault": "", "pause_ms": 0.0},
}


def toy_config(changes: Changes = NONE) -> dict[str, Any]:
    """The configuration with values set by dotted path: `toy_config({"trainer.patience": 2})`."""
    config: dict[str, Any] = json.loads(json.dumps(CONFIG))
    for path, value in changes.items():
        *parents, last = path.split(".")
        section = config
        for parent in parents:
            section = section[parent]
        section[last] = value
    return config


def toy_job(
    root: Path,
    name: str = "run",
    *,
    seed: int = 0,
    attempt: int = 1,
    start_from: CheckpointRef | None = None,
    leave: Sequence[Leave] = (),
    stop_at: int | None = None,
    n_threads: int | None = 1,
    changes: Changes = NONE,
) -> JobSpec:
    """A job of one member in the folder `root/name`, its data prepared under `root/cache`."""
    config = toy_config(changes)
    toy = config_of(ToyConfig, config)
    assert isinstance(toy, ToyConfig)
    run = RunSpec(trial=1, name=name, seed=seed, config=config, folder=str(root / name), attempt=attempt)
    return JobSpec(
        job_id=f"job-{name}-{attempt}",
        study="toy",
        members=(run,),
        prepared=str(prepare(toy, root / "cache").folder),
        start_from=start_from,
        leave=tuple(leave),
        stop_at=stop_at,
        needs=DeviceNeeds(device="cpu", n_threads=n_threads),
    )


def folder_of(job: JobSpec) -> RunFolder:
    """The folder of the job's only member."""
    return RunFolder(Path(job.members[0].folder))


def rows_of(job: JobSpec) -> list[dict[str, Any]]:
    """The evaluations in metrics.jsonl."""
    return [json.loads(line) for line in folder_of(job).metrics.read_text().splitlines()]


class Listener:
    """A parent: keeps all messages and answers the n-th report with `replies[n]`, then with "continue"."""

    def __init__(self, replies: Sequence[Reply] = ()) -> None:
        self.messages: list[Message] = []
        self._replies = iter(replies)

    def __call__(self, message: Message) -> Reply:
        """Take a message."""
        self.messages.append(message)
        return next(self._replies, "continue") if isinstance(message, Reported) else "continue"

    @property
    def last(self) -> Message:
        """The last message."""
        return self.messages[-1]
