"""Values by example that come with a table of runs, as influence values of its metric."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.task import mean_influence
from sweeper.verdict.sheet_numbers import same_name, seed_of
from sweeper.verdict.sheet_runs import TableRuns, refuse

Examples = Mapping[str, ArrayLike] | str | Path
Influences = dict[str, dict[int, NDArray[np.float64]]]
WHERE = "examples"
TOLERANCE = 0.01
"""Tables are rounded: by so much of a value may the mean of its examples differ from it."""
PERCENT = 100.0


def influences_of(examples: Examples | None, runs: TableRuns, split: str) -> Influences:
    """Influence values [n] by trial and seed, of arrays by `trial/seed`. Raises UserError.

    Only means over examples are understood: the mean of an array must be the run's value on `split`.
    """
    if examples is None:
        return {}
    given = _read(Path(examples)) if isinstance(examples, str | Path) else examples
    arrays = {key: np.asarray(values) for key, values in given.items()}
    faults = [fault for key, values in arrays.items() if (fault := _fault(key, values, runs, split))]
    sizes = {values.size for values in arrays.values()}
    if not faults and len(sizes) > 1:
        problem = f"got arrays of {min(sizes)} to {max(sizes)} values; expected the same examples in each"
        faults.append(Fault(WHERE, problem))
    refuse(WHERE, faults)
    scale = PERCENT if split in runs.percent else 1.0
    found: Influences = {}
    for key, values in arrays.items():
        name, seed = _run(key, runs)
        found.setdefault(name, {})[seed] = mean_influence(values.astype(np.float64)) * scale
    return found


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise UserError(Fault(WHERE, f"got '{path}'; expected an .npz file. There is none"))
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, OSError, EOFError, BadZipFile, AttributeError, TypeError) as error:
        advice = "np.savez(path, **{f'{trial}/{seed}': values, ...}) writes one"
        raise UserError(
            Fault(WHERE, f"got '{path}'; expected an .npz file of plain arrays", advice)
        ) from error


def _run(key: str, runs: TableRuns) -> tuple[str, int]:
    """The run that is meant; empty and -1 where there is none of that name."""
    trial, _, end = key.rpartition("/")
    seed = seed_of(end)
    for one in (runs.baseline, *runs.candidates):
        if same_name(one.name, trial) and seed is not None and seed in {**one.val, **one.test}:
            return one.name, seed
    return "", -1


def _fault(key: str, values: NDArray[Any], runs: TableRuns, split: str) -> Fault | None:
    name, seed = _run(key, runs)
    if not name:
        scores = (runs.baseline, *runs.candidates)
        known = [f"{one.name}/{seed}" for one in scores for seed in {**one.val, **one.test}]
        problem = f"got '{key}'; expected trial/seed of a run in the table{did_you_mean(key, known)}"
        return Fault(WHERE, problem)
    where = f"{WHERE} '{key}'"
    if values.ndim != 1 or values.size < 2 or values.dtype.kind not in "biuf":
        problem = f"got an array of shape {values.shape} and type {values.dtype}; expected numbers [n], n > 1"
        return Fault(where, problem)
    if not np.isfinite(values.astype(np.float64)).all():
        return Fault(where, "got values that are not finite; expected a number for each example")
    one = next(one for one in (runs.baseline, *runs.candidates) if one.name == name)
    expected = (one.val if split == "val" else one.test).get(seed, float("nan"))
    mean = float(values.astype(np.float64).mean()) * (PERCENT if split in runs.percent else 1.0)
    if isfinite(expected) and abs(mean - expected) > TOLERANCE * max(abs(mean), abs(expected)):
        problem = f"got a mean of {mean:.4g}; expected the run's value on {split}, {expected:.4g}"
        return Fault(where, problem, "Only metrics that are means over examples are understood")
    return None
