"""What the evaluations so far say: which was the best, and for how long there was no improvement."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Plateau:
    """Counts evaluations in a row that gained no more than `min_delta`. Values are signed: more is better."""

    min_delta: float
    reference: float = -math.inf
    n_stale: int = 0

    def observe(self, signed: float) -> None:
        """One more evaluation."""
        if signed > self.reference + self.min_delta:
            self.reference, self.n_stale = signed, 0
        else:
            self.n_stale += 1


@dataclass
class Progress:
    """The best evaluation and the count for early stopping. `sign` is -1 where less is better.

    Any gain makes a new best; a gain of more than `min_delta` resets the count. Of equals the first is best.
    """

    sign: int
    plateau: Plateau
    best: float = -math.inf
    best_step: int = 0

    def observe(self, objective: float, step: int) -> bool:
        """One more evaluation; whether it is the best so far."""
        signed = self.sign * objective
        self.plateau.observe(signed)
        if signed <= self.best:
            return False
        self.best, self.best_step = signed, step
        return True

    def is_exhausted(self, patience: int | None) -> bool:
        """Whether early stopping ends the run now."""
        return patience is not None and self.plateau.n_stale >= patience

    def state_dict(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.best, self.best_step = state["best"], state["best_step"]
        self.plateau = Plateau(**state["plateau"])
