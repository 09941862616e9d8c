"""An ensemble beside the best single run: the object `ensemble` of a `summary.json`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.ensemble_spec import EnsembleFigures, EnsembleSpec, Member
from sweeper.report.ensemble_text import sentence_of
from sweeper.layout import RunFolder
from sweeper.verdict.paired import Interval, examples_part, student
from sweeper.records import read_influence
from sweeper.results import RunResult, StudyResult

Floats = NDArray[np.float64]


def entry_of(
    result: StudyResult, k: int, spec: EnsembleSpec, figures: EnsembleFigures, best: RunResult, records: Path
) -> dict[str, Any]:
    """What is known of the ensemble: its members, its figures, and those of the `best` of its runs beside it.

    `difference` is ensemble minus best run on test, in the metric's unit; `improvement` carries the sign of
    the direction, `ci_low` and `ci_high` are its interval. `records`: those of the ensemble's test split.
    """
    assert best.folder is not None
    objective, first = result.objectives[0], spec.members[0]
    val_key, test_key = f"val/{objective.metric}", f"test/{objective.metric}"
    difference = figures.metrics[test_key] - best.metrics[test_key]
    own, of_best = (
        read_influence(path, objective.metric) for path in (records, RunFolder(best.folder).records)
    )
    interval = paired_interval(objective.sign * difference, own, of_best, result.confidence)
    entry = {
        "k": k,
        "members": [_run(member) for member in spec.members],
        "val": figures.metrics[val_key],
        "test": figures.metrics[test_key],
        "best_run": _run(first) | {"test": best.metrics[test_key]},
        "difference": difference,
        "improvement": objective.sign * difference,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "p_value": interval.p_value,
        "metrics": figures.metrics,
        "device": figures.device,
        "seconds": round(figures.seconds, 3),
    }
    return entry | {"sentence": sentence_of(entry, objective.metric, result.confidence)}


def _run(member: Member) -> dict[str, Any]:
    return member.model_dump(include={"trial", "name", "seed", "val"})


def paired_interval(
    improvement: float, one: Floats | None, other: Floats | None, confidence: float
) -> Interval:
    """The interval of an improvement of one model over another on the same test examples.

    From the paired influence values of these two models: what another test split would change, and nothing
    of what other seeds would. Unknown where values are missing.
    """
    if one is None or other is None or len(one) != len(other):
        return Interval()
    return student(improvement, examples_part({0: one}, {0: other}), None, confidence)
