"""What was heard of the trials of a study: noted by the study's thread, read by those that draw."""

from dataclasses import dataclass, field
from threading import Lock

from sweeper.messages import Reported
from sweeper.reports import LiveTrial
from sweeper.results import RunKey, RunResult
from sweeper.trial import TrialSpec
from sweeper.watch.observers import StudyStart

MOST_POINTS = 400


@dataclass
class Noted:
    """What was heard of one trial."""

    spec: TrialSpec
    values: dict[int, float] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    curves: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    seconds: float = 0.0

    def report(self, seed: int, step: int, value: float) -> None:
        """A point of a curve; every other one is dropped where there are too many."""
        points = self.curves.setdefault(seed, [])
        if points and points[-1][0] >= step:
            points[:] = [point for point in points if point[0] < step]  # the run went back to a checkpoint
        points.append((step, value))
        if len(points) > MOST_POINTS:
            del points[1:-1:2]

    def seen(self) -> LiveTrial:
        """As it is shown."""
        spec = self.spec
        return LiveTrial(
            number=spec.number,
            name=spec.name,
            is_baseline=spec.role == "baseline",
            params=spec.params,
            values=dict(self.values),
            states=dict(self.states),
            curves={seed: tuple(points) for seed, points in self.curves.items()},
            seconds=self.seconds,
        )


class HeardTrials:
    """The trials of a study with their values on the screening seeds, which are those that are ranked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._trials: dict[int, Noted] = {}
        self._key, self._seeds = "", frozenset[int]()

    def begin(self, start: StudyStart) -> None:
        """A study begins."""
        with self._lock:
            self._key, self._seeds = f"val/{start.objectives[0].metric}", frozenset(start.seeds)

    def start(self, trial: TrialSpec, seed: int) -> None:
        """A run trains."""
        with self._lock:
            self._noted(trial).states[seed] = "RUNNING"

    def report(self, trial: TrialSpec, reported: Reported) -> bool:
        """Whether that is a point more of a curve."""
        value = reported.metrics.get(self._key)
        if value is None or reported.seed not in self._seeds:
            return False
        with self._lock:
            self._noted(trial).report(reported.seed, reported.step, value)
        return True

    def end(self, trial: TrialSpec, run: RunResult) -> None:
        """A run has ended, in whatever state."""
        with self._lock:
            noted = self._noted(trial)
            noted.states[run.seed] = run.state
            noted.seconds += run.seconds
            value = run.metrics.get(self._key)
            if run.state == "COMPLETE" and run.seed in self._seeds and value is not None:
                noted.values[run.seed] = value

    def runs(self) -> set[RunKey]:
        """All of which something was heard."""
        with self._lock:
            return {(number, seed) for number, noted in self._trials.items() for seed in noted.states}

    def seen(self) -> dict[int, LiveTrial]:
        """The trials as they are now, by number."""
        with self._lock:
            return {number: noted.seen() for number, noted in self._trials.items()}

    def _noted(self, trial: TrialSpec) -> Noted:
        return self._trials.setdefault(trial.number, Noted(trial))
