from math import isclose

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from benchmarks.null_rates import few_seeds
from sweeper.task import auc_influence
from sweeper.verdict.paired import (
    Floats,
    Interval,
    Part,
    critical,
    differences,
    examples_part,
    guarded,
    holm,
    seeds_needed,
    spread,
    student,
    together,
)

EXACT = Part(1.0, 1e9)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def influences(rng: np.random.Generator, m: int, n: int, sd_a: float, sd_b: float) -> dict[int, Floats]:
    """For m seeds and n examples: the same A for every seed, B drawn anew."""
    a = sd_a * rng.standard_normal(n)
    return {seed: a + sd_b * rng.standard_normal(n) for seed in range(m)}


def assert_part(part: Part | None, variance: float, df: float) -> None:
    assert part is not None
    assert (part.variance, part.df) == pytest.approx((variance, df))


def nothing(m: int, n: int) -> dict[int, Floats]:
    return {seed: np.zeros(n) for seed in range(m)}


def test_differences_use_the_seeds_that_both_arms_have_finite() -> None:
    candidate = {3: 5.0, 1: 1.0, 2: float("nan"), 7: 1.0}
    assert differences(candidate, {1: 0.5, 2: 0.0, 3: 1.0}) == [0.5, 4.0]


def test_spread_is_taken_about_the_mean_of_each_group() -> None:
    """Groups 1, 3 and 10, 10, 13: squares 2 and 6 about 2 and 11, over 1 + 2 degrees of freedom."""
    assert_part(spread([1, 3], [10, 10, 13]), 8 / 3, 3)


def test_spread_of_single_draws_is_unknown() -> None:
    assert spread([1.0], [5.0], []) is None


def test_two_equal_parts_have_satterthwaites_degrees_of_freedom() -> None:
    """(1 + 1)**2 / (1 / 4 + 1 / 12) = 4 / (1 / 3) = 12."""
    assert_part(together(Part(1, 4), Part(1, 12)), 2, 12)


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=8).filter(lambda v: np.ptp(v) > 1e-3))
def test_student_is_the_paired_t_test_of_scipy(paired: list[float]) -> None:
    part = spread(paired)
    assert part is not None
    reference = stats.ttest_1samp(paired, 0)
    low, high = reference.confidence_interval(0.9)
    got = student(float(np.mean(paired)), part.over(len(paired)), None, 0.9)
    assert got.low == pytest.approx(low)
    assert got.high == pytest.approx(high)
    assert got.p_value == pytest.approx(reference.pvalue)


def test_without_noise_nothing_is_known_but_that_equal_arms_are_equal() -> None:
    """A standard error of 1e-9 of the difference, and less, is rounding."""
    assert student(0.0, Part(0.0, 2), None, 0.95) == Interval(0.0, 0.0, 1.0, 2)
    assert student(0.5, Part(0.0, 2), None, 0.95) == Interval()
    assert student(1.0, Part(1e-9**2 / 4, 2), None, 0.95) == Interval()
    assert student(1.0, Part(1e-9**2 * 4, 2), None, 0.95).p_value == pytest.approx(0, abs=1e-15)
    assert student(0.5, None, Part(1.0, 9), 0.95) == Interval()


def test_examples_part_with_two_seeds_is_that_found_by_hand() -> None:
    """Of x = (1, 2) and (3, -1): cross terms 1 * 3 - 2 * 1 = 1, in both orders 2, over m (m - 1) n**2 = 8."""
    candidate = {0: np.array([2.0, 2.0]), 1: np.array([3.0, 0.0])}
    baseline = {0: np.array([1.0, 0.0]), 1: np.array([0.0, 1.0])}
    assert_part(examples_part(candidate, baseline), 2 / 8, 1)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=30).filter(lambda v: np.ptp(v) > 1e-3))
def test_the_degrees_of_freedom_of_examples_follow_from_the_kurtosis_of_their_influence(
    drawn: list[float],
) -> None:
    """Those of a mean of squares y = x**2 as the field writes them: 2 mean(y)**2 n / var(y)."""
    x = np.array(drawn)
    part = examples_part({0: x, 1: x}, nothing(2, x.size))
    assert part is not None
    y, n = x**2, x.size
    spread_of_y = np.var(y) * n
    expected = n - 1 if spread_of_y <= 1e-12 * (y @ y) else min(n - 1, 2 * (y.sum() ** 2) / spread_of_y)
    assert part.df == pytest.approx(max(1.0, expected), rel=1e-6)


def test_an_auc_of_six_positives_has_a_handful_of_degrees_of_freedom_and_one_of_many_has_many() -> None:
    rng = np.random.default_rng(0)
    for n_positive, low, high in ((6, 1, 15), (1000, 500, 1999)):
        labels = np.arange(2000) < n_positive
        x = auc_influence(labels + rng.standard_normal(2000), labels)
        part = examples_part({0: x}, {0: auc_influence(labels + rng.standard_normal(2000), labels)})
        assert part is not None
        assert low < part.df < high


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.001])
@pytest.mark.parametrize("df", [1, 2, 4])
def test_with_few_seeds_the_critical_value_is_averaged_with_cochran_s(df: int, alpha: float) -> None:
    """By scipy's distribution: crit**2 = (t_nu**2 + (v_s t_df**2 + v_e t_e**2) / (v_s + v_e)) / 2."""
    seeds, examples = Part(0.7, df), Part(0.3, 55)
    t = [stats.t.isf(alpha / 2, nu) for nu in (1 / (0.49 / df + 0.09 / 55), df, 55)]
    expected = ((t[0] ** 2 + 0.7 * t[1] ** 2 + 0.3 * t[2] ** 2) / 2) ** 0.5
    assert critical(seeds, examples, alpha) == pytest.approx(expected)
    assert critical(seeds, None, alpha) == pytest.approx(t[1])


def test_from_five_degrees_of_freedom_on_satterthwaite_s_are_relied_on() -> None:
    seeds, examples = Part(0.7, 5), Part(0.3, 55)
    nu = 1 / (0.49 / 5 + 0.09 / 55)
    assert critical(seeds, examples, 0.05) == pytest.approx(stats.t.isf(0.025, nu))


@given(st.floats(0.3, 8), st.floats(0.01, 10), st.integers(1, 8))
def test_p_is_the_level_at_which_the_interval_reaches_zero(
    difference: float, variance: float, df: int
) -> None:
    seeds, examples = Part(1.0, df), Part(variance, 40)
    p_value = student(difference, seeds, examples, 0.95).p_value
    assert p_value is not None
    low = student(difference, seeds, examples, 1 - p_value).low
    assert low == pytest.approx(0, abs=1e-6 * difference)


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_two_seeds_beside_a_known_test_split_err_in_three_of_a_hundred_at_most(share: float) -> None:
    """Satterthwaite's degrees of freedom alone err in 3.8 %; of 4,000 studies the error is 0.26 %."""
    assert few_seeds(4000, 2, share, np.random.default_rng(5))[0] <= 0.033


def test_examples_part_leaves_out_what_the_seed_part_holds() -> None:
    """var(A) / n = 1 / 2000; the plain form adds var(B) / (n m) = 9 / (2000 * 3), which makes it 4 / 2000."""
    rng = np.random.default_rng(0)
    drawn = [influences(rng, 3, 2000, sd_a=1.0, sd_b=3.0) for _ in range(100)]
    parts = [examples_part(one, nothing(3, 2000)) for one in drawn]
    assert np.mean([part.variance for part in parts if part]) * 2000 == pytest.approx(1.0, abs=0.1)
    plain = np.mean([(np.mean(list(one.values()), axis=0) ** 2).sum() / 2000**2 for one in drawn])
    assert plain * 2000 == pytest.approx(4.0, rel=0.05)


def test_examples_part_is_unbiased_even_where_a_seed_moves_all_examples_along_one_line() -> None:
    """B_si = g_s h_i: the hardest case, as averaging over examples does not help; 4 seeds, var(A) = 1."""
    rng, n, got = np.random.default_rng(1), 100, []
    for _ in range(4000):
        a, h, g = rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(4)
        cross = ((a + np.outer(g, h)).sum(axis=0) ** 2).sum() - ((a + np.outer(g, h)) ** 2).sum()
        part = examples_part({s: a + g[s] * h for s in range(4)}, nothing(4, n))
        assert part is not None
        assert isclose(part.variance, max(cross, 0) / (12 * n**2), rel_tol=1e-9, abs_tol=1e-12)
        got.append(cross / (12 * n))
    assert np.mean(got) == pytest.approx(1.0, abs=0.05)


def test_examples_part_of_one_seed_is_the_plain_sum_and_of_no_common_seed_is_unknown() -> None:
    x = np.array([1.0, -2.0, 2.0])
    assert_part(examples_part({0: x}, nothing(1, 3)), 1.0, 2)
    assert examples_part({0: x}, {1: x}) is None
    assert examples_part({}, {0: x}) is None


def test_an_unstable_candidate_leaves_the_variances_of_the_others_alone() -> None:
    calm = {1: Part(1.0, 2), 2: Part(1.2, 2), 3: Part(0.8, 2), 4: Part(0.2, 2)}
    ten, thousand = (guarded({**calm, 5: Part(v, 2)}) for v in (10.0, 1e6))
    assert {k: ten[k] for k in calm} == {k: thousand[k] for k in calm}
    assert thousand[5].variance == 1e6


def test_a_guarded_variance_is_never_below_its_own_and_its_median_is_unbiased() -> None:
    """The median of 6 variances with 2 degrees of freedom, over that of chi-square / 2, log(2) = 0.693."""
    rng = np.random.default_rng(2)
    lowest = []
    for _ in range(2000):
        spreads = {k: Part(float(v), 2) for k, v in enumerate(rng.chisquare(2, 6) / 2)}
        after = guarded(spreads)
        assert all(after[k].variance >= spreads[k].variance for k in spreads)
        lowest.append(min(part.variance for part in after.values()))
    typical = stats.chi2.median(2) / 2
    assert typical == pytest.approx(np.log(2))
    assert np.mean(lowest) == pytest.approx(1.0, abs=0.15)


def test_seven_arms_with_three_seeds_pool_five_and_a_third_degrees_of_freedom() -> None:
    """2 * 4 * 6 / (6 + 3)."""
    assert guarded({k: Part(1.0, 2) for k in range(6)})[0].df == pytest.approx(16 / 3)
    assert guarded({0: Part(1.0, 2)})[0].df == 2


def test_an_effect_of_one_deviation_takes_eight_seeds() -> None:
    """(1.960 + 0.842)**2 = 7.85 where the variance is known."""
    assert seeds_needed(1.0, EXACT, 3, None, 0.95) == 8


def test_a_test_split_too_small_for_the_effect_makes_every_number_of_seeds_too_few() -> None:
    """2.802 * 0.36 = 1.009 > 1, whereas 2.802 * 0.35 = 0.98 leaves room for seed noise."""
    assert seeds_needed(1.0, EXACT, 3, Part(0.36**2, 1e9), 0.95) is None
    needed = seeds_needed(1.0, EXACT, 3, Part(0.35**2, 1e9), 0.95)
    assert needed is not None
    assert needed > 100


@given(st.floats(0.2, 3), st.integers(2, 8))
def test_the_seeds_needed_give_the_power_promised(effect: float, df: int) -> None:
    """Against the noncentral t: 0.8 within the error of the usual sum-of-quantiles approximation."""
    n = seeds_needed(effect, Part(1.0, df), 3, None, 0.95)
    assert n is not None
    nu, centre = max(df + n - 3, 1), effect * n**0.5
    assert stats.nct.sf(stats.t.ppf(0.975, nu), nu, centre) > 0.75


def test_holm_adjusts_three_p_values_as_by_hand() -> None:
    """0.01 * 3 = 0.03; 0.03 * 2 = 0.06; 0.04 * 1 = 0.04, but not below the 0.06 before it."""
    assert holm({7: 0.01, 8: 0.04, 9: 0.03}) == pytest.approx({7: 0.03, 8: 0.06, 9: 0.06})


@given(p_values)
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(raw: list[float]) -> None:
    adjusted = holm(dict(enumerate(raw)))
    for i, p in enumerate(raw):
        assert p <= adjusted[i] <= min(1.0, p * len(raw)) + 1e-15
        assert all(adjusted[i] <= adjusted[j] for j, q in enumerate(raw) if p <= q)
