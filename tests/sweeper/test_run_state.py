"""Which runs are wanted next, decided from what is known alone."""

from sweeper.results import Objective, RunResult
from sweeper.run_state import (
    Policy,
    contenders,
    trial_state,
    wanted_confirmation,
    wanted_screening,
)
from tests.sweeper.plain_trials import plain_trial

GRID = Policy(
    seeds=(0, 1),
    confirm_seeds=(1000,),
    objectives=(Objective("auc", "maximize"),),
    replicate_top_k=None,
    max_failure_rate=0.5,
    n_candidates=3,
)
ADAPTIVE = Policy(**{**GRID.__dict__, "replicate_top_k": 1})


def run(number: int, seed: int, value: float = 0.5, state: str = "COMPLETE") -> RunResult:
    return RunResult(number, seed, state, reason="why", metrics={"val/auc": value})  # type: ignore[arg-type]


TRIALS = [plain_trial(0), plain_trial(1), plain_trial(2)]


def test_a_grid_wants_every_trial_on_every_seed_in_order() -> None:
    wish = wanted_screening(TRIALS, {}, GRID, all_asked=True)
    assert wish.runs == ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1))


def test_known_runs_are_not_wanted_again() -> None:
    known = {(0, 0): run(0, 0), (1, 1): run(1, 1)}
    assert wanted_screening(TRIALS, known, GRID, all_asked=True).runs == ((0, 1), (1, 0), (2, 0), (2, 1))


def test_a_failed_trial_gets_no_further_runs() -> None:
    known = {(1, 0): run(1, 0, state="FAILED")}
    assert (1, 1) not in wanted_screening(TRIALS, known, GRID, all_asked=True).runs


def test_an_adaptive_study_screens_candidates_on_the_first_seed_and_the_baseline_on_all() -> None:
    wish = wanted_screening(TRIALS, {}, ADAPTIVE, all_asked=False)
    assert wish.runs == ((0, 0), (0, 1), (1, 0), (2, 0))


def test_only_contenders_are_replicated_once_all_trials_are_asked() -> None:
    known = {(0, 0): run(0, 0), (0, 1): run(0, 1), (1, 0): run(1, 0, 0.6), (2, 0): run(2, 0, 0.7)}
    assert wanted_screening(TRIALS, known, ADAPTIVE, all_asked=False).runs == ()
    assert wanted_screening(TRIALS, known, ADAPTIVE, all_asked=True).runs == ((2, 1),)
    assert contenders(TRIALS, known, ADAPTIVE) == {2}


def test_contenders_follow_the_direction_of_the_metric() -> None:
    policy = Policy(**{**ADAPTIVE.__dict__, "objectives": (Objective("auc", "minimize"),)})
    known = {(1, 0): run(1, 0, 0.6), (2, 0): run(2, 0, 0.7)}
    assert contenders(TRIALS, known, policy) == {1}


def test_confirmation_wants_baseline_and_best_on_fresh_seeds() -> None:
    assert wanted_confirmation(TRIALS[0], [TRIALS[2]], {}, GRID).runs == ((0, 1000), (2, 1000))
    assert wanted_confirmation(TRIALS[0], [TRIALS[2]], {(0, 1000): run(0, 1000)}, GRID).runs == ((2, 1000),)


def test_a_trial_is_complete_when_all_its_seeds_are() -> None:
    assert trial_state({}, (0, 1)) == ("WAITING", None)
    assert trial_state({0: run(1, 0)}, (0, 1)) == ("RUNNING", None)
    assert trial_state({0: run(1, 0), 1: run(1, 1)}, (0, 1)) == ("COMPLETE", None)


def test_one_failed_seed_fails_the_trial_with_its_reason() -> None:
    runs = {0: run(1, 0), 1: run(1, 1, state="FAILED")}
    assert trial_state(runs, (0, 1)) == ("FAILED", "seed 1: why")


def test_the_number_of_failures_allowed_is_a_share_of_the_candidates() -> None:
    """Half of three candidates is 1.5: one may fail, the second stops the study."""
    assert GRID.failures_allowed == 1
