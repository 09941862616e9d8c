"""Which runs are wanted next, decided from what is known alone."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from sweeper.results import Objective, Policy, RunKey, RunResult
from sweeper.study.run_state import (
    baseline_failure,
    contenders,
    n_confirmed,
    n_failed,
    n_to_come,
    screened,
    screening_seeds,
    trial_results,
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
SCREENED = Policy(**{**GRID.__dict__, "is_screened": True})
SIDE_BY_SIDE = Policy(**{**GRID.__dict__, "is_seed_major": True, "seeds": (7, 3, 5)})


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


def test_with_two_objectives_contenders_are_those_that_no_other_beats() -> None:
    """Trial 3 alone is beaten, by 1 and 2; among the others the first objective decides."""
    policy = replace(ADAPTIVE, objectives=(Objective("auc", "maximize"), Objective("bce", "minimize")))
    points = {1: (0.7, 5.0), 2: (0.6, 4.0), 3: (0.5, 6.0), 4: (0.9, 9.0)}
    known = {
        (number, 0): replace(run(number, 0), metrics={"val/auc": auc, "val/bce": bce})
        for number, (auc, bce) in points.items()
    }
    trials = [plain_trial(number) for number in range(5)]
    assert contenders(trials, known, replace(policy, replicate_top_k=1)) == {4}
    assert contenders(trials, known, replace(policy, replicate_top_k=3)) == {1, 2, 4}
    assert contenders(trials, known, replace(policy, replicate_top_k=9)) == {1, 2, 3, 4}


def test_what_is_not_finite_contends_last() -> None:
    known = {(1, 0): run(1, 0, float("nan")), (2, 0): run(2, 0, 0.1)}
    assert contenders(TRIALS, known, ADAPTIVE) == {2}


def test_confirmation_wants_baseline_and_best_on_fresh_seeds() -> None:
    assert wanted_confirmation(TRIALS[0], [TRIALS[2]], {}, GRID).runs == ((0, 1000), (2, 1000))
    assert wanted_confirmation(TRIALS[0], [TRIALS[2]], {(0, 1000): run(0, 1000)}, GRID).runs == ((2, 1000),)


def test_an_arm_that_failed_in_the_confirmation_goes_through_its_other_seeds() -> None:
    """With one slot as with six, so that it fails on as many seeds with either."""
    policy = replace(GRID, confirm_seeds=(1000, 1001))
    known = {(2, 1000): run(2, 1000, state="FAILED")}
    wish = wanted_confirmation(TRIALS[0], [TRIALS[2]], known, policy)
    assert (wish.phase, wish.runs) == ("confirmation", ((0, 1000), (0, 1001), (2, 1001)))


@pytest.mark.parametrize("state", ["FAILED", "PRUNED"])
@pytest.mark.parametrize("seed", [1000, 77])
def test_what_ended_badly_on_another_seed_takes_no_screening_seed_away(state: str, seed: int) -> None:
    """The study is extended by seed 2; seed 77 was one of an earlier command's."""
    known = {(n, s): run(n, s) for n in range(3) for s in (0, 1)} | {(2, seed): run(2, seed, state=state)}
    longer = replace(GRID, seeds=(0, 1, 2))
    assert wanted_screening(TRIALS, known, longer, all_asked=True).runs == ((0, 2), (1, 2), (2, 2))
    assert n_failed(TRIALS, known, longer.seeds) == 0


@pytest.mark.parametrize(("seed", "is_lost"), [(0, True), (1000, True), (77, False)])
def test_a_baseline_is_lost_with_a_run_of_this_study(seed: int, is_lost: bool) -> None:
    known = {(0, seed): run(0, seed, state="FAILED"), (1, 0): run(1, 0, state="FAILED")}
    found = baseline_failure(TRIALS, known, GRID)
    assert (found == known[0, seed]) is is_lost
    assert (found is None) is not is_lost


def test_a_trial_is_complete_when_all_its_seeds_are() -> None:
    assert trial_state({}, (0, 1)) == ("WAITING", None)
    assert trial_state({0: run(1, 0)}, (0, 1)) == ("RUNNING", None)
    assert trial_state({0: run(1, 0), 1: run(1, 1)}, (0, 1)) == ("COMPLETE", None)


def test_a_trial_with_an_interrupted_run_is_not_over() -> None:
    assert trial_state({0: run(1, 0), 1: run(1, 1, state="INTERRUPTED")}, (0, 1)) == ("RUNNING", None)


def test_one_failed_seed_fails_the_trial_with_its_reason() -> None:
    runs = {0: run(1, 0), 1: run(1, 1, state="FAILED")}
    assert trial_state(runs, (0, 1)) == ("FAILED", "seed 1: why")


def test_a_failure_says_more_of_a_trial_than_that_it_was_pruned() -> None:
    runs = {0: run(1, 0, state="PRUNED"), 1: run(1, 1, state="FAILED")}
    assert trial_state(runs, (0, 1)) == ("FAILED", "seed 1: why")
    assert trial_state(runs, (0,)) == ("PRUNED", "seed 0: why")


def test_only_candidates_count_as_failed_each_once() -> None:
    """Trial 1 failed on two seeds; the baseline, whose failure ends a study by itself, is no candidate."""
    keys = [(0, 0), (1, 0), (1, 1)]
    known = {key: run(*key, state="FAILED") for key in keys} | {(2, 0): run(2, 0, state="PRUNED")}
    assert n_failed(TRIALS, known, GRID.seeds) == 1


def test_results_are_in_order_of_the_numbers_each_with_its_own_runs_and_the_seeds_that_it_owes() -> None:
    """Trial 2 owes its first seed alone."""
    known = {(2, 0): run(2, 0), (1, 0): run(1, 0), (9, 0): run(9, 0)}
    results = trial_results(TRIALS[::-1], known, lambda trial: (0,) if trial.number == 2 else (0, 1))
    assert [(r.spec.number, r.state, list(r.runs)) for r in results] == [
        (0, "WAITING", []),
        (1, "RUNNING", [0]),
        (2, "COMPLETE", [0]),
    ]


def test_an_adaptive_study_owes_all_seeds_to_the_baseline_and_to_contenders() -> None:
    assert [screening_seeds(trial, ADAPTIVE, {2}) for trial in TRIALS] == [(0, 1), (0,), (0, 1)]
    assert [screening_seeds(trial, SCREENED, set()) for trial in TRIALS] == [(0, 1)] * 3


def test_of_equal_contenders_the_first_asked_goes_on() -> None:
    known = {(1, 0): run(1, 0, 0.6), (2, 0): run(2, 0, 0.6)}
    assert contenders(TRIALS, known, ADAPTIVE) == {1}


def test_a_pruned_trial_gets_no_further_seed_even_where_it_would_contend() -> None:
    policy = replace(ADAPTIVE, seeds=(0, 1, 2), replicate_top_k=2)
    known = {(0, seed): run(0, seed) for seed in policy.seeds}
    known |= {(1, 0): run(1, 0, 0.9), (1, 1): run(1, 1, state="PRUNED"), (2, 0): run(2, 0)}
    assert wanted_screening(TRIALS, known, policy, all_asked=True).runs == ((2, 1), (2, 2))


def test_the_number_of_failures_allowed_is_a_share_of_the_candidates() -> None:
    """Half of three candidates is 1.5: one may fail, the second stops the study."""
    assert GRID.failures_allowed == 1


def test_with_a_pruner_first_seeds_go_first_and_further_ones_wait_for_them() -> None:
    wish = wanted_screening(TRIALS, {}, SCREENED, all_asked=True)
    assert wish.runs == ((0, 0), (0, 1), (1, 0), (2, 0))
    known = {(0, 0): run(0, 0), (0, 1): run(0, 1), (1, 0): run(1, 0)}
    assert wanted_screening(TRIALS, known, SCREENED, all_asked=True).runs == ((2, 0), (1, 1))
    assert wanted_screening(TRIALS[:2], known, SCREENED, all_asked=False).runs == ()
    pruned = known | {(2, 0): run(2, 0, state="PRUNED")}
    assert wanted_screening(TRIALS, pruned, SCREENED, all_asked=True).runs == ((1, 1),)


def test_a_trial_is_screened_once_its_first_seed_is_complete() -> None:
    known = {(0, 0): run(0, 0), (1, 0): run(1, 0), (2, 0): run(2, 0, state="PRUNED"), (2, 1): run(2, 1)}
    assert screened(TRIALS, known, SCREENED) == {1}
    assert screened(TRIALS, known, GRID) == set()


def test_across_seeds_candidates_go_side_by_side_in_the_order_of_the_seeds() -> None:
    wish = wanted_screening(TRIALS, {}, SIDE_BY_SIDE, all_asked=True)
    assert wish.runs[:5] == ((0, 7), (0, 3), (0, 5), (1, 7), (2, 7))
    assert wish.runs[5:] == ((1, 3), (2, 3), (1, 5), (2, 5))
    assert wish.phase == "screening"
    assert wanted_screening(TRIALS, {}, SIDE_BY_SIDE, all_asked=False).runs == wish.runs[:5]


def test_contenders_go_side_by_side_too() -> None:
    policy = Policy(**{**SIDE_BY_SIDE.__dict__, "replicate_top_k": 2})
    known = {(0, seed): run(0, seed) for seed in policy.seeds} | {(1, 7): run(1, 7), (2, 7): run(2, 7)}
    wish = wanted_screening(TRIALS, known, policy, all_asked=True)
    assert (wish.phase, wish.runs) == ("replication", ((1, 3), (2, 3), (1, 5), (2, 5)))


def work_off(
    policy: Policy, outcomes: Mapping[RunKey, str], n_slots: int, chance: random.Random
) -> set[RunKey]:
    """The runs of a study whose trials are asked one by one and whose runs end in a random order."""
    asked, running, known = TRIALS[:1], list[RunKey](), dict[RunKey, RunResult]()
    while True:
        wish = wanted_screening(asked, known, policy, all_asked=len(asked) == len(TRIALS))
        startable = [key for key in wish.runs if key not in running]
        if len(running) < n_slots and (startable or len(asked) < len(TRIALS)):
            if startable:
                check_start(startable[0], policy, known)
                running.append(startable[0])
            else:
                asked = TRIALS[: len(asked) + 1]
        elif running:
            number, seed = running.pop(chance.randrange(len(running)))
            state = outcomes.get((number, seed), "COMPLETE")
            known[number, seed] = run(number, seed, number / 10, state)
        else:
            return set(known)


def check_start(key: RunKey, policy: Policy, known: Mapping[RunKey, RunResult]) -> None:
    """With a pruner of evaluations no candidate gets a further seed before its first is complete."""
    number, seed = key
    if policy.is_screened and number > 0 and seed != policy.seeds[0]:
        assert known[number, policy.seeds[0]].state == "COMPLETE"


policies = st.builds(
    lambda top_k, is_screened, is_seed_major, n_seeds: Policy(
        **{
            **GRID.__dict__,
            "seeds": tuple(range(n_seeds)),
            "replicate_top_k": top_k,
            "is_screened": is_screened,
            "is_seed_major": is_seed_major,
        }
    ),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
)


@given(policies, st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_same_runs_are_made_in_the_end_in_whatever_order_they_end(
    policy: Policy, n_slots: int, chance: random.Random
) -> None:
    """Without a pruned or failed run the policy decides about the order only."""
    made = work_off(policy, {}, n_slots, chance)
    n_replicated = 2 if policy.replicate_top_k is None else policy.replicate_top_k
    numbers = [0, *range(3 - n_replicated, 3)]
    assert made == {(n, seed) for n in numbers for seed in policy.seeds} | {(1, 0), (2, 0)}


@given(
    st.dictionaries(st.sampled_from([(1, 0), (2, 0)]), st.sampled_from(["PRUNED", "FAILED"])),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_a_trial_that_is_pruned_on_its_first_seed_costs_one_run(
    outcomes: dict[RunKey, str], n_slots: int, chance: random.Random
) -> None:
    made = work_off(SCREENED, outcomes, n_slots, chance)
    for number in (1, 2):
        seeds = {seed for each, seed in made if each == number}
        assert seeds == ({0} if (number, 0) in outcomes else {0, 1})


def test_a_rate_of_failures_is_exact() -> None:
    """In binary 0.29 * 100 is 28.999999999999996."""
    allowed = [
        replace(GRID, max_failure_rate=rate, n_candidates=100).failures_allowed for rate in (0.29, 0.57, 1.0)
    ]
    assert allowed == [29, 57, 100]


def test_what_is_to_come_counts_all_seeds_of_those_unasked_and_none_of_the_lost() -> None:
    """2 x 2 of the baseline and trial 2, less one known; trial 1 is lost; 3 unasked ones have 2 each."""
    known = {(0, 0): run(0, 0), (1, 0): run(1, 0, state="FAILED")}
    assert n_to_come(TRIALS, known, GRID, 3) == 3 + 6


def test_in_an_adaptive_study_one_contender_is_to_come_on_all_seeds() -> None:
    """The baseline has 2, trials 1 and 2 and 3 unasked ones one each, and one of these the second seed."""
    assert n_to_come(TRIALS, {}, ADAPTIVE, 3) == 2 + 2 + 3 + 1
    known = {(2, 0): run(2, 0), (2, 1): run(2, 1)}
    assert n_to_come(TRIALS, known, ADAPTIVE, 0) == 2 + 1


def test_what_is_confirmed_is_the_baseline_and_the_candidate_that_has_most() -> None:
    known = {(number, 1000): run(number, 1000) for number in (0, 1, 2)}
    assert n_confirmed(TRIALS, known, GRID) == 2
