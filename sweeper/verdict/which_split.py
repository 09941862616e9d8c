"""Which split judges a study, and what it means where that is validation. Pure."""

from collections.abc import Sequence

from sweeper.results import JudgedOn, Objective, TrialResult

FLATTERS = (
    "Validation chose the winner and judges it, too, since no run has a value on test: its own examples "
    "flatter what they chose."
)
WITHOUT_EXAMPLES = (
    'In simulated studies without an effect "better" is then wrong in 3 to 44 % instead of 2.5 % (1 to 40 '
    "candidates, examples that are at most as noisy as the seeds: benchmarks/verdicts.py)."
)
WITH_EXAMPLES = (
    'In simulated studies without an effect "better" is then wrong in 2 to 15 % instead of 2.5 %, though '
    "the interval holds the noise of the examples (1 to 40 candidates, examples that are at most as noisy as "
    "the seeds: benchmarks/verdicts.py)."
)
ADVICE = "For a clean verdict give each run a value, as test/<metric>, on examples that choose nothing."
FRONT = (
    "The front is chosen and compared on validation, since no run has a value of {lacking} on test: its own "
    "examples flatter what they chose."
)


def judged_on(trials: Sequence[TrialResult], objectives: Sequence[Objective]) -> JudgedOn:
    """The split that candidates are compared on: `val` where test tells nothing of some objective.

    That is, where complete runs have its value on validation and none of them has one on test. While nothing
    is known it is `test`.
    """
    return "val" if _lacking_on_test(trials, objectives) else "test"


def _lacking_on_test(trials: Sequence[TrialResult], objectives: Sequence[Objective]) -> list[str]:
    known = {
        key
        for trial in trials
        for run in trial.runs.values()
        if run.state == "COMPLETE"
        for key in run.metrics
    }
    return [
        one.metric for one in objectives if f"test/{one.metric}" not in known and f"val/{one.metric}" in known
    ]


def notes_of_front(trials: Sequence[TrialResult], objectives: Sequence[Objective]) -> tuple[str, ...]:
    """What a front on validation is worth, and what keeps it there; nothing where test has judged."""
    lacking = _lacking_on_test(trials, objectives)
    return (f"{FRONT.format(lacking=' and '.join(lacking))} {ADVICE}",) if lacking else ()


def notes_of_split(split: JudgedOn, *, has_examples: bool = False) -> tuple[str, ...]:
    """What a judgement on validation is worth; nothing where test has judged.

    `has_examples`: the interval holds the noise of the examples.
    """
    if split == "test":
        return ()
    return (f"{FLATTERS} {WITH_EXAMPLES if has_examples else WITHOUT_EXAMPLES} {ADVICE}",)
