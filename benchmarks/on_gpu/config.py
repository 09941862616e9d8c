"""A task that takes memory: its configuration, and data that are next to nothing. Torch-free."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from sweeper.models import Cosmetic, StrictModel, digest_of
from sweeper.task import Prepared, TaskConfig, prepare_once

N_ROWS, N_FEATURES = 256, 8
NonNegative = Annotated[float, Field(ge=0)]


class Data(StrictModel):
    """Beside its rows a worker keeps `ballast_gib` on the device, for this job and those that follow."""

    ballast_gib: Annotated[NonNegative, Cosmetic()]


class Loss(StrictModel):
    """At `greedy_step`, `n_pieces` of `piece_gib` each are taken; each step takes `pause_ms` longer."""

    greedy_step: Annotated[int, Cosmetic()]
    piece_gib: Annotated[NonNegative, Cosmetic()]
    n_pieces: Annotated[int, Field(ge=0), Cosmetic()]
    pause_ms: Annotated[NonNegative, Cosmetic()]


class BallastConfig(TaskConfig):
    """All of it is cosmetic: a run that was interrupted may go on with less of everything."""

    data: Data
    loss: Loss


def prepare(config: BallastConfig, cache_dir: Path) -> Prepared:
    """Normal points; the target is their first coordinate."""

    def build(folder: Path) -> dict[str, Any]:
        rows = np.random.default_rng(0).normal(size=(N_ROWS, N_FEATURES)).astype(np.float32)
        np.save(folder / "rows.npy", rows)
        return {"n_train": N_ROWS, "real": False, "facts": {}}

    return prepare_once(cache_dir, digest_of("ballast 1"), build)
