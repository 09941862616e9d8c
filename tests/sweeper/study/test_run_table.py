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
