"""What a run said while it trained: the lines of its `metrics.jsonl`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOT_METRICS = frozenset({"epoch", "split", "global_step", "inherited"})


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of one split; `metrics` by `split/name`."""

    split: str
    step: int
    metrics: dict[str, float]


def read_evaluations(path: Path, leave_out: Iterable[str] = ()) -> list[Evaluation]:
    """The evaluations in `path`, in the order of their steps; empty when there is no such file.

    Of two lines for one split and step the later one counts; a line that a crash cut short is skipped.
    `leave_out` names fields that are no metrics.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    skipped = NOT_METRICS | set(leave_out)
    records = (record for line in lines if (record := _parse(line)) is not None)
    found = {(int(record["global_step"]), str(record["split"])): record for record in records}
    return [
        Evaluation(split, step, _metrics(record, split, skipped))
        for (step, split), record in sorted(found.items())
    ]


def curve(path: Path, key: str) -> dict[int, float]:
    """The metric `key` (`val/ctcvr_auc`) by step."""
    return {
        evaluation.step: evaluation.metrics[key]
        for evaluation in read_evaluations(path)
        if key in evaluation.metrics
    }


def all_curves(path: Path) -> dict[str, list[float]]:
    """Every metric by `split/name`, its values in the order of the steps."""
    found: dict[str, list[float]] = {}
    for evaluation in read_evaluations(path):
        for key, value in evaluation.metrics.items():
            found.setdefault(key, []).append(value)
    return found


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping as one of dotted paths: `{"a": {"b": 1}}` is `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= flatten(inner, f"{prefix}{key}.")
        else:
            flat[prefix + str(key)] = inner
    return flat


def _parse(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"split", "global_step"} <= record.keys() else None


def _metrics(record: Mapping[str, Any], split: str, skipped: frozenset[str] | set[str]) -> dict[str, float]:
    return {
        f"{split}/{name}": float(value)
        for name, value in record.items()
        if name not in skipped and isinstance(value, int | float)
    }
