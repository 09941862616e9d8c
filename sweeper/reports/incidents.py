"""Faults as a reader wants them: by kind, so that a hundred of the same are one line. Pure."""

import re
from collections.abc import Iterable, Sequence

from sweeper.reports.summary_model import RunEntry, TrialEntry
from sweeper.results import RunState

ALL_SHOWN = 3
"""So many of one kind are told one by one; of more, the first."""

_PATH = re.compile(r"\S*/\S+")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")

Happening = tuple[str, str]
"""Who met it (`trial 3 lambda=0.1 seed 0`), and what it was."""


def grouped(faults: Iterable[Happening]) -> list[str]:
    """A line for each fault, in the order of their kinds' first; kinds that are frequent have one line."""
    kinds: dict[str, list[Happening]] = {}
    for who, what in faults:
        kinds.setdefault(kind(what), []).append((who, what))
    return [line for same in kinds.values() for line in _lines(same)]


def kind(what: str) -> str:
    """`what` without its numbers and paths: equal for faults that differ in nothing else."""
    return _NUMBER.sub("n", _PATH.sub("path", what))


def endings(trials: Iterable[TrialEntry], state: RunState) -> list[Happening]:
    """The runs that ended in `state`, with their reasons."""
    return [(who, str(run.reason)) for who, run in _runs(trials) if run.state == state]


def on_the_way(trials: Iterable[TrialEntry]) -> list[Happening]:
    """What went wrong before the runs' ends, good or bad.

    Trials of equal fingerprint share their runs, and what these met is told once.
    """
    own: dict[tuple[str, int], tuple[str, RunEntry]] = {}
    for trial in trials:
        for who, run in _runs([trial]):
            own.setdefault((trial.fingerprint or str(trial.trial), run.seed), (who, run))
    return [(who, incident) for who, run in own.values() for incident in run.incidents]


def _runs(trials: Iterable[TrialEntry]) -> Iterable[tuple[str, RunEntry]]:
    for trial in trials:
        for run in trial.runs:
            yield f"trial {trial.trial} {trial.name} seed {run.seed}", run


def _lines(same: Sequence[Happening]) -> list[str]:
    lines = [f"{who}: {what}" for who, what in same]
    return lines if len(lines) <= ALL_SHOWN else [f"{lines[0]} (and {len(lines) - 1} more like it)"]
