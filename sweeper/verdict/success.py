"""`trainer.success`: figures that a run is meant to reach, and what trials reached of them. Pure.

A criterion is `<metric> <op> <number>`, the metric one of validation (`full_match > 0.85`) or of a named
split (`test/recall >= 0.95`), or the ratio of two (`val/bce / train/bce < 1.5`; in short
`val / train bce < 1.5`). Criteria are told, never acted upon: they change neither training nor choice nor
verdict.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from sweeper.errors import did_you_mean
from sweeper.report.leaderboard import NOTHING, as_list, number
from sweeper.results import StudyResult, TrialResult

SPLITS = ("train", "val", "test")
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
EXPECTED = (
    "'<metric> <op> <number>' with an op of < <= > >=, as in 'full_match > 0.85', 'test/recall >= 0.95', "
    "'val/bce / train/bce < 1.5'"
)
_NAME = r"(?!(?:train|val|test)(?:[\s/]|$))[^\s/<>=]+"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIDES = re.compile(rf"\s*([^<>=]+?)\s*(<=|>=|<|>)\s*({_NUMBER})\s*")
_KEY = re.compile(rf"(?:(train|val|test)\s*/\s*)?({_NAME})")
_RATIO = re.compile(rf"(train|val|test)/({_NAME})\s*/\s*(train|val|test)/({_NAME})")
_SHORT_RATIO = re.compile(rf"(train|val|test)\s*/\s*(train|val|test)\s+({_NAME})")


@dataclass(frozen=True)
class Criterion:
    """`figure` (`split/name`), over `divisor` where there is one, `op` `bound`; `text` as it was given."""

    text: str
    figure: str
    divisor: str | None
    op: str
    bound: float

    @property
    def figures(self) -> tuple[str, ...]:
        """All that it asks for."""
        return (self.figure,) if self.divisor is None else (self.figure, self.divisor)


class Told(TypedDict):
    """What became of one criterion, as in `summary.json`; without a value, `met` is None."""

    criterion: str
    value: float | None
    met: bool | None


def parse(text: str) -> Criterion:
    """The criterion that `text` states. Raises ValueError, with what was got and expected."""
    sides = _SIDES.fullmatch(text)
    figures = _figures(sides[1]) if sides else None
    if sides is None or figures is None:
        raise ValueError(f"got '{text}'; expected {EXPECTED}")
    return Criterion(" ".join(text.split()), *figures, sides[2], float(sides[3]))


def _figures(left: str) -> tuple[str, str | None] | None:
    if found := _KEY.fullmatch(left):
        return f"{found[1] or 'val'}/{found[2]}", None
    if found := _RATIO.fullmatch(left):
        return f"{found[1]}/{found[2]}", f"{found[3]}/{found[4]}"
    if found := _SHORT_RATIO.fullmatch(left):
        return f"{found[1]}/{found[3]}", f"{found[2]}/{found[3]}"
    return None


def criteria_of(config: Mapping[str, Any]) -> list[Criterion]:
    """The criteria of a configuration; none in one that was stored before there were any."""
    return [parse(text) for text in config.get("trainer", {}).get("success", ())]


def tell(criteria: Iterable[Criterion], mean: Callable[[str], float | None]) -> list[Told]:
    """What becomes of each criterion where `mean(split/name)` are the figures, None for an unknown one.

    A ratio is that of two means.
    """
    return [_tell(criterion, [mean(key) for key in criterion.figures]) for criterion in criteria]


def _tell(criterion: Criterion, figures: Sequence[float | None]) -> Told:
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or 0 in known[1:]:
        return Told(criterion=criterion.text, value=None, met=None)
    value = known[0] if len(known) == 1 else known[0] / known[1]
    return Told(criterion=criterion.text, value=value, met=OPERATORS[criterion.op](value, criterion.bound))


def tell_trial(criteria: Iterable[Criterion], trial: TrialResult, seeds: tuple[int, ...]) -> list[Told]:
    """The same for a complete trial's means over its runs on `seeds`; nothing is known of any other.

    A figure that one of these runs lacks is unknown: both sides of a ratio are of the same seeds.
    """
    n_runs = sum(seed in trial.runs and trial.runs[seed].state == "COMPLETE" for seed in seeds)

    def mean(key: str) -> float | None:
        values = trial.per_seed(seeds, key).values()
        is_known = trial.state == "COMPLETE" and len(values) == n_runs > 0
        return sum(values) / n_runs if is_known else None

    return tell(criteria, mean)


def missing(criteria: Iterable[Criterion], known: Collection[str]) -> list[str]:
    """A warning for each figure `split/name` that is asked for and not `known`, with the nearest that is."""
    return [
        f"trainer.success: '{criterion.text}' cannot be told: no run has a finite {key} so far"
        f"{_nearest(key, known)}"
        for criterion in criteria
        for key in criterion.figures
        if key not in known
    ]


def missing_in(result: StudyResult) -> list[str]:
    """The same for all complete runs of a study; nothing while there is none."""
    runs = [run for trial in result.trials for run in trial.runs.values() if run.state == "COMPLETE"]
    known = {key for run in runs for key in run.metrics}
    return missing(criteria_of(result.config), known) if runs else []


def _nearest(key: str, known: Iterable[str]) -> str:
    """The suggestion of a metric that the same split has."""
    split, _, name = key.partition("/")
    return did_you_mean(name, [k.removeprefix(f"{split}/") for k in known if k.startswith(f"{split}/")])


def count(told: Sequence[Told]) -> str:
    """`4 of 5`: how many criteria are met; a dash where none can be told."""
    if all(one["met"] is None for one in told):
        return NOTHING
    return f"{sum(one['met'] is True for one in told)} of {len(told)}"


def in_words(told: Told) -> str:
    """`0.9120 met`, `0.7000 not met`, `not available`."""
    if told["met"] is None:
        return "not available"
    return f"{number(told['value'])} {'met' if told['met'] else 'not met'}"


def lines(told: Iterable[Told]) -> list[str]:
    """`full_match > 0.85: 0.9120 met`, one criterion each."""
    return [f"{one['criterion']}: {in_words(one)}" for one in told]


def in_one_line(summary: Mapping[str, Any]) -> str:
    """`success: best 4 of 5, baseline 2 of 5`; with a front each of its trials; empty without criteria."""
    told = {trial["trial"]: trial.get("success") for trial in summary["trials"]}
    best, baseline = as_list(summary["best"]), summary["baseline"]
    names = [("best" if summary["best"] is one else one["name"], one["trial"]) for one in best]
    shown = dict([*names, ("baseline", baseline["trial"])])
    counts = [f"{name} {count(told[trial])}" for name, trial in shown.items() if told.get(trial)]
    return f"success: {', '.join(counts)}" if counts else ""
