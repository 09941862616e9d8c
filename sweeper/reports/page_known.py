"""The runs of a study that others have trained, or earlier sessions, for the page of one that runs."""

from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports.curves import curve
from sweeper.reports.page_data import MOST_POINTS, thinned
from sweeper.reports.page_live import LiveTrial
from sweeper.results import RunKey
from sweeper.storage import Outcome, read_outcome


class KnownRuns:
    """Reads what ended runs have left in their folders, each once; without `has_curves` no curves."""

    def __init__(
        self, folder: StudyFolder, metric: str, seeds: tuple[int, ...], *, has_curves: bool = True
    ) -> None:
        self._folder, self._metric, self._seeds, self._has_curves = folder, metric, seeds, has_curves
        self._read: set[RunKey] = set()
        self._trials: dict[int, LiveTrial] = {}

    def trials(self, heard: Container[RunKey] = ()) -> dict[int, LiveTrial]:
        """All that have ended by now, by number; without the runs that the session has `heard` of itself."""
        for path in self._folder.path.glob("trials/*/seed*/outcome.json"):
            key = _key(path)
            if key not in self._read and key not in heard:
                self._read.add(key)
                self._add(RunFolder(path.parent))
        return dict(self._trials)

    def _add(self, run: RunFolder) -> None:
        outcome = read_outcome(run)
        if outcome is None:
            return
        number, _, slug = run.path.parent.name.partition("-")
        new = self._trial(run, outcome, int(number), slug)
        old = self._trials.get(new.number)
        self._trials[new.number] = new if old is None else joined(old, new)

    def _trial(self, run: RunFolder, outcome: Outcome, number: int, slug: str) -> LiveTrial:
        seed, result = outcome.row.seed, outcome.row.result
        value = (result.get("metrics") or {}).get(f"val/{self._metric}")
        is_screening = seed in self._seeds
        found = curve(run.metrics, f"val/{self._metric}") if self._has_curves else {}
        points = thinned(sorted(found.items()), MOST_POINTS)
        return LiveTrial(
            number=number,
            name=slug,
            is_baseline=number == 0,
            params=_params(run),
            values={seed: value} if is_screening and isinstance(value, float) else {},
            states={seed: outcome.row.state},
            curves={seed: points} if is_screening and points else {},
            seconds=float(result.get("seconds") or 0.0),
        )


def _key(outcome: Path) -> RunKey:
    number = outcome.parent.parent.name.partition("-")[0]
    return int(number), int(outcome.parent.name.removeprefix("seed"))


def joined(one: LiveTrial, other: LiveTrial) -> LiveTrial:
    """A trial with the runs of both; of what both know the `other` is right."""
    return replace(
        other,
        values={**one.values, **other.values},
        states={**one.states, **other.states},
        curves={**one.curves, **other.curves},
        seconds=max(one.seconds, other.seconds) if _is_same(one, other) else one.seconds + other.seconds,
    )


def with_own(known: Mapping[int, LiveTrial], own: Mapping[int, LiveTrial]) -> dict[int, LiveTrial]:
    """Those that are known from files, and those that a session has heard of itself; each by number."""
    return {**known, **{n: joined(known[n], one) if n in known else one for n, one in own.items()}}


def _is_same(one: LiveTrial, other: LiveTrial) -> bool:
    return bool(one.states.keys() & other.states.keys())


def _params(run: RunFolder) -> Mapping[str, Any]:
    """The trial's own overrides as keys with values: near enough to its parameters for a picture."""
    try:
        words = yaml.safe_load(run.overrides.read_text(encoding="utf-8"))
        pairs = [str(word).partition("=")[::2] for word in words or []]
        return {key.lstrip("+~"): _value(value) for key, value in pairs if key != "seed"}
    except (OSError, yaml.YAMLError):
        return {}


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return yaml.safe_load(text)
