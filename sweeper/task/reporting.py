"""What a task may add to a study's report: tables and plots of its own, from records. No torch here.

A task's `report_parts(comparison)` is named by `task.report_target`, and is called in the parent, after the
verdict is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BASELINE_COLOR, BEST_COLOR = "#6b7280", "#d9622b"
"""Of all plots of a report, so that an arm is known by its color."""
NOTHING = "-"
"""What a table shows where there is nothing."""


@dataclass(frozen=True)
class Arm:
    """One trial. `metrics` by seed, then `<split>/<name>`; `records` of the test split by seed, then name.

    `curves` by seed: what each `<split>/<name>` was at the evaluations of training, in order. Runs whose
    records are gone have metrics only.
    """

    name: str
    metrics: Mapping[int, Mapping[str, float]]
    records: Mapping[int, Mapping[str, NDArray[Any]]]
    curves: Mapping[int, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def per_seed(self, key: str) -> dict[int, float]:
        """A metric (`test/f_score`) of the seeds that have it."""
        return {seed: found[key] for seed, found in self.metrics.items() if key in found}

    def mean(self, key: str) -> float | None:
        """The mean of a metric over the seeds that have it; None where none has."""
        values = self.per_seed(key).values()
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

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The baseline, and the best candidate where there is one."""
        return (self.baseline,) if self.best is None else (self.baseline, self.best)

    @property
    def shown(self) -> Arm:
        """The best candidate, else the baseline."""
        return self.best or self.baseline

    def differences(self, key: str) -> list[float]:
        """Best minus baseline in a metric, for each seed on which both have it."""
        if self.best is None:
            return []
        ours, theirs = self.best.per_seed(key), self.baseline.per_seed(key)
        return [value - theirs[seed] for seed, value in ours.items() if seed in theirs]


@dataclass(frozen=True)
class Table:
    """Rows of texts under a title; the columns named in `left` are left-aligned. `caption` may be empty."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    left: Sequence[str] = ()


EXAMPLES = "examples-"


@dataclass(frozen=True)
class Plot:
    """A picture under a title: `draw` fills a figure of `size` inches; `name` is that of its file.

    It is drawn only when a session has found something new, so `draw` must not do what a table needs. A name
    that begins with `examples-` says that the picture shows pieces of the data, which may not be the user's
    to give away: it is left out when a study is published.
    """

    title: str
    name: str
    caption: str
    draw: Callable[["Figure"], None]
    size: tuple[float, float] = (8.0, 4.5)


Part = Table | Plot
"""Several parts may share a title: they are one section then."""
ReportParts = Callable[[Comparison], Sequence[Part]]


def mean_and_spread(values: Sequence[float], *, signed: bool = False) -> str:
    """`0.8123 ± 0.0045`: mean and standard deviation over seeds; a single seed has no deviation."""
    if not values:
        return NOTHING
    mean = f"{fmean(values):+.4f}" if signed else f"{fmean(values):.4f}"
    return mean if len(values) < 2 else f"{mean} ± {stdev(values):.4f}"
