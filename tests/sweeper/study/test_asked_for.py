"""Whose best a continued study tells: the last command's, or one that it names as another's."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweeper.results import Judgement, RunResult, StudyResult, Totals, TrialResult
from sweeper.search.containment import holds
from sweeper.search.samplers import check_extends, distributions, in_known_order
from sweeper.study.asked_for import asked_for, warnings_of_others, with_others_named
from sweeper.study.plan import Plan
from sweeper.study.spec_factory import SpecFactory
from sweeper.trial import TrialSpec
from tests.sweeper.small_esmm import small_plan, small_sweep

JUDGED = Judgement(verdict="not confirmed", sentence="It is best.", best=1)
KEY = "optimizer.lr"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def planned(results: Path, *words: str) -> Plan:
    return small_plan(results, "study.n_seeds=1", "study.confirm_seeds=0", *words)


def trial(factory: SpecFactory, number: int, lr: Any) -> TrialSpec:
    return factory.spec(number, f"lr={lr}", "candidate", {KEY: lr}, [f"{KEY}={lr}"])


def result_of(plan: Plan, *lrs: float) -> StudyResult:
    """A study of the baseline and these learning rates: each candidate is better than the next."""
    specs = [plan.factory.baseline(0), *(trial(plan.factory, i + 1, lr) for i, lr in enumerate(lrs))]
    runs = [RunResult(i, 0, "COMPLETE", metrics={"val/ctcvr_auc": 0.9 - i / 10}) for i, _ in enumerate(specs)]
    trials = [TrialResult(spec, "COMPLETE", None, {0: run}) for spec, run in zip(specs, runs, strict=True)]
    return StudyResult(
        study="s",
        task="esmm",
        objectives=plan.policy.objectives,
        seeds=(0,),
        confirm_seeds=(),
        confidence=0.95,
        min_effect=None,
        trials=tuple(trials),
        data={},
        config={},
        totals=Totals(),
        provenance={},
    )


@pytest.mark.parametrize(
    "words",
    [
        (f"{KEY}=interval(1e-5,1e-4)", "study.n_trials=3"),
        (f"{KEY}=0.00005,0.0001",),
        (f"{KEY}=choice(0.00005,0.0001)", "sampler=tpe", "study.n_trials=3"),
        (f"{KEY}=range(0.00005,0.0002,0.00005)", "sampler=tpe", "study.n_trials=3"),
    ],
)
def test_a_best_of_an_earlier_command_is_named_beside_that_of_this_one(
    results: Path, words: tuple[str, ...]
) -> None:
    this = planned(results, *words)
    said = with_others_named(this, result_of(this, 0.01, 5e-5), JUDGED).sentence
    assert said == (
        "It is best. The best of all trials, lr=0.01, lies outside what this command asks for "
        f"({words[0]}); of those that it asks for, lr=5e-05 is best (val ctcvr_auc 0.7000 against 0.8000). "
        "Another study.name makes a study of what it asks for alone."
    )


def test_a_best_that_is_asked_for_is_told_as_ever_however_it_is_written(results: Path) -> None:
    this = planned(results, f"{KEY}=1e-2,5e-5")
    assert with_others_named(this, result_of(this, 0.01, 5e-5), JUDGED) is JUDGED


def test_named_trials_that_are_named_no_longer_are_others(results: Path) -> None:
    words = ["+study.trials.low=['optimizer.lr=0.0001']", "+study.trials.high=['optimizer.lr=0.01']"]
    before, this = planned(results, *words), planned(results, words[0])
    specs = {draft.name: draft for draft in before.drafts}
    assert [name for name, spec in specs.items() if asked_for(this)(spec)] == ["baseline", "low"]


def test_where_none_of_this_command_is_complete_that_is_said(results: Path) -> None:
    this = planned(results, f"{KEY}=interval(1e-5,1e-4)", "study.n_trials=3")
    said = with_others_named(this, result_of(this, 0.01), JUDGED).sentence
    assert "; none of those that it asks for has finished on every seed." in said


def test_points_of_a_front_that_are_others_are_named(results: Path) -> None:
    this = planned(results, f"{KEY}=interval(1e-5,1e-4)", "study.n_trials=3")
    front = replace(JUDGED, best=None, front=[0, 1, 2])
    said = with_others_named(this, result_of(this, 0.01, 5e-5), front).sentence
    assert "Of the front, lr=0.01 lie outside what this command asks for" in said


def test_trials_of_another_range_that_count_are_warned_of(results: Path) -> None:
    this = planned(results, f"{KEY}=interval(1e-5,1e-4)", "study.n_trials=3")
    known = [one.spec for one in result_of(this, 0.01, 0.02, 5e-5).trials]
    [said] = warnings_of_others(this, known)
    assert "2 trials of earlier commands" in said
    assert "count in study.n_trials=3: 0 are left to try" in said
    assert warnings_of_others(planned(results, f"{KEY}=0.1,0.2"), known) == []


def adds_a_key(config: Mapping[str, Any], trial: optuna.Trial) -> None:
    if trial.suggest_float("optimizer.weight_decay", 0.0, 0.1) > 0.05:
        trial.suggest_categorical("optimizer.eps", [1e-8, 1e-6])


@pytest.mark.parametrize(
    ("params", "is_held"),
    [
        ({KEY: 5e-5, "optimizer.weight_decay": 0.01}, True),
        ({KEY: 5e-5, "optimizer.weight_decay": 0.06, "optimizer.eps": 1e-8}, True),
        ({KEY: 5e-5, "optimizer.weight_decay": 0.06}, False),  # it would have asked for eps
        ({KEY: 5e-5, "optimizer.weight_decay": 0.01, "optimizer.eps": 1e-8}, False),
        ({KEY: 5e-5, "optimizer.weight_decay": 0.2}, False),
        ({KEY: 5e-5, "optimizer.weight_decay": 0.06, "optimizer.eps": 1e-3}, False),
        ({KEY: 5e-5}, False),
        ({KEY: 1e-4, "optimizer.weight_decay": 0.01}, False),
        ({"optimizer.weight_decay": 0.01}, False),
    ],
)
def test_a_custom_search_space_is_asked_whether_it_could_have_said_so(
    results: Path, params: dict[str, Any], is_held: bool
) -> None:
    space = small_sweep(results, f"{KEY}=interval(1e-5,1e-4)", "study.n_trials=3").space
    assert holds(space, params, adds_a_key, {}) is is_held


def test_choices_are_the_same_in_any_order_and_spelling(results: Path) -> None:
    words = ("sampler=tpe", "study.n_trials=3")
    first, again, fewer = (
        small_sweep(results, f"{KEY}=choice({listed})", *words).space
        for listed in ("0.1,0.2,1", "1.0,2e-1,0.1", "0.1,0.2")
    )
    known = distributions(first)
    assert [*in_known_order(again, known).swept[0].domain.values] == [0.1, 0.2, 1]  # type: ignore[union-attr]
    check_extends(in_known_order(again, known), known)
    assert in_known_order(fewer, known) == fewer
