"""What a task may add to a study's report: tables and plots of its own, from records. No torch here.

A task's `report_parts(comparison)` is named in `tasks/registry.py` (for a task from outside, in
`task.report_target`), and is called in the parent, after the verdict is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.config import TaskConfig
from tasks.prepared import Prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Arm:
    """One trial. `metrics` by seed, then `<split>/<name>`; `records` of the test split by seed, then name.

    Runs whose records are gone have metrics only.
    """

    name: str
    metrics: Mapping[int, Mapping[str, float]]
    records: Mapping[int, Mapping[str, NDArray[Any]]]

    def mean(self, key: str) -> float | None:
        """The mean of a metric over the seeds that have it; None where none has."""
        values = [found[key] for found in self.metrics.values() if key in found]
        return fmean(values) if values else None

    def pooled(self, name: str) -> NDArray[Any]:
        """The records of all seeds, one seed after the other; empty where there are none."""
        found = [records[name] for records in self.records.values() if name in records]
        return np.concatenate(found) if found else np.empty(0)


@dataclass(frozen=True)
class Comparison:
    """What is compared: the baseline, and the best candidate where there is one, on the same seeds.

    `seeds` says in words which those are. `config` is the best candidate's, else the baseline's. `prepared`
    is None where the data are no longer in the cache.
    """

    baseline: Arm
    best: Arm | None
    seeds: str
    config: TaskConfig
    prepared: Prepared | None


@dataclass(frozen=True)
class Table:
    """Rows of texts under a title; the columns named in `left` are left-aligned. `caption` may be empty."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    left: Sequence[str] = ()


@dataclass(frozen=True)
class Plot:
    """A picture under a title: `draw` fills a figure of `size` inches; `name` is that of its file."""

    title: str
    name: str
    caption: str
    draw: Callable[["Figure"], None]
    size: tuple[float, float] = (8.0, 4.5)


Part = Table | Plot
"""Several parts may share a title: they are one section then."""
ReportParts = Callable[[Comparison], Sequence[Part]]
