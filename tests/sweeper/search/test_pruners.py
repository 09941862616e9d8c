"""Our pruners end the runs that Optuna's end, on a real database."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, strategies as st

from sweeper.schema import (
    Asha,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    Threshold,
    Wilcoxon,
    Wrapped,
)
from sweeper.search.pruners import is_surely_worse, pruner_of
from sweeper.search.trial_book import TrialBook
from sweeper.storage.storage import Storage
from tests.sweeper.plain_trials import plain_trial

STEPS = (100, 200, 300, 400, 500)
CHECKS: dict[str, Any] = {
    "n_startup_trials": 3,
    "n_warmup_steps": 200,
    "interval_steps": 1,
    "n_min_trials": 1,
}
MEDIAN = Median(name="median", **CHECKS)
PERCENTILE = Percentile(name="percentile", percentile=25.0, **CHECKS)
ASHA = Asha(name="asha", min_steps=None, reduction_factor=2, min_early_stopping_rate=0, bootstrap_count=0)
HYPERBAND = Hyperband(name="hyperband", min_steps=None, max_steps=None, reduction_factor=2, bootstrap_count=0)
THRESHOLD = Threshold(name="threshold", lower=0.3, upper=None, n_warmup_steps=200, interval_steps=1)
PATIENT = Patient(name="patient", patience=1, min_delta=0.0, wrapped=NoPruner(name="none"))
PATIENT_MEDIAN = PATIENT.model_copy(update={"wrapped": MEDIAN})
WILCOXON = Wilcoxon(name="wilcoxon", p_threshold=0.1, n_startup_seeds=2)


def patient(wrapped: optuna.pruners.BasePruner | None) -> optuna.pruners.BasePruner:
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        return optuna.pruners.PatientPruner(wrapped, patience=1)


def median() -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=200)


SAME: dict[str, tuple[Wrapped | Patient, Callable[[], optuna.pruners.BasePruner]]] = {
    "median": (MEDIAN, median),
    "percentile": (PERCENTILE, lambda: optuna.pruners.PercentilePruner(25.0, 3, 200)),
    "asha": (ASHA, lambda: optuna.pruners.SuccessiveHalvingPruner(100, reduction_factor=2)),
    "hyperband": (HYPERBAND, lambda: optuna.pruners.HyperbandPruner(100, 500, reduction_factor=2)),
    "threshold": (THRESHOLD, lambda: optuna.pruners.ThresholdPruner(lower=0.3, n_warmup_steps=200)),
    "patient": (PATIENT, lambda: patient(None)),
    "patient and median": (PATIENT_MEDIAN, lambda: patient(median())),
}


def curves(n_trials: int) -> list[list[float]]:
    """Noisy curves of trials of different quality; some get worse with time."""
    draw = np.random.default_rng(1)
    quality, drift = draw.uniform(0.4, 0.9, n_trials), draw.uniform(-0.1, 0.05, n_trials)
    return [
        [float(q * (1 - math.exp(-step / 150)) + d * step / 100 + draw.normal(0, 0.01)) for step in STEPS]
        for q, d in zip(quality, drift, strict=True)
    ]


def book(folder: Path) -> TrialBook:
    return TrialBook(Storage(f"sqlite:///{folder}/studies.db", "s", "o").optuna_study(["maximize"]))


def run_through(trials: TrialBook, pruner: Wrapped | Patient, curve: list[float]) -> int:
    """The step at which a new trial with these values ends."""
    spec = trials.add({}, {}, plain_trial)
    for step, value in zip(STEPS, curve, strict=True):
        if trials.report(spec.number, step, value, pruner_of(pruner, 100, 500), "why"):
            return step
    trials.mark_screened([spec.number])  # its other seeds are still to come
    return STEPS[-1] + 1


def optunas_way(study: optuna.Study, curve: list[float]) -> int:
    """The same in a loop of Optuna's own, where a trial has one seed."""
    trial = study.ask()
    for step, value in zip(STEPS, curve, strict=True):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return step
    study.tell(trial, curve[-1])
    return STEPS[-1] + 1


@pytest.mark.parametrize("name", SAME)
def test_runs_end_where_optuna_ends_them(tmp_path: Path, name: str) -> None:
    ours, reference = SAME[name]
    study = optuna.create_study(study_name="s", direction="maximize", pruner=reference())
    expected = [optunas_way(study, curve) for curve in curves(9)]
    trials = book(tmp_path)
    assert [run_through(trials, ours, curve) for curve in curves(9)] == expected
    assert len(set(expected)) > 1


def test_half_of_the_trials_go_on_by_the_median(tmp_path: Path) -> None:
    """0.5, 0.6 and 0.7 at step 200 have the median 0.6; 0.59 is worse, 0.6 is not."""
    trials = book(tmp_path)
    for level in (0.5, 0.6, 0.7):
        assert run_through(trials, MEDIAN, [level] * 5) == 501
    assert run_through(trials, MEDIAN, [0.59] * 5) == 200
    assert run_through(trials, MEDIAN, [0.6] * 5) == 501


def test_the_best_at_a_rung_are_promoted(tmp_path: Path) -> None:
    """Rungs at 100, 200, 400.

    The first trial is the best there is; 0.4 is not among the best half of two;
    0.6 is the best of three; at step 400 only 0.5 and 0.7 have been, and 0.7 is the better half.
    """
    trials = book(tmp_path)
    assert run_through(trials, ASHA, [0.5] * 5) == 501
    assert run_through(trials, ASHA, [0.4] * 5) == 100
    assert run_through(trials, ASHA, [0.6, 0.3, 0.3, 0.3, 0.3]) == 200
    assert run_through(trials, ASHA, [0.7] * 5) == 501


def test_brackets_come_from_the_study_and_the_number(tmp_path: Path) -> None:
    """Brackets of 100, 200 and 400 first steps.

    Trials that are each worse than the one before are ended at the first rung of their bracket, all but the
    first of each.
    """
    trials = book(tmp_path)
    ends = [run_through(trials, HYPERBAND, [1 / number] * 5) for number in range(1, 13)]
    assert ends.count(501) == 3
    assert len({100, 200, 400} & set(ends)) > 1
    other = TrialBook(Storage(f"sqlite:///{tmp_path}/studies.db", "t", "o").optuna_study(["maximize"]))
    assert [run_through(other, HYPERBAND, [1 / number] * 5) for number in range(1, 13)] != ends


def test_a_threshold_ends_what_is_not_a_number(tmp_path: Path) -> None:
    assert run_through(book(tmp_path), THRESHOLD, [0.5, math.nan, 0.5, 0.5, 0.5]) == 200


def test_patience_waits_for_evaluations_without_improvement(tmp_path: Path) -> None:
    """With patience 1, two evaluations in a row must be worse than the best before them."""
    assert run_through(book(tmp_path), PATIENT, [0.5, 0.6, 0.55, 0.61, 0.7]) == 501
    assert run_through(book(tmp_path), PATIENT, [0.5, 0.6, 0.55, 0.59, 0.7]) == 400


def test_a_trial_that_is_shorter_than_the_first_rung_is_never_ended() -> None:
    study = optuna.create_study(study_name="s")
    short = pruner_of(HYPERBAND.model_copy(update={"min_steps": 300}), eval_every=100, max_steps=200)
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING, intermediate_values={100: 1.0, 200: 1.0}
    )
    assert not short.prune(study, trial)


def test_four_seeds_can_be_surely_worse_and_three_cannot() -> None:
    """The one-sided signed-rank test on n pairs of one sign has p = 1 / 2^n: 1/8 > 0.1 > 1/16."""
    best, worse = [0.7, 0.71, 0.72, 0.73], [0.6, 0.62, 0.64, 0.66]
    assert not is_surely_worse(worse[:3], best[:3], "maximize", WILCOXON)
    assert is_surely_worse(worse, best, "maximize", WILCOXON)
    assert not is_surely_worse(best, worse, "maximize", WILCOXON)
    assert is_surely_worse(best, worse, "minimize", WILCOXON)
    later = WILCOXON.model_copy(update={"n_startup_seeds": 5})
    assert not is_surely_worse(worse, best, "maximize", later)


@given(
    st.lists(
        st.lists(st.floats(0, 1, width=16), min_size=6, max_size=6),
        min_size=2,
        max_size=4,
        unique_by=lambda values: sum(values),
    )
)
def test_the_verdict_across_seeds_is_that_of_a_whole_study(values: list[list[float]]) -> None:
    """The last trial against the best of the others, which Optuna finds by itself."""
    *others, own = values
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for other in others:
        seen = dict(enumerate(other))
        study.add_trial(optuna.trial.create_trial(value=sum(other) / 6, intermediate_values=seen))
    trial = study.ask()
    for index, value in enumerate(own):
        trial.report(value, index)
    assert is_surely_worse(own, max(others, key=sum), "maximize", WILCOXON) == trial.should_prune()
