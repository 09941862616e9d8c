"""What a rule looks at: the evaluations of one run so far, and how long the run is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sweeper.errors import NonFiniteLossError

DIVERGED = NonFiniteLossError.__name__
"""The `error` of a run whose loss became NaN or infinite."""


@dataclass(frozen=True)
class History:
    """The evaluations of a run in order: each its step, and its metrics by `split/name`.

    `error`: the class of what a failed run ended by, `error_step` where. `is_over`: the last evaluation is
    the run's last, also where patience or time ended it early.
    """

    evaluations: tuple[tuple[int, Mapping[str, float]], ...]
    error: str = ""
    error_step: int | None = None
    is_over: bool = False

    @property
    def steps(self) -> tuple[int, ...]:
        """The step of each evaluation."""
        return tuple(step for step, _ in self.evaluations)

    @property
    def has_diverged(self) -> bool:
        """Whether the run failed because its loss became NaN or infinite."""
        return self.error == DIVERGED

    def evaluated(self, step: int, metrics: Mapping[str, float]) -> "History":
        """The same with an evaluation more; those from this step on were of an earlier attempt."""
        kept = tuple(one for one in self.evaluations if one[0] < step)
        return History((*kept, (step, metrics)))

    def with_its_failure(self) -> "History":
        """The same with the moment of the failure as an evaluation more, at the last known metrics."""
        step, metrics = self.evaluations[-1] if self.evaluations else (0, {})
        at = step if self.error_step is None else max(step, self.error_step)
        return replace(self, evaluations=(*self.evaluations, (at, metrics)))


@dataclass(frozen=True)
class Clock:
    """How long a run is: the optimizer steps of all of it, and of one pass over the training split."""

    max_steps: int
    steps_per_epoch: float

    def steps(self, amount: float, unit: str, of_epochs: float | None) -> float:
        """So many epochs, steps or % of the run, in steps.

        `of_epochs`: the length that the epochs are written for; those of a run of another length are scaled.
        """
        if unit == "%":
            return self.max_steps * amount / 100
        if unit == "epochs":
            return amount * (self.max_steps / of_epochs if of_epochs else self.steps_per_epoch)
        return amount

    def is_scaled(self, of_epochs: float | None) -> bool:
        """Whether epochs that are written for so long a run mean another number of steps here."""
        return of_epochs is not None and abs(of_epochs * self.steps_per_epoch - self.max_steps) >= 1
