"""A small task from outside: is x in the upper half-plane? Torch-free, as a parent process may import it."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from sweeper.models import Stackable, StrictModel, digest_of
from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared, prepare_once

N_FEATURES = 4
N_ROWS = {"train": 100, "val": 60, "test": 60}


class ToyData(StrictModel):
    """`seed` draws the points."""

    seed: int


class ToyModel(StrictModel):
    """One hidden layer."""

    n_hidden: int
    dropout: float


class ToyLoss(StrictModel):
    """`scale` times the cross-entropy; at step `poisoned_step` a NaN, or what `fault` names.

    A step takes `pause_ms` longer than it has to, so that something can happen to it.
    """

    scale: Annotated[float, Stackable()] = Field(ge=0)
    poisoned_step: int
    fault: str
    pause_ms: float


class ToyConfig(TaskConfig):
    """The toy task's sections."""

    data: ToyData
    model: ToyModel
    loss: ToyLoss

    def describe(self) -> str:
        """One line for the log."""
        return f"toy: loss.scale={self.loss.scale}"

    def nan_advice(self) -> str:
        """What to try."""
        return "Try loss.poisoned_step=-1."


def prepare(config: ToyConfig, cache_dir: Path) -> Prepared:
    """Normal points; the label is whether a noisy first coordinate is positive."""

    def build(folder: Path) -> dict[str, Any]:
        rng = np.random.default_rng(config.data.seed)
        for split, n_rows in N_ROWS.items():
            x = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
            np.save(folder / f"{split}_x.npy", x)
            np.save(folder / f"{split}_y.npy", (x[:, 0] + rng.normal(size=n_rows) > 0).astype(np.float32))
        return {"n_train": N_ROWS["train"], "real": False, "facts": {}}

    return prepare_once(cache_dir, digest_of("toy", str(config.data.seed)), build)
