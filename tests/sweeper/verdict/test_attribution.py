"""Which group of keys makes the difference: the design, effects and their errors, the words."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from sweeper.findings import Attribution, GroupEffect
from sweeper.results import Group, Mix, RunResult, StudyResult, TrialResult
from sweeper.verdict import Arm, attribute, design, judged_attribution
from sweeper.verdict.attribution_words import listed, sentence
from sweeper.verdict.factorial import Row
from sweeper.verdict.paired import Floats
from tests.sweeper.factories import AUC, CONFIRM_SEEDS, study_result, trial_spec

NAMES = ("loss", "lr", "epochs", "dropout", "batch", "warmup", "decay", "heads")
SEEDS = (1000, 1001, 1002, 1003, 1004)


def groups(n: int) -> list[Group]:
    return [Group(name, (f"{name}.key",)) for name in NAMES[:n]]


def arms_of(n: int, values: Floats, influence: Floats | None = None) -> dict[Row, Arm]:
    """An arm for each row of the design from values [row, seed], influence values [row, seed, example]."""
    return {
        row: Arm(
            number=i,
            name=f"arm {i}",
            confirmation=dict(zip(SEEDS, values[i].tolist(), strict=False)),
            influence=None if influence is None else dict(zip(SEEDS, influence[i], strict=False)),
        )
        for i, row in enumerate(design(n))
    }


def attributed(n: int, values: Floats, influence: Floats | None = None, **changes: object) -> Attribution:
    facts = {"direction": "maximize", "confidence": 0.95, "seeds": SEEDS[: values.shape[1]], **changes}
    return attribute(arms_of(n, values, influence), groups(n), **facts)  # type: ignore[arg-type]


def simulated(
    n: int, effect: Callable[[Row], float], noise: float = 0.001, n_seeds: int = 5, seed: int = 0
) -> Floats:
    """Values [row, seed] whose means over the seeds are exactly those effects."""
    rng = np.random.default_rng(seed)
    rows = design(n)
    drawn = noise * rng.standard_normal((len(rows), n_seeds))
    means = np.array([effect(row) for row in rows])[:, None]
    return np.asarray(means + rng.standard_normal(n_seeds) + drawn - drawn.mean(1, keepdims=True))


@pytest.mark.parametrize(("n", "n_rows"), [(2, 4), (3, 8), (4, 8), (5, 16), (6, 16), (7, 16), (8, 16)])
def test_of_any_three_groups_each_pattern_is_trained_equally_often(n: int, n_rows: int) -> None:
    rows, strength = design(n), min(3, n)
    assert (len(rows), len(set(rows))) == (n_rows, n_rows)
    assert (rows[0], rows[-1]) == ((False,) * n, (True,) * n)
    for chosen in combinations(range(n), strength):
        seen = [tuple(row[i] for i in chosen) for row in rows]
        assert {seen.count(pattern) for pattern in product((False, True), repeat=strength)} == {
            n_rows // 2**strength
        }


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_design_of_other_sizes_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="expected 2 to 8"):
        design(n)


def test_effects_of_two_groups_on_two_seeds_by_hand() -> None:
    """Rows 00, 01, 10, 11 (loss, lr) have 0 1 4 7 on one seed and 2 1 6 9 on the other.

    `loss` is (4 + 7 - 0 - 1) / 2 = 5 and (6 + 9 - 2 - 1) / 2 = 6: 5.5. `lr` is (1 + 7 - 0 - 4) / 2 = 2 and
    (1 + 9 - 2 - 6) / 2 = 1: 1.5. Seed means are 3 and 4.5, row means 1 1 5 8, the grand mean 3.75: residuals
    -0.25 0.75 -0.25 -0.25 and their opposites, squares 1.5, over 3 degrees of freedom. The variance of an
    effect is 4 x 0.5 / (4 x 2) = 0.25, its error 0.5; simultaneous 95 % intervals of two at 3 degrees of
    freedom reach 4.17653 of these each way. The total is ((7 - 0) + (9 - 2)) / 2 = 7.
    """
    found = attributed(2, np.array([[0.0, 2.0], [1.0, 1.0], [4.0, 6.0], [7.0, 9.0]]))
    loss, lr = found.groups
    half = 4.17653 * 0.5
    assert (loss.improvement, lr.improvement, found.improvement) == pytest.approx((5.5, 1.5, 7.0))
    assert (loss.ci_low, loss.ci_high) == pytest.approx((5.5 - half, 5.5 + half), rel=1e-5)
    p = 2 * stats.t.sf(5.5 / 0.5, 3)
    assert loss.p_adjusted == pytest.approx(2 * p, rel=1e-4)  # Holm: the smaller of two
    assert (loss.is_named, lr.is_named) == (True, False)
    assert found.means == {"00": 1.0, "01": 1.0, "10": 5.0, "11": 8.0}


@pytest.mark.parametrize("n", [2, 4, 8])
def test_effect_and_error_are_those_of_an_analysis_of_variance(n: int) -> None:
    """Least squares with a column for each seed, each group, and whatever else tells combinations apart."""
    n_seeds = 4
    values = simulated(n, lambda row: 0.3 * row[0] - 0.1 * row[1], noise=0.2, n_seeds=n_seeds)
    rows = np.array(design(n))
    signs = np.where(rows, 0.5, -0.5)
    own = np.linalg.svd(
        np.eye(len(rows))
        - np.column_stack([np.ones(len(rows)), signs])
        @ np.linalg.pinv(np.column_stack([np.ones(len(rows)), signs]))
    )[0][:, : len(rows) - 1 - n]
    by_row = np.column_stack([signs, own])
    x = np.array([[*row, *np.eye(n_seeds)[s]] for row in by_row for s in range(n_seeds)])
    y = values.ravel()
    beta, rest, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    df = len(y) - rank
    error = (rest[0] / df * np.linalg.inv(x.T @ x)[0, 0]) ** 0.5
    found = attributed(n, values).groups
    half = stats.t.isf(0.025 / n, df) * error
    assert [group.improvement for group in found] == pytest.approx(beta[:n].tolist())
    assert df == (len(rows) - 1) * (n_seeds - 1)
    assert found[0].ci_high == pytest.approx(beta[0] + half)


def test_a_group_that_acts_is_named_alone_and_no_other() -> None:
    found = attributed(4, simulated(4, lambda row: 0.02 * row[0]))
    assert [group.name for group in found.groups if group.is_named] == ["loss"]
    assert found.interactions == ()
    assert found.sentence.startswith("Of +0.0")
    assert "`loss` alone accounts for +0.0" in found.sentence
    assert found.sentence.endswith("; `lr`, `epochs` and `dropout`: not distinguishable from none.")


def test_where_less_is_better_a_smaller_value_is_an_improvement() -> None:
    found = attributed(3, simulated(3, lambda row: -0.02 * row[1]), direction="minimize")
    assert found.groups[1].is_named
    assert found.groups[1].improvement == pytest.approx(0.02, abs=0.002)
    assert found.improvement == pytest.approx(0.02, abs=0.002)
    assert found.means["000"] > found.means["111"]


def test_groups_that_only_work_together_are_said_to() -> None:
    found = attributed(3, simulated(3, lambda row: 0.02 * (row[0] and row[2])))
    assert [one.pairs for one in found.interactions] == [(("loss", "epochs"),)]
    assert found.interactions[0].improvement == pytest.approx(0.01, abs=0.002)
    assert found.sentence.endswith(
        " They act together (`loss` x `epochs`); shares are averages over backgrounds."
    )
    assert " and `epochs` for +0.0" in found.sentence
    assert "alone" not in found.sentence


def test_pairs_with_one_column_in_common_are_listed_together() -> None:
    found = attributed(4, simulated(4, lambda row: 0.02 * (row[0] and row[1])))
    assert [one.pairs for one in found.interactions] == [(("loss", "lr"), ("epochs", "dropout"))]
    assert "(`loss` x `lr` or `epochs` x `dropout`)" in found.sentence


def test_a_small_effect_beside_a_large_one_is_not_alone() -> None:
    """Three groups too small to be told one by one, whose sum can be."""
    values = simulated(4, lambda row: 0.02 * row[0] + 0.0006 * sum(row[1:]))
    found = attributed(4, values)
    assert [group.name for group in found.groups if group.is_named] == ["loss"]
    assert "`loss` accounts for" in found.sentence


def test_without_an_effect_nothing_is_named() -> None:
    found = attributed(2, simulated(2, lambda row: 0.0))
    assert "no one of the differences (`loss` and `lr`) can be told to make it." in found.sentence


def test_a_finite_test_split_widens_the_intervals() -> None:
    """A contrast of four arms, each with weight 1/2, has variance 1 where theirs is 1: of 1000 examples."""
    values = simulated(2, lambda row: 0.02 * row[0])
    rng = np.random.default_rng(1)
    of_split = np.repeat(rng.standard_normal((4, 1, 1000)), 5, axis=1)
    seeds_only, both = attributed(2, values).groups[0], attributed(2, values, of_split).groups[0]
    assert seeds_only.ci_low is not None
    assert both.ci_low is not None
    assert both.improvement == seeds_only.improvement
    assert both.improvement - both.ci_low == pytest.approx(stats.norm.isf(0.0125) * 1000**-0.5, rel=0.1)
    assert attributed(2, values, of_split).notes == ()
    assert "seed noise only" in attributed(2, values).notes[0]


def test_only_seeds_that_all_combinations_completed_count_and_the_others_are_named() -> None:
    values = simulated(2, lambda row: 0.02 * row[0])
    values[1, 4] = np.nan
    found = attributed(2, values)
    assert found.seeds == SEEDS[:4]
    assert found.groups == attributed(2, values[:, :4]).groups
    assert found.notes[0].startswith(
        "1 seed of 5 is left out, since not every combination completed it: arm 1 lacks 1004."
    )


def test_a_group_whose_effect_hangs_on_the_seed_is_pointed_out() -> None:
    values = simulated(4, lambda row: 0.02 * row[0])
    restless = np.array([[-0.01, 0.01, 0.02, -0.02, 0.0]])
    rows = np.array([row[1] for row in design(4)])
    steady, found = attributed(4, values), attributed(4, np.where(rows[:, None], values + restless, values))
    assert steady.notes[1:] == ()
    assert found.notes[1].startswith(
        "The effect of `lr` differs from seed to seed by more than the other noise"
    )


def test_one_seed_gives_effects_without_intervals() -> None:
    found = attributed(2, np.array([[0.0], [1.0], [4.0], [7.0]]))
    assert [(group.improvement, group.ci_low, group.is_named) for group in found.groups] == [
        (5.0, None, False),
        (2.0, None, False),
    ]
    assert "no intervals" in found.notes[0]
    assert found.interactions == ()


def test_without_a_common_seed_nothing_is_attributed() -> None:
    values = np.full((4, 2), np.nan)
    found = attributed(2, values, notes=("first",))
    assert found.groups == ()
    assert found.sentence.startswith("Nothing is attributed: no confirmation seed was completed by all")
    assert found.notes[0] == "first"


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (0.0, "what larger or smaller steps do is not distinguishable from nothing."),
        (0.01, "so much is done by larger or smaller steps, whatever the loss."),
    ],
)
def test_the_control_is_compared_with_the_baseline_on_the_same_seeds(gain: float, words: str) -> None:
    values = simulated(2, lambda row: 0.02 * row[0])
    near = values[0] + gain + 0.001 * np.array([1, -1, 0.5, -0.5, 0.1])
    control = (9, 2.31, Arm(9, "scaled", confirmation=dict(zip(SEEDS, near.tolist(), strict=True))))
    found = attributed(2, values, control=control)
    assert found.control is not None
    assert (found.control.trial, found.control.scale) == (9, 2.31)
    assert found.control.improvement == pytest.approx(gain + 0.00002)
    assert found.sentence.endswith(words)
    assert (
        " The baseline with its loss times 2.31, the ratio of mean gradient norms, gains " in found.sentence
    )


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "`a`"), (["a", "b"], "`a` and `b`"), (["a", "b", "c"], "`a`, `b` and `c`")]
)
def test_names_are_listed_as_people_do(names: Sequence[str], text: str) -> None:
    assert listed(names) == text


def studied(mix: Mix | None, *, without: tuple[int, int] | None = None) -> StudyResult:
    """A study whose rows are trials 0, 10, 11 and 3; `without` one run (trial, seed)."""
    result = study_result(mix=mix)
    added = [
        trial_spec(n, 0.5, name).model_copy(update={"role": "attribution"})
        for n, name in ((10, "lr"), (11, "loss"))
    ]
    trials = [
        TrialResult(
            spec,
            "COMPLETE",
            None,
            {
                seed: RunResult(
                    spec.number, seed, "COMPLETE", metrics={f"test/{AUC.metric}": 0.7 + seed / 1e5}
                )
                for seed in CONFIRM_SEEDS
                if (spec.number, seed) != without
            },
        )
        for spec in added
    ]
    return replace(result, added=tuple(trials))


TWO = Mix(
    tuple(groups(2)),
    {(False, False): 0, (False, True): 10, (True, False): 11, (True, True): 3},
    notes=("said",),
    seeds=CONFIRM_SEEDS,
)


def test_an_attribution_is_judged_on_its_seeds_however_few_decided_the_verdict() -> None:
    few = replace(studied(TWO), confirm_seeds=CONFIRM_SEEDS[:2])
    found = judged_attribution(few)
    assert found is not None
    assert found.seeds == CONFIRM_SEEDS


def test_an_attribution_is_judged_from_the_trials_of_its_mix() -> None:
    found = judged_attribution(studied(TWO))
    assert found is not None
    assert found.trials == {"00": 0, "01": 10, "10": 11, "11": 3}
    assert found.seeds == CONFIRM_SEEDS
    assert found.means["11"] == pytest.approx(0.7431)
    assert found.notes[0] == "said"


def test_an_attribution_is_not_judged_before_its_last_run_has_ended() -> None:
    missing = judged_attribution(studied(TWO, without=(10, 1001)))
    assert missing == Attribution(
        sentence="The attribution is not complete: 1 of 12 runs is missing.", notes=("said",)
    )
    none_yet = judged_attribution(study_result(mix=replace(TWO, rows={})))
    assert none_yet is not None
    assert none_yet.sentence == "The attribution is not complete: 12 of 12 runs are missing."


@pytest.mark.parametrize(
    ("mix", "sentence"),
    [
        (Mix(tuple(groups(1))), "One group of keys differs, `loss`: there is nothing to divide."),
        (
            Mix(()),
            "No group of keys differs between the winner and the baseline: there is nothing to divide.",
        ),
    ],
)
def test_with_less_than_two_groups_there_is_nothing_to_divide(mix: Mix, sentence: str) -> None:
    assert judged_attribution(studied(mix)) == Attribution(sentence=sentence)


def test_a_study_that_was_not_asked_has_no_attribution() -> None:
    assert judged_attribution(studied(None)) is None


def test_an_effect_that_others_take_away_again_is_no_part_of_the_whole() -> None:
    """Of +0.05 nothing can account for +0.14; a small loss beside a gain is a share like others."""

    def said(whole: float, *effects: float) -> str:
        groups = [
            GroupEffect(name=name, improvement=x, ci_low=x - 0.01, ci_high=x + 0.01, is_named=True)
            for name, x in zip("ab", effects, strict=True)
        ]
        return sentence(Attribution(groups=tuple(groups), improvement=whole), is_rest_none=False)

    assert said(0.05, 0.14, -0.09) == (
        "The whole is +0.050, in which effects cancel: `a` makes +0.140 (+0.130 to +0.150) and `b` -0.090 "
        "(-0.100 to -0.080)."
    )
    assert said(0.05, 0.06, -0.02).startswith("Of +0.050, `a` accounts for +0.060 (")
