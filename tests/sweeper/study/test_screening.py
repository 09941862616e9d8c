"""The view of the screening that is kept up to date, beside the pure functions of all that is known."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sweeper.results import ENDED, Objective, Policy, RunKey, RunResult, TrialResult
from sweeper.study.run_state import (
    contenders,
    n_failed,
    screened,
    screening_seeds,
    trial_results,
    wanted_confirmation,
    wanted_screening,
)
from sweeper.study.run_table import RunTable
from sweeper.trial import TrialSpec
from sweeper.verdict import best_of
from tests.sweeper.plain_trials import plain_trial

SEEDS, FRESH = (4, 0, 7), (1000, 1001)
ONE, TWO = (Objective("auc", "maximize"),), (Objective("auc", "maximize"), Objective("ece", "minimize"))
KINDS: dict[str, dict[str, Any]] = {
    "grid": {},
    "grid with a pruner": {"is_screened": True},
    "seed by seed": {"is_seed_major": True},
    "race": {"is_seed_major": True, "is_race": True},
    "race with a pruner": {"is_seed_major": True, "is_race": True, "is_screened": True},
    "adaptive": {"replicate_top_k": 2},
    "adaptive with a pruner": {"replicate_top_k": 1, "is_screened": True},
    "adaptive, two objectives": {"replicate_top_k": 2, "objectives": TWO},
}


def policy_of(kind: str) -> Policy:
    plain = {"objectives": ONE, "replicate_top_k": None, "max_failure_rate": 1.0, "n_candidates": 3}
    return Policy(SEEDS, FRESH, **{**plain, **KINDS[kind]})


@dataclass
class Asker:
    """Trials that come one at a time; some share a fingerprint."""

    marks: list[int]
    n_asked: int = 0
    n_alike: int = 0

    @property
    def n_left(self) -> int:
        return len(self.marks) - self.n_asked

    def ask(self) -> TrialSpec | None:
        if not self.n_left:
            return None
        number, mark = self.n_asked, self.marks[self.n_asked]
        self.n_asked += 1
        return plain_trial(number, f"f{mark}" if number else "baseline")

    def extend(self, drafts: Sequence[TrialSpec]) -> list[TrialSpec]:
        return []


@dataclass
class Book:
    """What has ended, by fingerprint; `others` end runs in it, too, or hold some."""

    ended: dict[tuple[str, int], RunResult] = field(default_factory=dict)
    held: set[tuple[str, int]] = field(default_factory=set)

    def kept_alive(self) -> Any:
        return nullcontext()

    def known(self, trials: Iterable[TrialSpec]) -> dict[RunKey, RunResult]:
        return {
            (trial.number, seed): RunResult(trial.number, seed, run.state, metrics=run.metrics)
            for trial in trials
            for (mark, seed), run in self.ended.items()
            if mark == trial.fingerprint
        }

    def look(self) -> bool:
        return True

    def claim(self, trial: TrialSpec, seed: int) -> int | None:
        mark = (trial.fingerprint, seed)
        return None if mark in self.held or mark in self.ended else 1

    def settle(self, trial: TrialSpec, result: RunResult) -> bool:
        if result.state in ENDED:
            self.ended[trial.fingerprint, result.seed] = result
        return True


@dataclass
class Ledger:
    """Remembers what it was told."""

    screened: set[int] = field(default_factory=set)
    told: list[tuple[int, str, tuple[float, ...]]] = field(default_factory=list)

    def mark_screened(self, numbers: set[int]) -> None:
        self.screened |= numbers

    def tell(self, result: TrialResult, values: Sequence[float] | None) -> None:
        self.told.append((result.spec.number, result.state, tuple(values or ())))


class Reference:
    """What a table of the same history should say, from all that is known, each time anew."""

    def __init__(self, table: RunTable, policy: Policy, asker: Asker) -> None:
        self._table, self._policy, self._asker = table, policy, asker
        self._told: set[int] = set()
        self.told: list[tuple[int, str, tuple[float, ...]]] = []

    @property
    def trials(self) -> list[TrialSpec]:
        return list(self._table.trials.values())

    def wanted(self) -> tuple[RunKey, ...]:
        all_asked = not self._asker.n_left
        return wanted_screening(self.trials, self._table.runs, self._policy, all_asked=all_asked).runs

    def results(self) -> tuple[TrialResult, ...]:
        chosen = set() if self._asker.n_left else contenders(self.trials, self._table.runs, self._policy)
        return trial_results(
            self.trials, self._table.runs, lambda trial: screening_seeds(trial, self._policy, chosen)
        )

    def confirmed(self) -> tuple[RunKey, ...]:
        results = self.results()
        best = best_of(results, self._policy)
        if best is None:
            return ()
        pair = results[0].spec, [self._table.trials[best]]
        return wanted_confirmation(*pair, self._table.runs, self._policy).runs

    def tell(self) -> None:
        """Whoever has ended and was not told of yet is told of."""
        chosen = set() if self._asker.n_left else contenders(self.trials, self._table.runs, self._policy)
        for result in self.results():
            if result.state in ENDED and result.spec.number not in self._told:
                self._told.add(result.spec.number)
                seeds = screening_seeds(result.spec, self._policy, chosen)
                means = [result.mean(seeds, f"val/{o.metric}") for o in self._policy.objectives]
                self.told.append(
                    (result.spec.number, result.state, tuple(mean for mean in means if mean is not None))
                )


def result_of(key: RunKey, state: str, value: int) -> RunResult:
    metrics = {"val/auc": float(value), "val/ece": float(value % 3)} if state == "COMPLETE" else {}
    return RunResult(*key, state, metrics=metrics)  # type: ignore[arg-type]


Step = tuple[str, int, int]
STATES = ("COMPLETE", "COMPLETE", "COMPLETE", "FAILED", "PRUNED", "INTERRUPTED")
steps = st.lists(
    st.tuples(
        st.sampled_from(["ask", "start", "end", "end", "others", "look"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=60,
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(marks=st.lists(st.integers(0, 4), min_size=1, max_size=7), history=steps)
def test_whatever_happens_the_view_says_what_all_that_is_known_says(
    kind: str, marks: list[int], history: list[Step]
) -> None:
    policy, asker, book, ledger = policy_of(kind), Asker(marks), Book(), Ledger()
    table = RunTable(policy, book, asker, ledger)  # type: ignore[arg-type]
    reference = Reference(table, policy, asker)
    under_way: list[RunKey] = []
    refused: set[tuple[str, int]] = set()
    for what, which, value in history:
        wanted = table.wanted_confirmation() if which == 9 else table.wanted_screening()
        marks_on = {(table.trials[number].fingerprint, seed) for number, seed in under_way}
        state = STATES[value % len(STATES)]
        if what == "ask":
            table.ask()
        elif what == "start":
            key = next(iter(wanted), None)
            open_runs = [k for k in wanted.runs if mark_of(table, k) not in marks_on | refused]
            assert list(wanted) == open_runs
            if key is not None and table.claim(key) is not None:
                under_way.append(key)
            elif key is not None:
                refused.add(mark_of(table, key))
        elif what == "end" and under_way:
            key = under_way.pop(which % len(under_way))
            table.settle(table.trials[key[0]], result_of(key, state, value))
        elif what == "others" and wanted.runs:
            key = wanted.runs[which % len(wanted.runs)]
            if (mark := mark_of(table, key)) not in marks_on:
                book.held.symmetric_difference_update({mark})
                if mark not in book.held and state in ENDED:
                    book.ended[mark] = result_of(key, state, value)
        elif what == "look":
            if which == 0 and book.ended:  # another session tries a run again
                mark = sorted(book.ended)[value % len(book.ended)]
                if mark not in marks_on:
                    book.ended[mark] = result_of((0, mark[1]), "COMPLETE", 9)
            table.learn_from_others()
            refused.clear()
        reference.tell() if what in ("ask", "end", "look") else None
        agree(table, reference, policy, ledger)


def mark_of(table: RunTable, key: RunKey) -> tuple[str, int]:
    return table.trials[key[0]].fingerprint, key[1]


def agree(table: RunTable, reference: Reference, policy: Policy, ledger: Ledger) -> None:
    assert table.wanted_screening().runs == reference.wanted()
    assert len(table.wanted_screening()) == len(reference.wanted())
    assert all(key in table.wanted_screening() for key in reference.wanted())
    assert table.results() == reference.results()
    assert table.wanted_confirmation().runs == reference.confirmed()
    assert table.n_failed == n_failed(reference.trials, table.runs, policy.seeds)
    assert ledger.screened >= screened(reference.trials, table.runs, policy)
    assert ledger.told == reference.told
