"""Who may spend how much of a study's error, over all its verdicts."""

import pytest

from sweeper.findings import Look, PairBudget
from sweeper.verdict.pair_budgets import design_of, extended_by_last, n_verdicts, place_of, with_claim
from sweeper.verdict.spending import nominal_errors, power_family, share

ALPHA = 0.05


def budget(best: str, n: int, *, is_open: bool = True, seeds: int = 5) -> PairBudget:
    return PairBudget(
        best=best,
        baseline="baseline",
        seeds=tuple(range(seeds)),
        pairs=tuple(range(1000, 1000 + n)),
        is_sequential=is_open,
    )


def look(best: str, n: int) -> Look:
    pairs = tuple(range(1000, 1000 + n))
    return Look(best=best, baseline="baseline", seeds=(0, 1, 2, 3, 4), confirm_seeds=pairs)


def test_a_fixed_number_has_one_look_at_the_confidence_of_the_study() -> None:
    fixed = budget("a", 5, is_open=False)
    for looks in ([], [look("a", 5)]):
        design = design_of([fixed], looks, 0, 0.95)
        assert design.errors == {5: 1 - 0.95}
        assert not design.is_sequential


def test_the_first_winner_has_four_fifths_and_later_ones_share_the_rest() -> None:
    """After two judged budgets the third has 0.2 x 6 / (pi x 2)**2; all times 0.9, for Student's tails."""
    budgets = [budget("a", 5), budget("b", 5), budget("c", 5)]
    looks = [look("a", 4), look("b", 5)]
    for place, amount in enumerate([0.8, 0.12158, 0.030396]):
        assert share(place) == pytest.approx(amount, abs=1e-5)
        plain = nominal_errors((2, 3, 4, 5), power_family(2, 5, share(place) * ALPHA))
        found = design_of(budgets, looks, place, 0.95).errors
        assert list(found.values()) == pytest.approx([0.9 * error for error in plain])


def test_three_screening_seeds_take_more_caution_than_five() -> None:
    few, many = (design_of([budget("a", 5, seeds=n)], [], 0, 0.95).errors[2] for n in (3, 5))
    assert few / many == pytest.approx(0.86 / 0.9)


def test_an_extension_leaves_earlier_looks_as_they_were_and_spends_of_the_rest() -> None:
    budgets = [budget("a", 5), budget("a", 10)]
    before, after = (design_of(budgets[: at + 1], [look("a", 5)], at, 0.95).errors for at in (0, 1))
    assert {n: after[n] for n in before} == before
    assert sorted(after) == list(range(2, 11))
    cumulative = (
        *power_family(2, 5, 0.8 * ALPHA),
        *(0.8 * ALPHA + one for one in power_family(1, 5, share(1) * ALPHA)),
    )
    assert after[10] == pytest.approx(0.9 * nominal_errors(tuple(range(2, 11)), cumulative)[-1])


@pytest.mark.parametrize(
    ("looks", "n_pairs", "n"),
    [
        ([look("b", 5), look("a", 4)], 4, 2),  # as before it was raised
        ([look("b", 5), look("a", 4)], 5, 2),  # a pair that the first budget has, too
        ([look("b", 5), look("a", 4)], 6, 3),
        ([look("b", 5), look("a", 4), look("a", 6)], 6, 3),  # the same command again
    ],
)
def test_a_raised_budget_by_which_no_further_pair_was_judged_is_no_further_verdict(
    looks: list[Look], n_pairs: int, n: int
) -> None:
    budgets = [budget("b", 5), budget("a", 5), budget("a", 10)]
    before = design_of(budgets[:2], looks, 1, 0.95).errors
    after = design_of(budgets, looks, 2, 0.95).errors
    assert {pairs: after[pairs] for pairs in before} == before
    assert n_verdicts(budgets[:2], looks[:2], 1, 4) == 2
    assert n_verdicts(budgets, looks, 2, n_pairs) == n


@pytest.mark.parametrize("fixed", [2, 4, 6])
def test_fewer_pairs_in_between_take_nothing_from_a_budget_that_is_raised_after_them(fixed: int) -> None:
    """A fixed number is a claim of its own; the raised budget goes on from the open one before it."""
    budgets = [budget("a", 5), budget("a", 7), budget("a", fixed, is_open=False), budget("a", 8)]
    looks = [look("a", 4), look("a", 7), look("a", fixed)]
    before = design_of(budgets[:2], looks[:2], 1, 0.95).errors
    after = design_of(budgets, looks, 3, 0.95).errors
    assert {n: after[n] for n in before} == before
    assert sorted(after) == list(range(2, 9))
    assert design_of(budgets, looks, 3, 0.95).n_judged == 7  # no fewer will do
    assert extended_by_last(budgets, looks) == 1
    assert n_verdicts(budgets, looks, 3, 7) == 3


def test_an_open_number_after_a_fixed_one_is_a_verdict_of_its_own_on_the_same_pairs() -> None:
    """Its interval at these is a wider one."""
    budgets = [budget("a", 5, is_open=False), budget("a", 10)]
    assert n_verdicts(budgets[:1], [look("a", 5)], 0, 5) == 1
    assert n_verdicts(budgets, [look("a", 5)], 1, 5) == 2


def test_a_fixed_number_that_is_raised_is_judged_anew_within_the_same_error() -> None:
    budgets = [budget("a", 5, is_open=False), budget("a", 10, is_open=False)]
    errors = design_of(budgets, [look("a", 5)], 1, 0.95).errors
    assert list(errors) == [5, 10]
    assert errors[5] == pytest.approx(0.04)
    assert errors[10] < 0.02


def test_the_same_winner_goes_on_with_what_it_has() -> None:
    known = with_claim((), [], budget("a", 8))
    assert with_claim(known, [look("a", 4)], budget("a", 8)) == known
    assert place_of(known, [], budget("a", 6)) == 0


def test_the_screening_that_counts_is_that_of_the_first_budget() -> None:
    """Screening seeds that were added since make no other verdict of earlier looks."""
    known = with_claim((), [], budget("a", 5, seeds=3))
    grown = with_claim(known, [look("a", 5)], budget("a", 10, seeds=5))
    assert grown[-1].seeds == (0, 1, 2)
    assert extended_by_last(grown, [look("a", 5)]) == 0


def test_a_budget_that_was_never_judged_spends_nothing() -> None:
    """`a` won for a while, in a session that was interrupted: `b` is the first winner."""
    known = with_claim(with_claim((), [], budget("a", 5)), [], budget("b", 5))
    assert design_of(known, [], 1, 0.95).errors == design_of([budget("b", 5)], [], 0, 0.95).errors


def test_who_comes_back_after_another_was_judged_claims_anew() -> None:
    known = (budget("a", 5), budget("b", 5))
    again = with_claim(known, [look("b", 4)], budget("a", 5))
    assert len(again) == 3
    late, first = (design_of(again, [look("b", 4)], place, 0.95).errors[5] for place in (2, 1))
    assert late < first / 4


def test_looks_of_before_there_were_budgets_had_a_fixed_number_each() -> None:
    looks = [look("a", 3), look("b", 3)]
    known = with_claim((), looks, budget("a", 3, is_open=False))
    assert [(one.best, len(one.pairs)) for one in known] == [("a", 3), ("b", 3)]
    assert with_claim((), looks, budget("a", 6))[-1] == budget("a", 6)
