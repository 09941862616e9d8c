"""The trials of a study as arms: values by seed, and influence values from the folders of their runs."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sweeper.layout import RunFolder
from sweeper.records import INFLUENCE, names_of_records, read_influence
from sweeper.results import JudgedOn, Objective, RunResult, TrialResult
from sweeper.verdict.selection import Arm

Floats = NDArray[np.float64]
KEPT_BYTES = 2**26
"""The influence values of a study of fifty runs on a test split of 150,000 examples."""


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
        influence=InfluenceOnDisk(
            [run for run in complete if run.seed in (*seeds, *confirm_seeds)], objective.metric
        ),
    )


class InfluenceOnDisk(Mapping[int, Floats]):
    """Influence values [n] by seed, read when they are asked for: a study's may not fit into memory together.

    What was read last is kept, up to `KEPT_BYTES` in all.
    """

    def __init__(self, runs: Iterable[RunResult], metric: str) -> None:
        name = f"{INFLUENCE}{metric}"
        files = {run.seed: RunFolder(run.folder).records for run in runs if run.folder is not None}
        self._metric = metric
        self._files = {seed: path for seed, path in files.items() if name in names_of_records(path)}

    def __getitem__(self, seed: int) -> Floats:
        found = _kept.read(self._files[seed], self._metric)
        if found is None:
            raise KeyError(seed)
        return found

    def __contains__(self, seed: object) -> bool:
        return seed in self._files

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class _Kept:
    """The arrays that were read last."""

    def __init__(self) -> None:
        self._arrays: OrderedDict[tuple[Path, str, int], Floats] = OrderedDict()
        self._lock = Lock()

    def read(self, path: Path, metric: str) -> Floats | None:
        try:
            key = (path, metric, path.stat().st_mtime_ns)
        except OSError:
            return None
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        found = read_influence(path, metric)
        if found is not None and found.nbytes <= KEPT_BYTES:
            found.flags.writeable = False
            with self._lock:
                self._arrays[key] = found
                while sum(array.nbytes for array in self._arrays.values()) > KEPT_BYTES:
                    self._arrays.popitem(last=False)
        return found


_kept = _Kept()


def without_seed(arm: Arm, seed: int) -> Arm:
    """The arm whose spread is taken without this screening seed, since it alone picked the arm."""
    return replace(arm, test={one: value for one, value in arm.test.items() if one != seed})
