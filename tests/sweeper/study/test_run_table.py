"""What a table says of runs to come, and of failures that may be, in a study of several commands."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from sweeper.results import Objective, Policy, RunKey, RunResult, TrialResult
from sweeper.study.run_table import RunTable
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial

POLICY = Policy((0, 1), (1000, 1001), (Objective("auc", "maximize"),), None, 0.25, n_candidates=2)


class Book:
    """Knows these results."""

    def __init__(self, runs: Mapping[RunKey, RunResult]) -> None:
        self._runs = runs

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        numbers = {trial.number for trial in trials}
        return {key: run for key, run in self._runs.items() if key[0] in numbers}


class Asker:
    """Has so many trials left."""

    n_alike = 0

    def __init__(self, n_left: int) -> None:
        self.n_left = n_left

    def ask(self) -> TrialSpec | None:
        return None


class Ledger:
    """Is told in vain."""

    def mark_screened(self, numbers: set[int]) -> None: ...

    def tell(self, result: TrialResult, values: object) -> None: ...


def table(n_trials: int, n_left: int, runs: Mapping[RunKey, RunResult]) -> RunTable:
    found = RunTable(POLICY, Book(runs), Asker(n_left), Ledger())  # type: ignore[arg-type]
    for number in range(n_trials):
        found.add(plain_trial(number))
    return found


def run(number: int, seed: int, state: str = "COMPLETE") -> RunResult:
    return RunResult(number, seed, state, metrics={"val/auc": number / 10})  # type: ignore[arg-type]


def test_failures_of_all_commands_are_counted_against_the_candidates_of_all() -> None:
    """8 candidates of earlier commands and 2 of this one: 2 of 10 may fail at a rate of 0.25, not 0 of 2."""
    failed = {(number, 0): run(number, 0, "FAILED") for number in (1, 2)}
    extended = table(9, 2, failed)
    assert (extended.n_failed, extended.policy.n_candidates, extended.policy.failures_allowed) == (2, 10, 2)


def test_the_baseline_that_is_still_to_come_is_no_candidate() -> None:
    assert table(0, 3, {}).policy.n_candidates == 2


def test_the_confirmation_is_planned_from_the_start() -> None:
    """The baseline and 2 candidates on 2 seeds are 6 runs, then 2 x 2 to confirm."""
    assert table(0, 3, {}).n_to_come == 10
    assert table(2, 1, {(0, 0): run(0, 0)}).n_to_come == 9


def test_runs_of_trials_that_are_alike_are_planned_once() -> None:
    """Of three trials two share a fingerprint: 2 x 2 runs, then 2 x 2 to confirm."""
    found = table(2, 0, {})
    found.add(plain_trial(2, "f0"))
    assert found.n_to_come == 8
    assert found.n_distinct([(0, 0), (2, 0), (2, 1), (1, 0)]) == 3


def test_runs_of_trials_that_will_be_like_others_are_not_planned() -> None:
    """The baseline and one of two candidates on 2 seeds, then 2 x 2 to confirm."""
    asker = Asker(3)
    asker.n_alike = 1
    assert RunTable(POLICY, Book({}), asker, Ledger()).n_to_come == 8  # type: ignore[arg-type]


@pytest.mark.parametrize(("is_sequential", "n"), [(False, 2 + 4), (True, 2 + 5)])
def test_at_most_so_many_pairs_are_left_whoever_wins(is_sequential: bool, n: int) -> None:
    """The baseline and an earlier winner have one of three fresh seeds each, another candidate may win."""
    policy = replace(POLICY, confirm_seeds=(1000, 1001, 1002), is_sequential=is_sequential)
    known = {(number, seed): run(number, seed) for number in (0, 1) for seed in (0, 1, 1000)}
    found = RunTable(policy, Book(known), Asker(0), Ledger())  # type: ignore[arg-type]
    for number in range(3):
        found.add(plain_trial(number))
    assert found.n_to_come == n


def test_once_the_best_is_known_its_own_confirmation_is_what_is_left() -> None:
    screened = {(number, seed): run(number, seed) for number in range(3) for seed in (0, 1)}
    assert table(3, 0, {**screened, (2, 1000): run(2, 1000)}).n_to_come == 3


def test_where_nothing_is_confirmed_only_screening_is_to_come() -> None:
    failed = {(number, 0): run(number, 0, "FAILED") for number in (1, 2)}
    assert table(3, 0, {**failed, (0, 0): run(0, 0), (0, 1): run(0, 1)}).n_to_come == 0


@pytest.mark.parametrize("top_k", [None, 1])
def test_trials_of_earlier_commands_join_as_if_one_after_another(top_k: int | None) -> None:
    policy = replace(POLICY, replicate_top_k=top_k)
    known = {(number, seed): run(number, seed) for number in (0, 1, 3) for seed in (0, 1)}
    known |= {(2, 0): run(2, 0, "FAILED"), (4, 0): run(4, 0)}
    at_once, in_turn = (RunTable(policy, Book(known), Asker(0), Ledger()) for _ in range(2))  # type: ignore[arg-type]
    trials = [plain_trial(number) for number in range(6)]
    at_once.add_known(trials)
    for trial in trials:
        in_turn.add(trial)
    assert at_once.results() == in_turn.results()
    assert at_once.wanted_screening().runs == in_turn.wanted_screening().runs


class Claiming(Book):
    """Everything is ours."""

    def claim(self, trial: TrialSpec, seed: int) -> int:
        return 1


def half_screened(policy: Policy, n_left: int = 0) -> RunTable:
    """The baseline and the first of two candidates are known, the second's runs are not."""
    known = {(number, seed): run(number, seed) for number in (0, 1) for seed in (0, 1)}
    found = RunTable(policy, Claiming(known), Asker(n_left), Ledger())  # type: ignore[arg-type]
    for number in range(3):
        found.add(plain_trial(number))
    return found


def test_the_baseline_is_confirmed_ahead_once_no_run_of_the_screening_waits() -> None:
    found = half_screened(POLICY)
    for key in [(2, 0), (2, 1)]:
        assert not found.wanted_ahead()
        found.claim(key)
    assert found.wanted_ahead().runs == ((0, 1000), (0, 1001))


def test_of_an_open_number_of_pairs_the_first_look_is_certain() -> None:
    found = half_screened(replace(POLICY, confirm_seeds=(1000, 1001, 1002, 1003), is_sequential=True))
    found.claim((2, 0))
    found.claim((2, 1))
    assert found.wanted_ahead().runs == ((0, 1000), (0, 1001))


@pytest.mark.parametrize(("n_left", "confirm_seeds"), [(1, (1000,)), (0, ())])
def test_nothing_is_certain_before_all_trials_are_there_or_where_nothing_is_confirmed(
    n_left: int, confirm_seeds: tuple[int, ...]
) -> None:
    found = half_screened(replace(POLICY, confirm_seeds=confirm_seeds), n_left)
    found.claim((2, 0))
    found.claim((2, 1))
    assert not found.wanted_ahead()


def test_no_baseline_is_confirmed_ahead_for_candidates_that_have_all_failed() -> None:
    known = {(1, 0): run(1, 0, "FAILED"), (0, 0): run(0, 0)}
    found = RunTable(POLICY, Claiming(known), Asker(0), Ledger())  # type: ignore[arg-type]
    found.add(plain_trial(0))
    found.add(plain_trial(1))
    found.claim((0, 1))
    assert not found.wanted_ahead()


def test_while_nobody_knows_the_winner_any_candidate_may_come_to_the_certain_seeds() -> None:
    found = half_screened(POLICY)
    assert found.may_come((1, 1000))
    assert found.may_come((2, 1001))
    screened = {(number, seed): run(number, seed) for number in range(3) for seed in (0, 1)}
    assert not table(3, 0, screened).may_come((1, 1000))
