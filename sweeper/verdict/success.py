"""`trainer.success`: figures that a run is meant to reach, and what trials reached of them. Pure.

A criterion is `<metric> <op> <number>`, the metric one of validation (`full_match > 0.85`) or of a named
split (`test/recall >= 0.95`), or the ratio of two (`val/bce / train/bce < 1.5`; in short
`val / train bce < 1.5`). Criteria are told, never acted upon: they change neither training nor choice nor
verdict.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sweeper.criteria import OPERATORS, Criterion, parse
from sweeper.errors import did_you_mean
from sweeper.models import LenientModel, Number
from sweeper.results import StudyResult, TrialResult
from sweeper.wording import NOTHING, number


class CriterionResult(LenientModel):
    """What became of one criterion; without a value, `met` is None."""

    criterion: str
    value: Number | None = None
    met: bool | None = None


def criteria_of(config: Mapping[str, Any]) -> list[Criterion]:
    """The criteria of a configuration; none in one that was stored before there were any."""
    return [parse(text) for text in config.get("trainer", {}).get("success", ())]


def check_criteria(
    criteria: Iterable[Criterion], mean: Callable[[str], float | None]
) -> list[CriterionResult]:
    """What becomes of each criterion where `mean(split/name)` are the figures, None for an unknown one.

    A ratio is that of two means.
    """
    return [_tell(criterion, [mean(key) for key in criterion.figures]) for criterion in criteria]


def _tell(criterion: Criterion, figures: Sequence[float | None]) -> CriterionResult:
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or 0 in known[1:]:
        return CriterionResult(criterion=criterion.text)
    value = known[0] if len(known) == 1 else known[0] / known[1]
    return CriterionResult(
        criterion=criterion.text, value=value, met=OPERATORS[criterion.op](value, criterion.bound)
    )


def check_trial(
    criteria: Iterable[Criterion], trial: TrialResult, seeds: tuple[int, ...]
) -> list[CriterionResult]:
    """The same for a complete trial's means over its runs on `seeds`; nothing is known of any other.

    A figure that one of these runs lacks is unknown: both sides of a ratio are of the same seeds.
    """
    n_runs = sum(seed in trial.runs and trial.runs[seed].state == "COMPLETE" for seed in seeds)

    def mean(key: str) -> float | None:
        values = trial.per_seed(seeds, key).values()
        is_known = trial.state == "COMPLETE" and len(values) == n_runs > 0
        return sum(values) / n_runs if is_known else None

    return check_criteria(criteria, mean)


def unknown_figures(criteria: Iterable[Criterion], known: Collection[str]) -> list[str]:
    """A warning for each figure `split/name` that is asked for and not `known`, with the nearest that is."""
    return [
        f"trainer.success: '{criterion.text}' cannot be told: no run has a finite {key} so far"
        f"{_nearest(key, known)}"
        for criterion in criteria
        for key in criterion.figures
        if key not in known
    ]


def unknown_figures_in(result: StudyResult) -> list[str]:
    """The same for all complete runs of a study; nothing while there is none."""
    runs = [run for trial in result.trials for run in trial.runs.values() if run.state == "COMPLETE"]
    known = {key for run in runs for key in run.metrics}
    return unknown_figures(criteria_of(result.config), known) if runs else []


def _nearest(key: str, known: Iterable[str]) -> str:
    """The suggestion of a metric that the same split has."""
    split, _, name = key.partition("/")
    return did_you_mean(name, [k.removeprefix(f"{split}/") for k in known if k.startswith(f"{split}/")])


def n_met_in_words(results: Sequence[CriterionResult]) -> str:
    """`4 of 5`: how many criteria are met; a dash where none is known."""
    if all(one.met is None for one in results):
        return NOTHING
    return f"{sum(one.met is True for one in results)} of {len(results)}"


def result_in_words(result: CriterionResult) -> str:
    """`0.9120 met`, `0.7000 not met`, `not available`."""
    if result.met is None:
        return "not available"
    return f"{number(result.value)} {'met' if result.met else 'not met'}"


def result_lines(results: Iterable[CriterionResult]) -> list[str]:
    """`full_match > 0.85: 0.9120 met`, one criterion each."""
    return [f"{one.criterion}: {result_in_words(one)}" for one in results]
