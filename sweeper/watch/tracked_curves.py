"""Points of metrics, and what of a run's curves a server has already. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import normpath

from sweeper.reports import Evaluation

CURVE = "curve/"
"""Before the name of a metric by step."""
MAX_NAME_LENGTH = 250


@dataclass(frozen=True)
class Point:
    """One metric at one step; `time_ms` since the epoch."""

    key: str
    value: float
    step: int
    time_ms: int


@dataclass(frozen=True)
class Moment:
    """When a run was at a step; `time_ms` since the epoch."""

    step: int
    time_ms: int


@dataclass(frozen=True)
class Update:
    """What one call adds to a run."""

    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: "Update") -> "Update":
        """Both in one call."""
        return Update([*self.points, *other.points], self.tags | other.tags)

    def __bool__(self) -> bool:
        return bool(self.points or self.tags)


def points(evaluations: Sequence[Evaluation], since: Moment, until: Moment) -> list[Point]:
    """The metrics of evaluations; between two moments that are known, time goes evenly with the steps."""
    per_step = (until.time_ms - since.time_ms) / max(until.step - since.step, 1)
    return [
        Point(CURVE + legal_name(key), value, e.step, since.time_ms + int(per_step * (e.step - since.step)))
        for e in evaluations
        for key, value in e.metrics.items()
    ]


@dataclass(frozen=True)
class Logged:
    """Up to which step of each split a run's metrics are logged, and the time of the last of them."""

    steps: Mapping[str, int]
    time_ms: int

    @classmethod
    def read(cls, tags: Mapping[str, str], start_ms: int) -> "Logged":
        """What `tag` has left in a run's tags; nothing is logged of a run that has only started."""
        found = json.loads(tags.get("sweeper.logged", "{}"))
        return cls(found.get("steps", {}), max(found.get("time_ms", 0), start_ms))

    @property
    def tag(self) -> dict[str, str]:
        """The tag that remembers."""
        return {"sweeper.logged": json.dumps({"steps": self.steps, "time_ms": self.time_ms})}

    @property
    def moment(self) -> Moment:
        """Where logging goes on."""
        return Moment(max(self.steps.values(), default=0), self.time_ms)

    def lacks(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is not logged yet."""
        return evaluation.step > self.steps.get(evaluation.split, -1)

    def with_point(self, point: Point) -> "Logged":
        """The state when a point of a curve is known to be there."""
        split = point.key.removeprefix(CURVE).partition("/")[0]
        steps = {**self.steps, split: max(point.step, self.steps.get(split, -1))}
        return Logged(steps, max(self.time_ms, point.time_ms))

    def after(self, evaluations: Sequence[Evaluation], found: Sequence[Point]) -> "Logged":
        """The state when these evaluations, and the points made of them, have been logged."""
        steps = {**self.steps, **{e.split: e.step for e in evaluations}}
        return Logged(steps, max([self.time_ms, *(point.time_ms for point in found)]))


def updates(evaluations: Sequence[Evaluation], logged: Logged, end_ms: int, limit: int) -> list[Update]:
    """Calls that add evaluations, the last of which came at `end_ms`; each remembers what is logged then."""
    found = []
    for batch in batches(evaluations, limit):
        until = Moment(evaluations[-1].step, max(end_ms, logged.time_ms))
        made = points(batch, logged.moment, until)
        logged = logged.after(batch, made)
        found.append(Update(made, logged.tag))
    return found


def batches(evaluations: Sequence[Evaluation], limit: int) -> Iterator[list[Evaluation]]:
    """Consecutive evaluations with at most `limit` metrics together, unless one alone has more."""
    batch: list[Evaluation] = []
    for evaluation in evaluations:
        if batch and sum(len(e.metrics) for e in [*batch, evaluation]) > limit:
            yield batch
            batch = []
        batch.append(evaluation)
    if batch:
        yield batch


def legal_name(key: str) -> str:
    """`key` with what MLflow refuses in a name replaced; names are paths there, so `a//b` is `a/b`."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-./ :") else "_" for c in key)
    return normpath(safe.strip("/. ") or "_")[:MAX_NAME_LENGTH]
