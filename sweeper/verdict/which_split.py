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
    "The front is chosen and compared on validation, since no run has a value on test: its own examples "
    "flatter what they chose."
)


def judged_on(trials: Sequence[TrialResult], objectives: Sequence[Objective]) -> JudgedOn:
    """The split that candidates are compared on: `val` where test tells nothing of some objective.

    That is, where complete runs have its value on validation and none of them has one on test. While nothing
    is known it is `test`.
    """
    known = {
        key
        for trial in trials
        for run in trial.runs.values()
        if run.state == "COMPLETE"
        for key in run.metrics
    }
    lacking = [f"test/{one.metric}" not in known and f"val/{one.metric}" in known for one in objectives]
    return "val" if any(lacking) else "test"


def notes_of_split(split: JudgedOn, *, has_examples: bool = False, is_front: bool = False) -> tuple[str, ...]:
    """What a judgement on validation is worth; nothing where test has judged.

    `has_examples`: the interval holds the noise of the examples.
    """
    if split == "test":
        return ()
    if is_front:
        return (f"{FRONT} {ADVICE}",)
    return (f"{FLATTERS} {WITH_EXAMPLES if has_examples else WITHOUT_EXAMPLES} {ADVICE}",)
