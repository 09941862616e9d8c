"""From a study's result to its attribution: reads the records, leaves the statistics to `attribution`."""

from collections.abc import Mapping

from sweeper.findings import Attribution
from sweeper.results import ENDED, Mix, StudyResult, TrialResult
from sweeper.verdict.attribution import Control, attribute
from sweeper.verdict.factorial import design
from sweeper.verdict.selection import Arm
from sweeper.verdict.study_arms import arm_of
from sweeper.wording import plural

Trials = Mapping[int, TrialResult]


def judged_attribution(result: StudyResult) -> Attribution | None:
    """Which difference made the difference, as far as `result.mix` tells; None where that was not asked.

    Where there is nothing to divide, or runs are missing, the sentence says so and there are no groups: a
    look at those that happen to have ended would be one more chance to err.
    """
    mix = result.mix
    if mix is None:
        return None
    if len(mix.groups) < 2:
        return Attribution(sentence=_undivided(mix), notes=mix.notes)
    if not mix.seeds:
        return Attribution(sentence="Nothing is attributed: study.confirm_seeds=0.", notes=mix.notes)
    trials = {trial.spec.number: trial for trial in (*result.trials, *result.added)}
    if why := _incomplete(mix, trials):
        return Attribution(sentence=why, notes=mix.notes)
    return attribute(
        {row: _arm(result, mix, trials[number]) for row, number in mix.rows.items()},
        mix.groups,
        direction=result.objectives[0].direction,
        confidence=result.confidence,
        seeds=mix.seeds,
        control=_control(result, mix, trials),
        notes=mix.notes,
    )


def _undivided(mix: Mix) -> str:
    if not mix.groups:
        return "No group of keys differs between the winner and the baseline: there is nothing to divide."
    return f"One group of keys differs, `{mix.groups[0].name}`: there is nothing to divide."


def _incomplete(mix: Mix, trials: Trials) -> str:
    """How many runs are missing; empty where all have ended."""
    control = [] if mix.control is None else [mix.control]
    numbers = [*(mix.rows.get(row) for row in design(len(mix.groups))), *control]
    runs = [(number, seed) for number in numbers for seed in mix.seeds]
    n_missing = sum(not _has_ended(trials, number, seed) for number, seed in runs)
    if not n_missing:
        return ""
    verb = "is" if n_missing == 1 else "are"
    return f"The attribution is not complete: {n_missing} of {plural(len(runs), 'run')} {verb} missing."


def _has_ended(trials: Trials, number: int | None, seed: int) -> bool:
    runs = trials[number].runs if number is not None and number in trials else {}
    return seed in runs and runs[seed].state in ENDED


def _control(result: StudyResult, mix: Mix, trials: Trials) -> Control | None:
    if mix.control is None or mix.scale is None:
        return None
    return mix.control, mix.scale, _arm(result, mix, trials[mix.control])


def _arm(result: StudyResult, mix: Mix, trial: TrialResult) -> Arm:
    return arm_of(trial, result.objectives[0], (), mix.seeds, with_records=True, split=result.judged_on)
