"""Values by example of the test split, as an app hands them over, become influence values."""

import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sweeper.client import unpacked
from sweeper.layout import write_atomic
from sweeper.program_spec import figure_name
from sweeper.records import INFLUENCE
from sweeper.task import mean_influence

TOLERANCE = 1e-4
"""How far the mean of the examples may be from the figure, as a share of it: files have few digits."""

Values = dict[str, NDArray[np.float64]]


def write_examples(
    path: Path, said: Mapping[str, str], file: Path | None, metrics: Mapping[str, float]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Write the records of a run to `path`; the figures that only the examples tell, and what is left out.

    `said` are packed values by name, `file` is an `.npz` of them. A figure is the mean of its examples; where
    the app says another one, its examples are of something else, and an interval from them would be wrong.
    """
    values, problems = _read(file)
    values |= {_name(name): np.asarray(unpacked(text), dtype=np.float64) for name, text in said.items()}
    faults = {name: _fault(name, one, metrics.get(f"test/{name}")) for name, one in values.items()}
    fit = {name: one for name, one in values.items() if faults[name] is None}
    if fit:
        buffer = io.BytesIO()
        records = {f"{INFLUENCE}{name}": mean_influence(one) for name, one in fit.items()}
        np.savez_compressed(buffer, **records)  # type: ignore[arg-type]
        write_atomic(path, buffer.getvalue())
    told = {f"test/{name}": float(one.mean()) for name, one in fit.items() if f"test/{name}" not in metrics}
    return told, (*problems, *(fault for fault in faults.values() if fault is not None))


def _read(file: Path | None) -> tuple[Values, tuple[str, ...]]:
    if file is None or not file.exists():
        return {}, ()
    try:
        with np.load(file, allow_pickle=False) as loaded:
            return {_name(name): np.asarray(loaded[name], dtype=np.float64) for name in loaded.files}, ()
    except (OSError, ValueError, EOFError, TypeError, AttributeError, BadZipFile) as error:
        return {}, (f"examples left out: {file.name} cannot be read ({error})",)


def _name(text: str) -> str:
    return figure_name(text).partition("/")[2]


def _fault(name: str, values: NDArray[np.float64], figure: float | None) -> str | None:
    """Why these values cannot be used."""
    left_out = f"examples of {name} left out"
    if values.ndim != 1 or not values.size:
        return f"{left_out}: got an array of shape {values.shape}; expected one value for each example"
    if not np.isfinite(values).all():
        return f"{left_out}: {int((~np.isfinite(values)).sum())} of {values.size} are not finite"
    mean = float(values.mean())
    if figure is not None and abs(mean - figure) > TOLERANCE * max(abs(figure), abs(mean)):
        return f"{left_out}: their mean is {mean:.6g}, but test/{name} is {figure:.6g}"
    return None
