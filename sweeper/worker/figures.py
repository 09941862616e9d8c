"""The figures of an evaluation on their way into rows, messages and files."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from sweeper.errors import RunError, did_you_mean
from sweeper.layout import write_atomic
from sweeper.task import Evaluation
from sweeper.worker.prefix import INHERITED, Row

BESIDE = frozenset({"epoch", "split", "global_step", "lr", INHERITED})
"""What a row of metrics.jsonl has beside its metrics."""
BLOCK = 2**14
"""Bytes of an array of records that show whether it shrinks."""
WORTH = 0.9
"""Packed to less than this share of its bytes, it is."""


def metrics_of(row: Row) -> dict[str, float]:
    """What a row says beside where it was said."""
    return {name: value for name, value in row.items() if name not in BESIDE}


def by_split(metrics: dict[str, dict[str, float]]) -> dict[str, float]:
    """`{"val": {"auc": 0.7}}` as `{"val/auc": 0.7}`."""
    return {f"{split}/{name}": value for split, found in metrics.items() for name, value in found.items()}


def objective_of(metrics: dict[str, float], name: str, split: str, step: int) -> float:
    """The objective among the finite metrics of a split. Raises RunError: it decides everything."""
    if name in metrics:
        return metrics[name]
    hint = did_you_mean(name, metrics)
    known = ", ".join(sorted(metrics))
    advice = f"The task has {known} here; if it was finite before, try a smaller optimizer.lr."
    expected = "expected the objective (study.metrics, else task.metric)"
    reason = f"{split}/{name}: got no finite value at step {step}; {expected}"
    raise RunError(reason + hint, step=step, advice=advice)


def write_records(path: Path, evaluation: Evaluation) -> None:
    """The per-example records of an evaluation as a compressed `.npz`, atomically.

    Packed as fast as zlib can: its usual level takes three times as long to save a hundredth of the bytes.
    What hardly shrinks, such as scores, is stored as it is.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, values in evaluation.records.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asanyarray(values), allow_pickle=False)
            raw = array.getvalue()
            how = zipfile.ZIP_DEFLATED if _shrinks(raw[:BLOCK]) else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), raw, how, compresslevel=1)  # without a time
    write_atomic(path, buffer.getvalue())


def _shrinks(raw: bytes) -> bool:
    return len(zlib.compress(raw, 1)) < WORTH * len(raw)
