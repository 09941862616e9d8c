"""When confirmation pairs stop: by hand, on differences whose spread is known from the screening."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sweeper.verdict.pair_budgets import design_of
from sweeper.verdict.selection import Arm
from sweeper.verdict.sequential import Contest, Design, Walk, budget_of, expected_pairs, walk
from tests.sweeper.verdict.test_pair_budgets import budget

SCREENED = (0.9, 1.1, 1.0, 0.8, 1.2)
"""Differences with an sd of 0.158; their mean does not count."""
FRESH = range(1000, 1010)
DESIGN = design_of([budget("best", 10)], [], 0, 0.95)


def contest(pairs: Sequence[float], min_effect: float | None = None, ended: Sequence[int] = FRESH) -> Contest:
    test = dict(enumerate(SCREENED))
    best = Arm(1, "best", test=test, confirmation=dict(zip(FRESH, pairs, strict=False)))
    baseline = Arm(0, "baseline", test=dict.fromkeys(test, 0.0), confirmation=dict.fromkeys(FRESH, 0.0))
    return Contest(best, baseline, "maximize", min_effect, tuple(FRESH), ended)


def walked(pairs: Sequence[float], min_effect: float | None = None, ended: Sequence[int] = FRESH) -> Walk:
    return walk(contest(pairs, min_effect, ended), DESIGN)


def test_a_clear_difference_is_decided_at_the_second_pair() -> None:
    found = walked([2.0, 2.1, *[0.0] * 8])
    assert (found.n, found.state) == (2, "decided")
    assert found.looks[-1].ci_low is not None
    assert found.looks[-1].ci_low > 0


def test_a_clear_loss_is_decided_as_early() -> None:
    assert walked([-2.0, -2.1, *[0.0] * 8]).state == "decided"


def test_where_more_pairs_would_hardly_decide_it_they_stop_from_the_fourth_on() -> None:
    found = walked([0.1, -0.1, 0.1, -0.1, *[9.0] * 6])
    assert (found.n, found.state) == (4, "futile")


def test_pairs_that_were_judged_before_are_not_given_back_for_being_futile() -> None:
    pairs = [0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1, *[9.0] * 3]
    found = walk(contest(pairs), replace(DESIGN, n_judged=7))
    assert (found.n, found.state) == (7, "futile")


def test_what_is_surely_too_small_to_matter_is_decided() -> None:
    found = walked([0.1, -0.1, 0.1, -0.1, *[0.0] * 6], min_effect=1.0)
    assert (found.n, found.state) == (2, "decided")


def test_a_difference_at_the_edge_uses_all_pairs() -> None:
    found = walked([0.15, 0.01] * 5)
    assert (found.n, found.state) == (10, "used up")
    assert [look.n for look in found.looks] == list(range(2, 11))


def test_a_pair_without_a_value_ends_it_at_once_and_whatever_comes_later() -> None:
    found = walked([0.15, float("nan"), *[9.0] * 8])
    assert (found.n, found.state) == (2, "failed")


def test_pairs_count_in_their_order_whenever_their_runs_end() -> None:
    """The third pair is still running: that the fourth and fifth have ended changes nothing."""
    pairs = [0.15, 0.01, 0.1, 5.0, 5.0, *[0.0] * 5]
    late = walked(pairs, ended=[seed for seed in FRESH if seed != 1002])
    assert (late.n, late.state) == (2, None)
    assert late.looks == walked(pairs, ended=FRESH[:2]).looks


def test_no_look_counts_that_the_design_does_not_have() -> None:
    """A fixed number: its first pairs may look as they will."""
    found = walk(contest([9.0, 9.0, 9.0, 9.0, 9.1]), Design({5: 0.05}, is_sequential=False))
    assert (found.n, len(found.looks)) == (5, 1)
    assert found.state == "decided"


def test_candidates_that_equal_the_baseline_are_given_up() -> None:
    arms = [
        Arm(i, str(i), test=dict.fromkeys(range(3), 0.5), confirmation=dict.fromkeys(FRESH, 0.5))
        for i in (1, 0)
    ]
    found = walk(Contest(arms[0], arms[1], "maximize", None, tuple(FRESH), FRESH), DESIGN)
    assert (found.n, found.state) == (4, "futile")


@pytest.mark.parametrize(("split_variance", "expected"), [(1.0, 5), (0.015, 7), (1e-4, 10)])
def test_the_budget_ends_where_the_test_split_is_what_is_unsure(split_variance: float, expected: int) -> None:
    """A pair's variance is 0.025: 4 x 0.025 / 0.015 = 6.7, and at least 5, at most 10."""
    x = np.tile([1.0, -1.0], 200) * (split_variance * 400) ** 0.5
    test = dict(enumerate(SCREENED))
    best = Arm(1, "best", test=test, influence=dict.fromkeys(test, x))
    baseline = Arm(0, "b", test=dict.fromkeys(test, 0.0), influence=dict.fromkeys(test, np.zeros(400)))
    assert budget_of(best, baseline, 10) == expected


def test_without_influence_values_all_pairs_may_help() -> None:
    found = contest([0.0])
    assert budget_of(found.best, found.baseline, 8) == 8


def test_a_plan_expects_fewer_pairs_the_larger_the_effect() -> None:
    found = [expected_pairs(DESIGN, effect) for effect in (0.0, 2.0, 3.0, 5.0)]
    assert found[1] > found[2] > found[3] >= 2
    assert found[0] < 7
