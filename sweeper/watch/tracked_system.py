"""Points of a machine's metrics, as a run's worker has sampled them, on their way into a log."""

import json
from collections.abc import Sequence
from pathlib import Path

from sweeper.watch.tracked_curves import Point, Update, legal_name

SYSTEM = "system/"
"""Before the name of a metric of the machine, in MLflow as here; its UI has a tab for them."""
SAMPLED = "sweeper.sampled"
"""Tag of a run: so many samples are logged."""


def system_updates(file: Path, n_logged: int, limit: int) -> list[Update]:
    """Calls of at most about `limit` points that add what was sampled after the first `n_logged` times.

    The step of a point is the number of its sample, as MLflow counts its own. Nothing where there is no file.
    """
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    samples = [(n, found) for n, line in enumerate(lines) if n >= n_logged and (found := _points(line, n))]
    updates: list[Update] = []
    for n, found in samples:
        is_full = not updates or len(updates[-1].points) + len(found) > limit
        before = [] if is_full else updates.pop().points
        updates.append(Update([*before, *found], {SAMPLED: str(n + 1)}))
    return updates


def _points(line: str, step: int) -> Sequence[Point]:
    """Those of one sample; none of a line that is only half there."""
    try:
        row = json.loads(line)
        return [
            Point(legal_name(key), float(value), step, int(row["time_ms"]))
            for key, value in row["metrics"].items()
            if key.startswith(SYSTEM)
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
