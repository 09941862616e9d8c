"""What a page shows of each run beside the summary: its curve, and when it ran where. From its files."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.layout import RunFolder, StudyFolder, write_atomic
from sweeper.reports.curves import curve
from sweeper.reports.summary_model import RunEntry, Summary, TrialEntry

MOST_TRIALS = 300
"""Of more trials the curves of the best so many are shown."""
MOST_POINTS = 60
"""Of a curve in a study of many trials."""
MANY = 60

Points = tuple[tuple[int, float], ...]
"""Steps with the value there."""
BySeed = Mapping[int, Points]


@dataclass(frozen=True)
class Span:
    """When a run was on a device, in seconds since the epoch."""

    trial: int
    seed: int
    device: str
    begin_s: float
    end_s: float
    state: str


@dataclass(frozen=True)
class PageData:
    """`curves`: by metric, then trial, of the screening seeds."""

    curves: Mapping[str, Mapping[int, BySeed]] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


def read_page_data(folder: StudyFolder, summary: Summary) -> PageData:
    """From the file beside the summary where the study was published, else from the folders of the runs."""
    if folder.page_data.exists():
        return _from_json(json.loads(folder.page_data.read_text(encoding="utf-8")))
    numbers = shown_trials(summary)
    return PageData(
        {metric: _curves(folder, summary, numbers, metric) for metric in summary.metric},
        tuple(_spans(folder, summary)),
    )


def write_page_data(target: StudyFolder, data: PageData) -> None:
    """Keep it where the folders of the runs will not be; nothing where there is nothing to keep."""
    if any(data.curves.values()) or data.spans:
        text = json.dumps(_as_json(data), allow_nan=False, separators=(",", ":"))
        write_atomic(target.page_data, text)


def shown_trials(summary: Summary) -> list[int]:
    """The numbers of the trials whose curves are shown: baseline, best, then the others by their values."""
    first = [summary.baseline.trial, *(entry.trial for entry in summary.best)]
    sign = summary.objectives[0].sign
    others = sorted(summary.contestants, key=lambda one: -sign * one.value[0] if one.value else math.inf)
    return list(dict.fromkeys([*first, *(one.trial for one in others)]))[:MOST_TRIALS]


def thinned(points: Sequence[tuple[int, float]], most: int) -> Points:
    """At most about `most` of the points, evenly, the last among them; none that is not finite."""
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    stride = max(1, math.ceil(len(finite) / most))
    return tuple(finite[(len(finite) - 1) % stride :: stride])


def run_folder(folder: StudyFolder, trial: int, seed: int) -> RunFolder | None:
    """The folder of a run that is known by its numbers; None where there is none."""
    found = next(folder.path.glob(f"trials/{trial:04d}-*/seed{seed}"), None)
    return None if found is None else RunFolder(found)


def _curves(
    folder: StudyFolder, summary: Summary, numbers: Sequence[int], metric: str
) -> dict[int, dict[int, Points]]:
    most = MOST_POINTS if len(numbers) > MANY else 10 * MOST_POINTS
    names = {int(path.name.partition("-")[0]): path for path in folder.path.glob("trials/*-*")}
    found: dict[int, dict[int, Points]] = {}
    for number in (number for number in numbers if number in names):
        for seed in summary.seeds:
            path = RunFolder(names[number] / f"seed{seed}").metrics
            if points := thinned(sorted(curve(path, f"val/{metric}").items()), most):
                found.setdefault(number, {})[seed] = points
    return found


def _spans(folder: StudyFolder, summary: Summary) -> Iterable[Span]:
    """A run's last file tells when it ended, its seconds when it began: near enough for a picture."""
    names = {int(path.name.partition("-")[0]): path for path in folder.path.glob("trials/*-*")}
    for trial in summary.trials:
        for run in trial.runs:
            if trial.trial in names and run.seconds > 0:
                yield from _span(RunFolder(names[trial.trial] / f"seed{run.seed}"), trial, run)


def _span(place: RunFolder, trial: TrialEntry, run: RunEntry) -> Iterable[Span]:
    last = next((path for path in (place.outcome, place.metrics) if path.exists()), None)
    if last is not None:
        end_s = last.stat().st_mtime
        yield Span(trial.trial, run.seed, run.device, end_s - run.seconds, end_s, run.state)


def _as_json(data: PageData) -> dict[str, Any]:
    return {
        "curves": data.curves,
        "spans": [
            [one.trial, one.seed, one.device, round(one.begin_s, 1), round(one.end_s, 1), one.state]
            for one in data.spans
        ],
    }


def _from_json(document: Mapping[str, Any]) -> PageData:
    curves = {
        metric: {
            int(trial): {
                int(seed): tuple((step, value) for step, value in points) for seed, points in by.items()
            }
            for trial, by in trials.items()
        }
        for metric, trials in document["curves"].items()
    }
    return PageData(curves, tuple(Span(*one) for one in document["spans"]))
