"""Confirmation pairs of a study: settled once, used in their order, whatever the order of arrival."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from sweeper.findings import Look, PairBudget
from sweeper.results import Objective, Policy, RunKey, RunResult, TrialResult
from sweeper.study.confirming import Confirming
from sweeper.study.run_table import RunTable
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial

FRESH = tuple(range(1000, 1010))
POLICY = Policy((0, 1, 2), FRESH, (Objective("auc", "maximize"),), None, 0.5, 1, is_sequential=True)
NOISE = (0.010, 0.012, 0.011)
"""Differences on the screening seeds."""


class Book:
    """Runs, looks and budgets in memory."""

    def __init__(self, runs: Mapping[RunKey, RunResult] | None = None) -> None:
        self.runs = dict(runs or {})
        self.known_looks: list[Look] = []
        self.known_budgets: list[PairBudget] = []

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        numbers = {trial.number for trial in trials}
        return {key: run for key, run in self.runs.items() if key[0] in numbers}

    def looks(self, split: str) -> tuple[Look, ...]:
        return tuple(self.known_looks)

    def budgets(self, split: str) -> tuple[PairBudget, ...]:
        return tuple(self.known_budgets)

    def add_budget(self, split: str, place: int, budget: PairBudget) -> None:
        if place == len(self.known_budgets):
            self.known_budgets.append(budget)

    def look(self) -> bool:
        return True


class Asker:
    """Has no trial left."""

    n_left = n_alike = 0


class Ledger:
    """Is told in vain."""

    def mark_screened(self, numbers: set[int]) -> None: ...

    def tell(self, result: TrialResult, values: object) -> None: ...


def run(number: int, seed: int, gain: float = 0.0, state: str = "COMPLETE") -> RunResult:
    value = 0.7 + gain
    metrics = {"val/auc": value, "test/auc": value} if state == "COMPLETE" else {}
    return RunResult(number, seed, state, metrics=metrics)  # type: ignore[arg-type]


def screened() -> dict[RunKey, RunResult]:
    found = {(0, seed): run(0, seed) for seed in POLICY.seeds}
    return found | {(1, seed): run(1, seed, gain) for seed, gain in enumerate(NOISE)}


def table(book: Book, policy: Policy = POLICY) -> RunTable:
    confirming = Confirming(policy, book, lambda: "split", 0.95, None)  # type: ignore[arg-type]
    found = RunTable(policy, book, Asker(), Ledger(), confirming)  # type: ignore[arg-type]
    found.add_known([plain_trial(0), plain_trial(1)])
    return found


def gain_of(seed: int, gains: Mapping[int, float]) -> float:
    return gains.get(seed, 0.0)


def trained(book: Book, gains: Mapping[int, float], shuffled: random.Random | None = None) -> RunTable:
    """Train what is wanted, three runs at a time, which end in any order."""
    found = table(book)
    while wanted := found.wanted_confirmation().runs[:3]:
        ending = list(wanted)
        if shuffled is not None:
            shuffled.shuffle(ending)
        number, seed = ending[0]
        book.runs[number, seed] = run(number, seed, gain_of(seed, gains) if number else 0.0)
        found.learn_from_others()
    return found


def test_pairs_stop_once_they_decide_and_the_policy_names_those_that_count() -> None:
    found = trained(Book(screened()), dict.fromkeys(FRESH, 0.011))
    assert found.policy.confirm_seeds == FRESH[:2]
    assert found.settled() is not None


AT_THE_EDGE = (0.008, 0.001, 0.005, 0.004, 0.006, 0.02, 0.02, 0.02, 0.02, 0.02)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_in_which_runs_end_changes_nothing(seed: int) -> None:
    """Later pairs are clearer than those before: one that ends early must not count early."""
    gains = dict(zip(FRESH, AT_THE_EDGE, strict=True))
    in_order = trained(Book(screened()), gains).policy.confirm_seeds
    book = Book(screened())
    assert trained(book, gains, random.Random(seed)).policy.confirm_seeds == in_order
    assert 2 < len(in_order) < 10
    assert table(book).policy.confirm_seeds == in_order  # another session, after a kill
    assert not table(book).wanted_confirmation()


def test_a_run_that_fails_ends_the_pairs_at_its_own() -> None:
    book = Book(screened())
    book.runs[0, 1000] = run(0, 1000)
    book.runs[1, 1000] = run(1, 1000, state="FAILED")
    found = table(book)
    assert found.policy.confirm_seeds == FRESH[:1]
    assert not found.wanted_confirmation()


def test_a_baseline_that_fails_on_a_pair_that_does_not_count_ends_no_study() -> None:
    book = Book(screened())
    trained(book, dict.fromkeys(FRESH, 0.011))
    book.runs[0, 1005] = run(0, 1005, state="FAILED")
    assert table(book).baseline_failure is None


def test_a_raised_limit_changes_nothing_that_is_decided() -> None:
    book = Book(screened())
    decided = trained(book, dict.fromkeys(FRESH, 0.011)).policy.confirm_seeds
    fingerprints = [plain_trial(n).fingerprint for n in (1, 0)]
    book.known_looks.append(
        Look(best=fingerprints[0], baseline=fingerprints[1], seeds=(0, 1, 2), confirm_seeds=decided)
    )
    more = replace(POLICY, confirm_seeds=tuple(range(1000, 1020)))
    assert table(book, more).policy.confirm_seeds == decided
    assert len(book.known_budgets) == 1


def test_a_raised_limit_goes_on_with_what_is_not_decided() -> None:
    book = Book(screened())
    edge = dict(zip(FRESH, (0.004, -0.004, 0.006, -0.006) * 3, strict=False))
    used = trained(book, edge).policy.confirm_seeds
    fingerprints = [plain_trial(n).fingerprint for n in (1, 0)]
    book.known_looks.append(
        Look(best=fingerprints[0], baseline=fingerprints[1], seeds=(0, 1, 2), confirm_seeds=used)
    )
    more = table(book, replace(POLICY, confirm_seeds=tuple(range(1000, 1020))))
    assert more.settled() is not None
    assert [len(one.pairs) for one in book.known_budgets] == [10, 20]


def test_an_attribution_takes_more_pairs_than_decided_the_verdict_where_these_are_few() -> None:
    """Two pairs decide: a third one is for the attribution alone, as is that of any of its trials."""
    found = trained(Book(screened()), dict.fromkeys(FRESH, 0.011))
    found.add(plain_trial(2).model_copy(update={"role": "attribution", "prunable": False}))
    assert found.attribution_seeds == FRESH[:3]
    assert found.needless_seeds == set(FRESH[2:])
    found.attributing = frozenset({0, 1, 2})
    assert found.needless_seeds == set(FRESH[3:])
    wanted = [(2, FRESH[0]), (2, FRESH[1]), (0, FRESH[2]), (1, FRESH[2]), (2, FRESH[2])]
    assert [key for key in found.wanted_attribution().runs if key not in found.runs] == wanted
    assert found.policy.confirm_seeds == FRESH[:2]


def test_what_a_dry_run_foresees_is_settled_by_nobody() -> None:
    book = Book(screened())
    foreseen = table(book)
    confirming = Confirming(POLICY, book, lambda: "split", 0.95, None)  # type: ignore[arg-type]
    baseline, best = foreseen.results()
    assert confirming.foreseen(baseline, best).seeds == FRESH
    assert book.known_budgets == []
    trained(book, dict.fromkeys(FRESH, 0.011))
    assert confirming.foreseen(*table(book).results()).seeds == FRESH[:2]


def test_a_study_that_was_begun_open_takes_a_number_later_and_comes_back_to_its_own() -> None:
    """The number is another claim on the study's error; the command that began it trains nothing more."""
    book, edge = Book(screened()), dict(zip(FRESH, (0.004, -0.004, 0.006, -0.006) * 3, strict=False))
    used = trained(book, edge).policy.confirm_seeds
    look = Look(best="f1", baseline="f0", seeds=(0, 1, 2), confirm_seeds=used)
    book.known_looks.append(look)
    fixed = replace(POLICY, confirm_seeds=tuple(range(1000, 1012)), is_sequential=False)
    assert table(book, fixed).wanted_confirmation()
    assert table(book, fixed).settled() is not None
    assert [(len(one.pairs), one.is_sequential) for one in book.known_budgets] == [(10, True), (12, False)]
    assert table(book).policy.confirm_seeds == used
    assert not table(book).wanted_confirmation()
    book.runs |= {
        (number, seed): run(number, seed, 0.01 * number) for number in (0, 1) for seed in (1010, 1011)
    }
    book.known_looks.append(look.model_copy(update={"confirm_seeds": fixed.confirm_seeds}))
    assert table(book).policy.confirm_seeds == fixed.confirm_seeds  # the verdict on more pairs stays


def test_a_fixed_number_is_what_it_is() -> None:
    book = Book(screened())
    fixed = replace(POLICY, confirm_seeds=FRESH[:3], is_sequential=False)
    found = table(book, fixed)
    assert found.wanted_confirmation().runs == tuple((n, seed) for seed in FRESH[:3] for n in (0, 1))
