"""The learning rate over the steps, as a rate in [0, 1] of `optimizer.lr`."""

import math
from dataclasses import asdict
from typing import Any

from sweeper.schema import Schedule
from sweeper.worker.progress import Plateau


def warmup_rate(step: int, n_steps: int) -> float:
    """(step + 1) / n_steps during the first `n_steps` steps, 1 afterwards."""
    return min(1.0, (step + 1) / n_steps) if n_steps else 1.0


def cosine_rate(step: int, start: int, end: int, floor: float) -> float:
    """From 1 at step `start` down to `floor` at step `end`, and `floor` from there on.

    floor + (1 - floor) (1 + cos(pi t)) / 2 with t = (step - start) / (end - start) held within [0, 1].
    Source: Loshchilov & Hutter, SGDR, arXiv:1608.03983, eq. 5, one period without restarts.
    """
    fraction = min(1.0, max(0.0, (step - start) / max(1, end - start)))
    return floor + (1 - floor) * (1 + math.cos(math.pi * fraction)) / 2


class LearningRate:
    """`at(step)` is the rate in force; the plateau schedule learns of evaluations through `observe`.

    Plateau: after more than `plateau_patience` evaluations in a row without improvement (by `min_delta`) the
    rate is multiplied by `plateau_factor`, and counting starts anew.
    """

    def __init__(self, schedule: Schedule, total_steps: int, sign: int, min_delta: float) -> None:
        self._schedule, self._total_steps, self._sign = schedule, total_steps, sign
        self._plateau = Plateau(min_delta)
        self._reduced = 1.0

    def at(self, step: int) -> float:
        """The rate of step `step` (from 0)."""
        schedule = self._schedule
        rate = warmup_rate(step, schedule.lr_warmup_steps) * self._reduced
        if schedule.name == "cosine":
            rate *= cosine_rate(step, schedule.lr_warmup_steps, self._total_steps, schedule.min_lr_rate)
        return rate

    def observe(self, objective: float) -> None:
        """One more evaluation."""
        if self._schedule.name != "plateau":
            return
        self._plateau.observe(self._sign * objective)
        if self._plateau.n_stale > self._schedule.plateau_patience:
            self._reduced = max(self._schedule.min_lr_rate, self._reduced * self._schedule.plateau_factor)
            self._plateau.n_stale = 0

    def state_dict(self) -> dict[str, Any]:
        """What evaluations have changed, as plain values."""
        return {"reduced": self._reduced, "plateau": asdict(self._plateau)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._reduced, self._plateau = state["reduced"], Plateau(**state["plateau"])
