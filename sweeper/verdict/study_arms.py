"""The trials of a study as arms: values by seed, and influence values from the folders of their runs."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sweeper.layout import RunFolder
from sweeper.records import read_influence
from sweeper.results import JudgedOn, Objective, RunResult, TrialResult
from sweeper.verdict.selection import Arm

Floats = NDArray[np.float64]


def arm_of(
    trial: TrialResult,
    objective: Objective,
    seeds: tuple[int, ...],
    confirm_seeds: tuple[int, ...],
    *,
    with_records: bool,
    split: JudgedOn = "test",
) -> Arm:
    """A trial's values on these seeds, with the influence values of its runs on them if `with_records`.

    `split`: the one that it is compared on.
    """
    complete = [run for run in trial.runs.values() if run.state == "COMPLETE"] if with_records else []
    return Arm(
        number=trial.spec.number,
        name=trial.spec.name,
        screening=trial.per_seed(seeds, f"val/{objective.metric}"),
        test=trial.per_seed(seeds, f"{split}/{objective.metric}"),
        confirmation=trial.per_seed(confirm_seeds, f"{split}/{objective.metric}"),
        influence={
            run.seed: found
            for run in complete
            if run.seed in (*seeds, *confirm_seeds) and (found := _influence(run, objective)) is not None
        },
    )


def _influence(run: RunResult, objective: Objective) -> Floats | None:
    return None if run.folder is None else read_influence(RunFolder(run.folder).records, objective.metric)


def without_seed(arm: Arm, seed: int) -> Arm:
    """The arm whose spread is taken without this screening seed, since it alone picked the arm."""
    return replace(arm, test={one: value for one, value in arm.test.items() if one != seed})
