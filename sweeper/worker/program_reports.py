"""What becomes of a program's reports: rows in metrics.jsonl, messages to the parent, its answers."""

import math
import time
from collections.abc import Mapping

from sweeper.errors import NonFiniteResultError
from sweeper.messages import Reply, Reported
from sweeper.program_spec import figure_name
from sweeper.worker.reporter import Reporter

NO_FIGURES = frozenset({"epoch", "split", "global_step"})
"""Names that a row of metrics.jsonl has for something else."""

Figures = dict[str, float]


class Reports:
    """The evaluations of one run, as they come.

    `latest` is the last value of each figure, `step` the last step, 0 before the first. `notes` are what a
    reader of the log should know.
    """

    def __init__(self, reporter: Reporter, objectives: tuple[str, ...]) -> None:
        self._reporter, self._objectives = reporter, frozenset(f"val/{name}" for name in objectives)
        self.latest: Figures = {}
        self.step = 0
        self.notes: dict[str, None] = {}
        self._here: Figures = {}
        self._answer: Reply = "continue"
        self._marked = (0, time.monotonic())

    def take(self, step: int, figures: Mapping[str, float]) -> Reply:
        """The parent's answer. Raises NonFiniteResultError for an objective that is none.

        What is added to the step of the last report is passed on, and what is repeated is answered as
        before: the processes of a distributed program get one answer.
        """
        told = self._finite(step, {figure_name(name): float(value) for name, value in figures.items()})
        self.latest |= told
        if step < self.step:
            self.notes["reported of an earlier step again: such figures are in no curve"] = None
            return self._answer
        if step > self.step:
            self._here = {}
        self.step = step
        fresh = {name: value for name, value in told.items() if name not in self._here}
        self._here |= fresh
        if fresh or not self._here:
            self._write(fresh)
            self._answer = self._reporter.send(
                Reported, step=step, metrics=fresh, steps_per_s=self._steps_per_s()
            )
        return self._answer

    def _finite(self, step: int, told: Figures) -> Figures:
        finite = {name: value for name, value in told.items() if math.isfinite(value)}
        for name in sorted(told.keys() - finite.keys()):
            if name in self._objectives:
                raise NonFiniteResultError(f"{name} is {told[name]} at step {step}", step=step)
            self.notes[f"left out where not finite: {name}"] = None
        return {name: x for name, x in finite.items() if name.partition("/")[2] not in NO_FIGURES}

    def _write(self, fresh: Figures) -> None:
        """The rows of the splits that something is new of; the later row for a split and step counts."""
        splits = dict.fromkeys(name.partition("/")[0] for name in fresh)
        self._reporter.metrics.append(
            {"split": split, "global_step": self.step, **_of(self._here, split)} for split in splits
        )

    def _steps_per_s(self) -> float:
        (before, then), now = self._marked, time.monotonic()
        if self.step == before:
            return 0.0
        self._marked = (self.step, now)
        return (self.step - before) / max(now - then, 1e-9)


def _of(figures: Figures, split: str) -> Figures:
    start = f"{split}/"
    return {name.removeprefix(start): value for name, value in figures.items() if name.startswith(start)}
