"""A race between candidates: which runs it spares, in words."""

from dataclasses import replace

from sweeper.results import Objective, Policy, RunResult
from sweeper.search.pruning import NoPruning
from sweeper.search.racing import RACE, Racing, with_race
from tests.sweeper.plain_trials import plain_trial

POLICY = Policy(
    (5, 3, 4), (1000,), (Objective("loss", "minimize"),), None, 0.5, 3, is_seed_major=True, is_race=True
)
LOSSES = {0: (9.0, 9.0), 1: (0.50, 0.52), 2: (0.51, 0.50), 3: (0.90, 0.93)}
"""By trial, on the first two seeds: the baseline is far behind, and so is trial 3."""


def runs() -> dict[tuple[int, int], RunResult]:
    return {
        (number, seed): RunResult(number, seed, "COMPLETE", metrics={"val/loss": value})
        for number, values in LOSSES.items()
        for seed, value in zip((5, 3), values, strict=True)
    }


def why(number: int, seed: int, **policy: object) -> str | None:
    racing = Racing(NoPruning(), replace(POLICY, **policy))  # type: ignore[arg-type]
    return racing.before_run(plain_trial(number), seed, runs())


def test_a_candidate_that_is_far_behind_gets_no_third_seed() -> None:
    reason = why(3, 4)
    assert reason is not None
    assert reason.startswith(
        f"{RACE}val/loss is 0.41 behind trial 2 after 2 seeds; the chance to overtake it"
    )
    assert why(1, 4) is None


def test_nobody_is_out_before_the_second_seed_or_in_the_confirmation() -> None:
    assert why(3, 3) is None
    assert why(3, 1000) is None


def test_who_is_spared_a_seed_stays_among_those_that_are_compared() -> None:
    """So that it does not matter which of two candidates comes first."""
    known = runs() | {(3, 4): RunResult(3, 4, "PRUNED")}
    racing = Racing(NoPruning(), POLICY)
    assert racing.before_run(plain_trial(1), 4, known) == racing.before_run(plain_trial(1), 4, runs())


def test_without_a_race_the_pruning_is_what_it_was() -> None:
    pruning = NoPruning()
    assert with_race(pruning, replace(POLICY, is_race=False)) is pruning
    assert isinstance(with_race(pruning, POLICY), Racing)
