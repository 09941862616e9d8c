import json
from collections.abc import Sequence
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import stdtrit

from sweeper.findings import Comparison, Confirmation
from sweeper.models import Direction
from sweeper.verdict.selection import (
    FLATTERED,
    Arm,
    Panel,
    choose,
    confirm,
    explore,
    notes,
    pareto_front,
    sentence,
    verdict,
)

FRESH = (1000, 1001, 1002)
NO_INFLUENCE = (
    "The interval holds seed noise only: the error of the finite test split is unknown, "
    "because there are no influence values."
)
BASELINE = Arm(
    0,
    "baseline",
    screening={0: 0.70, 1: 0.71, 2: 0.72},
    test={0: 0.69, 1: 0.70},
    confirmation=dict.fromkeys(FRESH, 0.7),
)
values = st.lists(st.floats(-1, 1), min_size=10, max_size=10)
points = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


def candidate(number: int, *screening: float) -> Arm:
    return Arm(number, f"arm {number}", screening=dict(enumerate(screening)))


def confirmed(best: Arm, baseline: Arm = BASELINE, direction: Direction = "maximize") -> Confirmation:
    got = confirm(best, baseline, direction=direction, confidence=0.95)
    assert got is not None
    return got


def pair_of(drawn: list[float]) -> tuple[Arm, Arm]:
    """Two arms with 2 screening and 3 confirmation seeds from ten numbers."""
    made = [
        Arm(i, "", test=dict(enumerate(part[:2])), confirmation=dict(zip(FRESH, part[2:], strict=True)))
        for i, part in enumerate((drawn[:5], drawn[5:]))
    ]
    return made[0], made[1]


def by_hand() -> Arm:
    """Beats the baseline by 0.00 and 0.02 in screening, by 0.01, 0.02 and 0.03 in confirmation."""
    return Arm(
        1,
        "lambda=0.1",
        test={0: 0.69, 1: 0.72},
        confirmation=dict(zip(FRESH, (0.71, 0.72, 0.73), strict=True)),
    )


WITHIN = "; the whole interval lies within +-0.002 and"


def result(low: float | None, high: float | None, needed: int | None = None) -> Confirmation:
    """A confirmation with this interval, three seeds, and what a sentence reads."""
    improvement = 0.004 if low is None or high is None else (low + high) / 2
    per_seed = dict.fromkeys(FRESH, 0.7)
    p_value = None if low is None else 0.0123
    return Confirmation(
        baseline_per_seed=per_seed,
        best_per_seed=per_seed,
        difference=improvement,
        improvement=improvement,
        ci_low=low,
        ci_high=high,
        p_value=p_value,
        se_seeds=0.001,
        se_examples=0.001,
        df=4.0,
        seeds_needed_for_min_effect=needed,
    )


def say(confirmation: Confirmation | None, min_effect: float | None = None) -> str:
    return sentence(confirmation, best="A", metric="auc", confidence=0.95, min_effect=min_effect)


# ------------------------------------------------------------------------------------------------ choose


def test_the_best_mean_on_validation_is_chosen_in_the_metrics_direction() -> None:
    arms = [BASELINE, candidate(1, 0.9, 0.7, 0.8), candidate(2, 0.7, 0.8, 0.95)]
    assert choose(arms, 0, "maximize", (0, 1, 2)) == 2
    assert choose(arms, 0, "minimize", (0, 1, 2)) == 1


def test_the_baseline_is_never_chosen() -> None:
    assert choose([BASELINE, candidate(1, 0.1, 0.1, 0.1)], 0, "maximize", (0, 1, 2)) == 1


@pytest.mark.parametrize("incomplete", [candidate(1, 0.9, 0.9), candidate(1, 0.9, 0.9, float("nan"))])
def test_a_candidate_that_failed_on_a_seed_is_not_chosen(incomplete: Arm) -> None:
    arms = [BASELINE, incomplete, candidate(2, 0.1, 0.1, 0.1)]
    assert choose(arms, 0, "maximize", (0, 1, 2)) == 2
    assert choose(arms[:2], 0, "maximize", (0, 1, 2)) is None


def test_equal_candidates_go_to_the_lower_number_in_any_order() -> None:
    arms = [candidate(3, 0.5), candidate(2, 0.5), candidate(4, 0.5)]
    assert choose(arms, 0, "maximize", (0,)) == choose(arms[::-1], 0, "minimize", (0,)) == 2


# ----------------------------------------------------------------------------------------------- confirm


def test_the_confirmation_of_five_pairs_is_that_found_by_hand() -> None:
    """Squares 2 * 0.01**2 in each group, over 1 + 2 degrees of freedom; a mean of 3: 0.0004 / 9 = 0.00667**2.

    0.02 / 0.00667 = 3; Student's t with 3 degrees of freedom exceeds 3 in 5.77 % (two-sided), 3.182 in 5 %.
    """
    got = confirmed(by_hand())
    assert got.difference == got.improvement == pytest.approx(0.02)
    assert got.se_examples is None
    assert got.se_seeds == pytest.approx(0.02 / 3)
    assert got.df == pytest.approx(3)
    assert got.p_value == pytest.approx(0.0577, abs=1e-4)
    assert got.ci_low == pytest.approx(0.02 - 3.1824 * 0.02 / 3, abs=1e-5)
    assert got.ci_high == pytest.approx(0.02 + 3.1824 * 0.02 / 3, abs=1e-5)


def test_the_error_of_the_test_split_adds_to_that_of_the_seeds() -> None:
    """A = (+0.02, -0.02) / sqrt(2) for both seeds: 2 * 0.0002 / 2**2 = 0.01**2. Together 0.01202."""
    x = np.array([0.02, -0.02]) / 2**0.5
    best = replace(by_hand(), influence={1000: x, 1001: x})
    got = confirmed(best, replace(BASELINE, influence={1000: 0 * x, 1001: 0 * x}))
    assert got.se_examples == pytest.approx(0.01)
    alone = confirmed(by_hand())
    assert got.p_value is not None
    assert alone.p_value is not None
    assert got.p_value > alone.p_value


@given(values)
def test_exchanging_the_arms_mirrors_the_interval(drawn: list[float]) -> None:
    one, other = pair_of(drawn)
    there, back = confirmed(one, other), confirmed(other, one)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p_value == pytest.approx(back.p_value)
    if there.ci_low is not None and back.ci_high is not None:
        assert there.ci_low == pytest.approx(-back.ci_high)


@given(values)
def test_minimizing_a_metric_is_maximizing_its_negative(drawn: list[float]) -> None:
    one, other = pair_of(drawn)
    down = confirmed(one, other, "minimize")
    up = confirmed(*pair_of([-x for x in drawn]))
    assert (down.improvement, down.ci_low, down.ci_high) == (up.improvement, up.ci_low, up.ci_high)
    assert down.difference == -down.improvement


@given(st.lists(st.integers(-50, 50), min_size=10, max_size=10), st.integers(-50, 50))
def test_what_both_arms_share_on_a_seed_changes_nothing(drawn: list[int], shared: int) -> None:
    one, other = pair_of([float(x) for x in drawn])

    def moved(arm: Arm) -> Arm:
        return replace(arm, confirmation={**arm.confirmation, 1000: arm.confirmation[1000] + shared})

    before, after = confirmed(one, other), confirmed(moved(one), moved(other))
    assert (before.ci_low, before.ci_high, before.p_value) == (after.ci_low, after.ci_high, after.p_value)


def test_identical_arms_differ_by_nothing_with_p_one() -> None:
    got = confirmed(replace(BASELINE, number=1))
    assert (got.difference, got.ci_low, got.ci_high, got.p_value) == (0, 0, 0, 1)
    assert verdict(got) == "not distinguishable"


def test_the_same_difference_on_every_seed_gives_no_interval_rather_than_a_certain_one() -> None:
    got = confirmed(Arm(1, "A", confirmation=dict.fromkeys(FRESH, 0.8)))
    assert (got.ci_low, got.p_value, verdict(got)) == (None, None, "not distinguishable")
    assert notes(got) == (
        "Every seed gave the same values, to the last digit, hence no interval: "
        "does the seed reach the training?",
    )


def test_arms_that_move_with_the_seed_alike_are_no_sign_of_a_seed_that_is_lost() -> None:
    values = [0.25 * at for at in range(len(FRESH))]
    best = Arm(1, "A", confirmation={seed: value + 1 for seed, value in zip(FRESH, values, strict=True)})
    baseline = Arm(0, "baseline", confirmation=dict(zip(FRESH, values, strict=True)))
    assert "Every seed gave the same difference, to the last digit, hence no interval." in notes(
        confirmed(best, baseline)
    )


def test_one_confirmation_seed_is_no_sign_of_a_seed_that_is_lost_where_others_move() -> None:
    """The difference is 0.5 on each of four seeds, and the values of an arm are three."""
    below, above = {0: 0.25, 1: 0.5, 2: 0.75}, {0: 0.75, 1: 1.0, 2: 1.25}
    best = Arm(1, "A", test=above, confirmation={1000: 1.0})
    baseline = Arm(0, "baseline", test=below, confirmation={1000: 0.5})
    one = confirm(best, baseline, direction="maximize", confidence=0.95)
    assert one is not None
    assert one.p_value is None
    by_validation = Arm(0, "baseline", screening=below, confirmation={1000: 0.5})
    for pair in ([best, baseline], [by_validation]):
        assert "Every seed gave the same difference" in notes(one, "test", pair)[-1]
    unmoved = Arm(0, "baseline", screening={0: 0.7, 1: 0.7}, test={0: 0.5}, confirmation={1000: 0.5})
    assert "does the seed reach the training?" in notes(one, "test", [unmoved])[-1]


def test_one_seed_gives_no_interval_and_says_why() -> None:
    got = confirmed(Arm(1, "A", test={0: 0.8}, confirmation={1000: 0.8}))
    assert (got.se_seeds, got.ci_low, got.df, verdict(got)) == (None, None, None, "not distinguishable")
    assert notes(got) == (
        "One seed shows no seed noise, hence no interval. Use study.n_seeds=3 or more.",
        "Seeds 1001, 1002 are left out: only one of the two arms completed them. "
        "An arm that fails on hard seeds is flattered by this.",
    )
    assert say(got) == (
        "A cannot be judged against the baseline: auc improvement +0.1, no interval "
        "(test split, 1 confirmation seed)."
    )


def test_one_confirmation_seed_suffices_where_screening_tells_the_noise() -> None:
    got = confirmed(replace(by_hand(), confirmation={1000: 0.71}))
    assert got.df == 1
    assert got.se_seeds == pytest.approx(0.01 * 2**0.5)


def test_a_seed_that_only_one_arm_completed_is_left_out_and_named() -> None:
    best = replace(by_hand(), confirmation={1000: 0.71, 1001: 0.72, 1002: float("nan"), 1003: 0.9})
    got = confirmed(best)
    assert got.difference == pytest.approx(0.015)
    assert notes(got) == (
        NO_INFLUENCE,
        "Seeds 1002, 1003 are left out: only one of the two arms completed them. "
        "An arm that fails on hard seeds is flattered by this.",
    )


@pytest.mark.parametrize("failed", [{1002}, {1000, 1002}])
def test_a_candidate_that_lacks_a_confirmation_seed_is_not_confirmed_however_well_it_does(
    failed: set[int],
) -> None:
    values = {seed: value for seed, value in by_hand().confirmation.items() if seed not in failed}
    for best, baseline in (
        (replace(by_hand(), confirmation=values), BASELINE),
        (by_hand(), replace(BASELINE, confirmation=values)),
    ):
        got = confirm(best, baseline, direction="maximize", confidence=0.95, min_effect=9.0, seeds=FRESH)
        assert got is not None
        assert {*got.best_failed, *got.baseline_failed} >= failed
        assert (got.ci_low, got.p_value, got.seeds_needed_for_min_effect) == (None, None, None)
        assert verdict(got) == "not confirmed"
        assert notes(got) == (FLATTERED,)


def test_an_interval_that_holds_all_noise_needs_no_note() -> None:
    x = dict.fromkeys(FRESH, np.array([0.02, -0.02]))
    best = replace(by_hand(), influence=x)
    assert notes(confirmed(best, replace(BASELINE, influence={seed: 0 * x[seed] for seed in FRESH}))) == ()


def test_without_a_common_confirmation_seed_there_is_no_confirmation() -> None:
    assert confirm(Arm(1, "A"), BASELINE, direction="maximize", confidence=0.95) is None
    assert verdict(None) == "not confirmed"


def test_the_summary_of_a_confirmation_has_the_keys_of_the_contract_and_is_plain_json() -> None:
    x = np.array([0.02, -0.02])
    best = replace(by_hand(), influence={1000: x, 1001: -x})
    got = confirm(
        best,
        replace(BASELINE, influence={1000: x, 1001: x}),
        direction="maximize",
        confidence=0.95,
        min_effect=0.01,
    )
    assert got is not None
    assert list(json.loads(json.dumps(got.model_dump(), allow_nan=False))) == [
        "baseline_per_seed", "best_per_seed", "baseline_failed", "best_failed", "difference", "improvement",
        "ci_low", "ci_high", "p_value", "se_seeds", "se_examples", "df", "seeds_needed_for_min_effect",
    ]  # fmt: skip
    assert got.seeds_needed_for_min_effect is not None


# ----------------------------------------------------------------------------------------------- explore


def explored(
    arms: Sequence[Arm],
    direction: Direction = "maximize",
    confidence: float = 0.95,
    given_up: tuple[int, ...] = (),
) -> dict[int, Comparison]:
    """All against arm 0 in one objective."""
    return explore([Panel(arms, direction)], 0, confidence=confidence, given_up=given_up)[0]


def test_every_candidate_is_compared_and_a_lone_seed_gives_its_difference_only() -> None:
    arms = [BASELINE, by_hand(), Arm(2, "", test={0: 0.60}), Arm(3, "")]
    got = explored(arms)
    assert list(got) == [1, 2]
    assert got[1].difference == pytest.approx(0.01)
    assert got[1].p_adjusted is not None
    assert got[2] == Comparison(difference=0.60 - 0.69, improvement=0.60 - 0.69)


def test_candidates_that_were_given_up_count_in_both_adjustments() -> None:
    """Differences 0.1, 0.2, 0.3; of 2 degrees of freedom, whose median is ln 2: a variance of 0.01 / ln 2.

    t = 0.2 * sqrt(3 ln 2) / 0.1 = 2.884, p = 0.1021; in a family of 3 thrice that.
    """
    zero = dict.fromkeys(range(3), 0.0)
    arms = [
        Arm(0, "", test=zero),
        Arm(1, "", test={0: 0.1, 1: 0.2, 2: 0.3}),
        Arm(2, ""),
        Arm(3, "", test={0: 0.0}),
    ]
    alone = explored(arms)[1]
    got = explored(arms, given_up=(2, 3))[1]
    assert alone.p_adjusted == pytest.approx(0.1021, abs=1e-4)
    assert got.p_adjusted == pytest.approx(0.3064, abs=1e-4)
    quantile = float(stdtrit(2, 1 - 0.05 / 6))
    assert got.ci_high == pytest.approx(0.2 + quantile * 0.1 / (3 * log(2)) ** 0.5)


def test_a_candidate_that_was_given_up_counts_in_each_objective() -> None:
    """As above, in two objectives: 0.1021 four times over, and an interval of 95 % over four."""
    rows = {1: {0: 0.1, 1: 0.2, 2: 0.3}, 2: {}}
    zero = dict.fromkeys(range(3), 0.0)
    more = [Arm(0, "", test=zero), *(Arm(n, "", test=row) for n, row in rows.items())]
    less = [Arm(arm.number, "", test={seed: -x for seed, x in arm.test.items()}) for arm in more]
    panels = [Panel(more, "maximize"), Panel(less, "minimize")]
    quantile = float(stdtrit(2, 1 - 0.05 / 8))
    for got in explore(panels, 0, confidence=0.95, given_up=(2,)):
        assert got[1].p_adjusted == pytest.approx(0.4085, abs=1e-4)
        assert got[1].ci_high == pytest.approx(0.2 + quantile * 0.1 / (3 * log(2)) ** 0.5)


def test_a_candidate_that_was_given_up_late_counts_once() -> None:
    arms = [Arm(i, "", test=dict(enumerate(row))) for i, row in enumerate([(0, 0), (0.1, 0.2), (0.1, 0.4)])]
    assert explored(arms) == explored(arms, given_up=(2,))


def test_two_objectives_share_their_chance_to_err_and_keep_their_directions() -> None:
    """The second objective is the first, negated: the same improvements; p by Holm over four, not two."""
    rows = [(0.0, 0.0, 0.0), (0.1, 0.2, 0.3), (0.1, 0.3, 0.2)]
    arms = [Arm(i, "", test=dict(enumerate(row))) for i, row in enumerate(rows)]
    less = [Arm(i, "", test={seed: -x for seed, x in enumerate(row)}) for i, row in enumerate(rows)]
    alone = explored(arms)
    up, down = explore([Panel(arms, "maximize"), Panel(less, "minimize")], 0, confidence=0.95)
    for number in (1, 2):
        a, b, c = alone[number], up[number], down[number]
        assert (c.difference, c.improvement) == (-b.difference, b.improvement)
        assert (c.ci_low, c.ci_high, c.p_adjusted) == (b.ci_low, b.ci_high, b.p_adjusted)
        assert a.p_adjusted is not None
        assert a.ci_high is not None
        assert b.ci_high is not None
        assert b.p_adjusted == pytest.approx(2 * a.p_adjusted)
        assert b.ci_high > a.ci_high


def test_among_null_candidates_one_in_twenty_studies_finds_something_at_most() -> None:
    rng, n_studies, found = np.random.default_rng(0), 500, 0
    for _ in range(n_studies):
        arms = [Arm(i, "", test=dict(enumerate(rng.standard_normal(3).tolist()))) for i in range(7)]
        compared = explored(arms).values()
        found += any(c.p_adjusted is not None and c.p_adjusted < 0.05 for c in compared)
    assert found / n_studies <= 0.05


@given(st.lists(values, min_size=2, max_size=6))
def test_an_interval_beside_zero_never_comes_with_a_large_adjusted_p(drawn: list[list[float]]) -> None:
    arms = [Arm(i, "", test=dict(enumerate(row[:3]))) for i, row in enumerate(drawn)]
    for c in explored(arms, "minimize", 0.9).values():
        if c.ci_low is not None and c.ci_high is not None and c.p_adjusted is not None:
            assert c.ci_low <= c.improvement <= c.ci_high
            assert c.p_adjusted <= 0.1 + 1e-9 or c.ci_low <= 0 <= c.ci_high


# --------------------------------------------------------------------------------------- verdict, sentence


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.007, "better"),
        (-0.007, -0.001, "worse"),
        (-0.001, 0.007, "not distinguishable"),
        (0.0, 0.007, "not distinguishable"),
        (None, None, "not distinguishable"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(low: float | None, high: float | None, word: str) -> None:
    assert verdict(result(low, high)) == word
    relation = "is not distinguishable from" if word == "not distinguishable" else f"is {word} than"
    told = "cannot be judged against" if low is None else relation
    assert say(result(low, high)).startswith(f"A {told} the baseline: auc improvement ")


def test_the_sentence_has_the_numbers_with_two_digits_of_the_half_width() -> None:
    assert say(result(0.001, 0.007)) == (
        "A is better than the baseline: auc improvement +0.0040, 95 % interval +0.0010 to +0.0070, "
        "p = 0.012 (test split, 3 confirmation seeds)."
    )


@pytest.mark.parametrize(
    ("confirmation", "meaning"),
    [
        (result(-0.0005, 0.0015), f"{WITHIN} holds zero"),
        (result(0.0005, 0.0015), f"{WITHIN} excludes zero: there is a difference, too small to matter"),
        (result(-0.0015, -0.0005), f"{WITHIN} excludes zero: there is a difference, too small to matter"),
        (result(-0.002, 0.002), f"{WITHIN} holds zero"),
        (
            result(-0.001, 0.004, needed=9),
            "; to show an effect of 0.002 in 4 of 5 studies takes 9 confirmation seeds",
        ),
        (
            result(-0.0021, 0.001),
            "; no number of seeds would show an effect of 0.002: the test split is too small",
        ),
        (result(0.001, 0.004), ""),
        (result(None, None), ""),
    ],
)
def test_the_sentence_says_what_the_interval_means_beside_the_smallest_effect_that_matters(
    confirmation: Confirmation, meaning: str
) -> None:
    plain = say(confirmation)
    assert plain.endswith(" (test split, 3 confirmation seeds).")
    is_plain, the_baseline, numbers = plain.removesuffix(".").partition(" the baseline")
    relation = "A is equivalent to" if WITHIN in meaning else is_plain
    assert say(confirmation, min_effect=0.002) == f"{relation}{the_baseline}{numbers}{meaning}."


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.003, "better"),
        (0.001, 0.002, "equivalent"),
        (0.0, 0.002, "equivalent"),
        (-0.002, 0.002, "equivalent"),
        (-0.002, -0.001, "equivalent"),
        (-0.003, -0.001, "worse"),
        (-0.0021, 0.002, "not distinguishable"),
        (-0.002, 0.0021, "not distinguishable"),
        (None, None, "not distinguishable"),
    ],
)
def test_an_interval_that_holds_no_effect_that_matters_is_one_of_equivalence(
    low: float | None, high: float | None, word: str
) -> None:
    assert verdict(result(low, high), 0.002) == word
    failed = result(low, high).model_copy(update={"best_failed": (1,)})
    assert verdict(failed, 0.002) == "not confirmed"


def test_a_p_value_is_told_with_two_digits_down_to_a_thousandth() -> None:
    shown = [say(result(0.001, 0.007).model_copy(update={"p_value": p})) for p in (0.0009, 0.001, 0.0456)]
    assert [text.partition(", p ")[2].partition(" (")[0] for text in shown] == [
        "< 0.001",
        "= 0.001",
        "= 0.046",
    ]


def test_a_study_without_a_confirmation_says_so() -> None:
    assert say(None) == (
        "A is the best candidate on validation; not confirmed: no confirmation seed was completed by both."
    )


def test_a_study_that_wanted_no_confirmation_is_not_said_to_have_tested_anything() -> None:
    said = sentence(None, best="A", metric="auc", confidence=0.95, unconfirmed="study.confirm_seeds=0")
    assert said == "A is the best candidate on validation; not confirmed: study.confirm_seeds=0."


# ------------------------------------------------------------------------------------------------- Pareto


def test_the_front_of_five_points_is_that_seen_on_paper() -> None:
    got = pareto_front([(1, 5), (2, 4), (2, 5), (3, 1), (0, 0)], ("maximize", "maximize"))
    assert got == [2, 3]
    assert pareto_front([(1, 5), (2, 4), (2, 5), (3, 1)], ("minimize", "maximize")) == [0]


def test_equal_points_stay_together_and_nan_is_left_out() -> None:
    assert pareto_front([(1, 1), (1, 1), (float("nan"), 9)], ("maximize", "minimize")) == [0, 1]


@given(points)
def test_every_point_off_the_front_is_beaten_by_one_on_it(drawn: list[tuple[int, int]]) -> None:
    front = pareto_front(drawn, ("maximize", "minimize"))
    on = [drawn[i] for i in front]
    for i, (a, b) in enumerate(drawn):
        beaten = any(x >= a and y <= b and (x, y) != (a, b) for x, y in on)
        assert beaten == (i not in front)
