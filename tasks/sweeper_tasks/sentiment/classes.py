"""What the opinions of training cannot teach, and aspects that may be one. No torch here."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.task import Fault
from sweeper_tasks.sentiment.polarities import POLARITIES


def class_faults(facts: Mapping[str, Any]) -> list[Fault]:
    """A fault where training has one polarity only: whoever says it always is right."""
    times = np.asarray(facts["counts"]["train"], dtype=np.int64).sum(axis=0)
    held = [name for c, name in enumerate(POLARITIES) if times[c]]
    if len(held) != 1:
        return []
    problem = f"got {times.sum()} opinions in training, all of them {held[0]}; expected two polarities"
    advice = "Are the others written as data.words says? To learn which aspects are named: loss.absent=class"
    return [Fault("data", f"{problem} or more", advice)]


def alike_warnings(aspects: Sequence[str]) -> list[str]:
    """One where aspects differ in capitals or blanks only."""
    known: dict[str, list[str]] = {}
    for aspect in aspects:
        known.setdefault(" ".join(aspect.casefold().split()), []).append(aspect)
    pairs = [" and ".join(f"'{name}'" for name in names) for names in known.values() if len(names) > 1]
    if not pairs:
        return []
    listed = ", ".join(pairs)
    return [f"data: got aspects that differ in capitals or blanks only: {listed}. Each counts on its own"]
