"""Which runs are given up, when, and what is said of it."""

import re
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, strategies as st

from sweeper.errors import UserError
from sweeper.messages import Reported
from sweeper.results import Objective, Policy, RunKey, RunResult
from sweeper.schema import Patient, Wilcoxon, Wrapped
from sweeper.search.pruner_checks import check_pruner, pruner_warnings
from sweeper.search.pruning import AcrossSeeds, NoPruning, OnFirstSeed, Shown, pruning_of
from sweeper.search.trial_book import TrialBook
from sweeper.storage.storage import Storage
from sweeper.study.proposals import policy_of
from sweeper.study.run_state import screened, wanted_screening
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.search.test_pruners import (
    ASHA,
    HYPERBAND,
    MEDIAN,
    PATIENT,
    PATIENT_MEDIAN,
    PERCENTILE,
    THRESHOLD,
)
from tests.sweeper.toy_app import faults, read

SEEDS = (0, 1, 2, 3, 4)
EVERY = 100
STEPS = (100, 200, 300)
GRID = Policy(
    seeds=SEEDS,
    confirm_seeds=(1000,),
    objectives=(Objective("auc", "maximize"),),
    replicate_top_k=None,
    max_failure_rate=0.5,
    n_candidates=3,
    is_screened=True,
)
WILCOXON = Wilcoxon(name="wilcoxon", p_threshold=0.1, n_startup_seeds=2)


def policy(**changes: Any) -> Policy:
    return Policy(**{**GRID.__dict__, **changes})


def trial(number: int) -> TrialSpec:
    """A trial of 300 steps, evaluated every 100."""
    return plain_trial(number).model_copy(
        update={"max_steps": STEPS[-1], "config": {"trainer": {"eval_every": 100}}}
    )


def book(folder: Path) -> TrialBook:
    return TrialBook(Storage(f"sqlite:///{folder}/studies.db", "s", "o").optuna_study(["maximize"]))


def stored(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=f"sqlite:///{folder}/studies.db").trials


def report(number: int, step: int, value: float, seed: int = 0) -> Reported:
    return Reported(
        job_id="j",
        trial=number,
        seed=seed,
        attempt=1,
        step=step,
        metrics={"val/auc": value, "train/auc": 1.0},
        steps_per_s=1.0,
    )


def run(number: int, seed: int, value: float, state: str = "COMPLETE") -> RunResult:
    return RunResult(number, seed, state, reason="why", metrics={"val/auc": value})  # type: ignore[arg-type]


def reason(pruner: Wrapped | Patient, folder: Path, *values: float) -> str | None:
    """What is said of a trial with these evaluations, after three complete ones at 0.5, 0.6 and 0.7."""
    trials = book(folder)
    pruning = OnFirstSeed(pruner, GRID, trials, EVERY)
    for level in (0.5, 0.6, 0.7):
        spec = trials.add({}, {}, trial)
        assert not any(pruning.after_report(spec, report(spec.number, step, level)) for step in STEPS)
        trials.mark_screened([spec.number])
    spec = trials.add({}, {}, trial)
    said = [
        pruning.after_report(spec, report(spec.number, step, value))
        for step, value in zip(STEPS, values, strict=False)
    ]
    assert not any(said[:-1])
    return said[-1]


@pytest.mark.parametrize(
    ("pruner", "values", "text"),
    [
        (
            MEDIAN,
            (0.55, 0.591),
            "median: val/auc 0.591 at step 200; its best so far is worse than the median of earlier trials",
        ),
        (
            PERCENTILE,
            (0.55, 0.61),
            "percentile: val/auc 0.61 at step 200; its best so far is not among the best 25 % of earlier "
            "trials",
        ),
        (
            ASHA,
            (0.55,),
            "asha: val/auc 0.55 at step 100; not promoted: only the best 1 in 2 at a rung goes on",
        ),
        (THRESHOLD, (0.2, 0.1), "threshold: val/auc 0.1 at step 200; outside of [0.3, inf]"),
        (
            PATIENT,
            (0.9, 0.8, 0.7),
            "patient: val/auc 0.7 at step 300; worse than before in each of the last 2 evaluations",
        ),
        (
            PATIENT_MEDIAN,
            (0.5, 0.4, 0.3),
            "patient: val/auc 0.3 at step 300; worse than before in each of the last 2 evaluations; "
            "median: its best so far is worse than the median of earlier trials",
        ),
        (PATIENT_MEDIAN, (0.9, 0.8, 0.7), None),
    ],
)
def test_a_reason_names_the_pruner_the_value_the_step_and_why(
    tmp_path: Path, pruner: Wrapped | Patient, values: tuple[float, ...], text: str | None
) -> None:
    assert reason(pruner, tmp_path, *values) == text


def test_only_the_first_seed_is_shown_to_optuna(tmp_path: Path) -> None:
    trials = book(tmp_path)
    spec = trials.add({}, {}, trial)
    pruning = OnFirstSeed(THRESHOLD, GRID, trials, EVERY)
    assert pruning.after_report(spec, report(1, 200, 0.1, seed=1)) is None
    assert pruning.after_report(spec, report(1, 200, 0.1, seed=1000)) is None
    assert pruning.before_run(spec, 1, {}) is None
    assert stored(tmp_path)[0].intermediate_values == {}


@pytest.mark.parametrize("kind", [NoPruning, lambda shown: AcrossSeeds(WILCOXON, GRID, shown)])
def test_evaluations_are_shown_to_optuna_whoever_prunes(tmp_path: Path, kind: Any) -> None:
    """Its dashboard has curves then; of several objectives Optuna takes none."""
    trials = book(tmp_path)
    spec = trials.add({}, {}, trial)
    pruning = kind(Shown(GRID, trials))
    for seed, value in ((0, 0.1), (1, 0.2)):
        assert pruning.after_report(spec, report(1, 200, value, seed=seed)) is None
    both = policy(objectives=(*GRID.objectives, Objective("ece", "minimize")))
    Shown(both, trials).show(spec, report(1, 300, 0.3))
    assert stored(tmp_path)[0].intermediate_values == {200: 0.1}


@pytest.mark.parametrize(
    ("changes", "is_pruned"),
    [({}, True), ({"seeds": (0,)}, False), ({"replicate_top_k": 2}, False)],
    ids=["other seeds to save", "one seed", "adaptive"],
)
def test_after_the_last_step_a_run_is_pruned_only_to_save_others(
    tmp_path: Path, changes: dict[str, Any], is_pruned: bool
) -> None:
    trials = book(tmp_path)
    spec = trials.add({}, {}, trial)
    said = OnFirstSeed(THRESHOLD, policy(**changes), trials, EVERY).after_report(spec, report(1, 300, 0.1))
    assert (said is not None) == is_pruned
    assert stored(tmp_path)[0].intermediate_values == {300: 0.1}


def test_a_screened_grid_gives_all_seeds_to_what_comes_through_and_one_run_to_the_rest(
    tmp_path: Path,
) -> None:
    """Levels fall from 0.9 by 0.1. The first three make up the median, 0.8; all later ones are worse."""
    trials, known = book(tmp_path), {(0, seed): run(0, seed, 0.5) for seed in SEEDS}
    pruning, specs = OnFirstSeed(MEDIAN, GRID, trials, EVERY), [trial(0)]
    specs += [trials.add({}, {}, trial) for _ in range(6)]
    while runs := wanted_screening(specs, known, GRID, all_asked=True).runs:
        number, seed = runs[0]
        level = 1 - number / 10
        messages = [report(number, step, level, seed) for step in STEPS]
        said = next(filter(None, (pruning.after_report(specs[number], each) for each in messages)), None)
        known[number, seed] = run(number, seed, level, "PRUNED" if said else "COMPLETE")
        trials.mark_screened(screened(specs, known, GRID))
    assert {number for (number, _), each in known.items() if each.state == "PRUNED"} == {4, 5, 6}
    assert [sum(number == each for each, _ in known) for number in range(7)] == [5, 5, 5, 5, 1, 1, 1]
    assert [len(each.intermediate_values) for each in stored(tmp_path)] == [3, 3, 3, 2, 2, 2]


def seeds_of(number: int, values: list[float]) -> dict[RunKey, RunResult]:
    return {(number, seed): run(number, seed, value) for seed, value in zip(SEEDS, values, strict=False)}


BEST, WORSE = [0.7, 0.71, 0.72, 0.73], [0.6, 0.62, 0.64, 0.66]


def verdict(runs: dict[RunKey, RunResult], number: int, seed: int = 4) -> str | None:
    return AcrossSeeds(WILCOXON, GRID).before_run(plain_trial(number), seed, runs)


def test_a_trial_that_loses_on_four_seeds_does_not_get_the_fifth() -> None:
    """By 1 / 2^4 < 0.1; the means are 0.63 and 0.715."""
    runs = seeds_of(1, BEST) | seeds_of(2, WORSE)
    assert verdict(runs, 2) == (
        "wilcoxon: val/auc 0.63 over 4 seeds, surely worse than trial 1 with 0.715 (p < 0.1)"
    )
    assert verdict(runs, 1) is None
    assert verdict(seeds_of(1, BEST) | seeds_of(2, WORSE[:3]), 2, seed=3) is None


def test_nobody_is_compared_with_the_baseline_or_with_a_trial_that_is_lost() -> None:
    assert verdict(seeds_of(0, BEST) | seeds_of(2, WORSE), 2) is None
    lost = seeds_of(1, BEST) | {(1, 4): run(1, 4, 0.0, "FAILED")}
    assert verdict(lost | seeds_of(2, WORSE), 2) is None


def test_the_rival_is_the_best_on_the_same_seeds() -> None:
    """Trial 3 has only one seed, on which it is best; of the trials with all four, 1 is better than 2."""
    runs = seeds_of(1, BEST) | seeds_of(2, WORSE) | seeds_of(3, [0.9]) | seeds_of(4, [0.1, 0.1, 0.1, 0.1])
    assert verdict(runs, 4) == (
        "wilcoxon: val/auc 0.1 over 4 seeds, surely worse than trial 1 with 0.715 (p < 0.1)"
    )


def test_confirmation_runs_are_never_given_up() -> None:
    assert verdict(seeds_of(1, BEST) | seeds_of(2, WORSE), 2, seed=1000) is None


levels = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=5)


@given(st.lists(levels, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_verdicts_depend_on_the_runs_alone_and_leave_somebody(
    candidates: list[list[float]], order: Any
) -> None:
    runs: dict[RunKey, RunResult] = {}
    for number, values in enumerate(candidates, start=1):
        runs |= seeds_of(number, values)
    shuffled = list(runs.items())
    order.shuffle(shuffled)
    verdicts = [verdict(runs, number) for number in range(1, len(candidates) + 1)]
    assert verdicts == [verdict(dict(shuffled), number) for number in range(1, len(candidates) + 1)]
    assert None in verdicts


LINES = ("loss.weight=0.1,0.2,0.3",)


def made(tmp_path: Path, *lines: str, max_steps: int = 100) -> object:
    sweep = read(*LINES, *lines)
    check_pruner(sweep.settings, max_steps, sweep.settings.trainer.eval_every)
    return pruning_of(sweep.settings, policy_of(sweep), book(tmp_path), sweep.settings.trainer.eval_every)


def test_the_configuration_chooses_the_pruning(tmp_path: Path) -> None:
    assert isinstance(made(tmp_path), NoPruning)
    assert isinstance(made(tmp_path, "pruner=patient", "pruner@pruner.wrapped=asha"), OnFirstSeed)
    assert isinstance(made(tmp_path, "pruner=wilcoxon"), AcrossSeeds)
    assert policy_of(read(*LINES, "pruner=median")).is_screened
    assert policy_of(read(*LINES, "pruner=wilcoxon")).is_seed_major
    assert not policy_of(read(*LINES)).is_staged


@pytest.mark.parametrize("name", ["median", "hyperband", "wilcoxon"])
def test_a_pruner_is_refused_for_several_objectives(name: str) -> None:
    with pytest.raises(UserError, match=rf"pruner: got {name} with 2 objectives .*none. Use pruner=none, or"):
        read(*LINES, f"pruner={name}", "study.metrics=[score,bce:min]")


@pytest.mark.parametrize(
    "lines",
    [
        ("pruner=asha", "pruner.min_steps=101"),
        ("pruner=asha", "pruner.min_steps=26", "pruner.min_early_stopping_rate=1"),
        ("pruner=hyperband", "pruner.min_steps=101"),
        ("pruner=median", "pruner.n_warmup_steps=101"),
        ("pruner=patient", "pruner.wrapped.n_warmup_steps=101"),
    ],
    ids=str,
)
def test_a_pruner_that_begins_after_the_last_step_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"got a first check at step 10\d; expected one within the 100 steps"):
        made(tmp_path, *lines)


SELDOM = ("trainer.eval_every=20",)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            ("pruner=asha", "pruner.min_early_stopping_rate=50"),
            "pruner.min_early_stopping_rate: got a first check at a step beyond counting; expected one",
        ),
        (("pruner=asha", "pruner.min_early_stopping_rate=999999999"), "at a step beyond counting"),
        (
            ("trainer.eval_every=20", "pruner=asha", "pruner.min_early_stopping_rate=2"),
            "pruner.min_early_stopping_rate: got a first check at step 320; expected one within the 100",
        ),
        (
            ("trainer.eval_every=20", "pruner=hyperband", "pruner.max_steps=19"),
            "pruner.max_steps: got 19; expected at least 20, the step of the first evaluation",
        ),
        (("pruner=percentile", "pruner.percentile=0"), "pruner.percentile: got 0"),
        (("pruner=percentile", "pruner.percentile=100"), "pruner.percentile: got 100"),
        (("pruner=wilcoxon", "pruner.n_startup_seeds=1"), "pruner.n_startup_seeds: got 1"),
        (
            ("pruner=patient", "pruner@pruner.wrapped=hyperband", "pruner.wrapped.max_steps=5", *SELDOM),
            "pruner.wrapped.max_steps: got 5; expected at least 20",
        ),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_by_their_key(lines: tuple[str, ...], fault: str) -> None:
    with pytest.raises(UserError, match=re.escape(fault)):
        read(*LINES, "trainer.max_steps=100", *lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("trainer.eval_every=20", "pruner=asha", "pruner.min_early_stopping_rate=1"),
        ("trainer.eval_every=20", "pruner=hyperband", "pruner.max_steps=20"),
        ("trainer.eval_every=200", "pruner=hyperband", "pruner.max_steps=100"),
        ("pruner=percentile", "pruner.percentile=0.1"),
    ],
    ids=str,
)
def test_options_at_the_edge_of_sense_are_accepted(lines: tuple[str, ...]) -> None:
    assert read(*LINES, "trainer.max_steps=100", *lines).settings.pruner.name == lines[-2].partition("=")[2]


def test_the_length_of_a_run_may_be_known_late(tmp_path: Path) -> None:
    lines = ("trainer.max_steps=null", "trainer.epochs=1", "pruner=asha", "pruner.min_steps=50")
    assert made(tmp_path, *lines, max_steps=50) is not None
    with pytest.raises(UserError, match="within the 49 steps"):
        made(tmp_path, *lines, max_steps=49)


def test_what_a_pruner_cannot_work_with_is_said_by_its_key() -> None:
    assert faults(*LINES, "pruner=threshold") == [
        "pruner: got no bound; expected a number for lower or upper (from override 'pruner=threshold')"
    ]
    assert faults(*LINES, "pruner=patient", "pruner.wrapped=asha") == [
        "pruner.wrapped: got 'asha'; a pruner is chosen by its group: pruner@pruner.wrapped=asha "
        "(from override 'pruner.wrapped=asha')"
    ]
    assert faults(*LINES, "pruner=hyperband", "pruner.min_steps=20", "pruner.max_steps=10") == [
        "pruner: got min_steps=20; expected at most max_steps=10 (from override 'pruner=hyperband')"
    ]


def warnings_of(*lines: str, n_seeds: int = 3) -> list[str]:
    settings = read(*LINES, *lines).settings
    n_evaluations = -(-100 // settings.trainer.eval_every)
    return pruner_warnings(settings, n_evaluations, n_seeds=n_seeds, n_candidates=6)


def test_a_pruner_that_can_never_prune_is_a_warning() -> None:
    assert warnings_of("pruner=median") == warnings_of("pruner=wilcoxon", n_seeds=5) == []
    assert warnings_of("pruner=wilcoxon") == [
        "pruner.p_threshold: got 0.1 with 3 seeds; n seeds cannot give a p-value below 1 / 2^n, and one must "
        "be left to save, so that nothing will be pruned. Use study.n_seeds=5 or more, or a larger threshold"
    ]
    assert warnings_of("pruner=wilcoxon", "pruner.p_threshold=0.3") == []
    assert warnings_of("pruner=patient", "pruner.wrapped.n_startup_trials=6") == [
        "pruner.wrapped.n_startup_trials: got 6, but the study has 6 candidates, so that nothing will be "
        "pruned. Choose a smaller one"
    ]
    assert warnings_of("pruner=patient", "pruner.patience=9") == [
        "pruner.patience: got 9, but a run has 10 evaluations, so that nothing will be pruned. "
        "Choose a smaller one, or a smaller trainer.eval_every"
    ]


def test_hyperband_speaks_of_its_brackets(tmp_path: Path) -> None:
    trials = book(tmp_path)
    pruning = OnFirstSeed(HYPERBAND, GRID, trials, EVERY)
    specs = [trials.add({}, {}, trial) for _ in range(9)]
    said = [pruning.after_report(spec, report(spec.number, 100, 0.7 - spec.number / 10)) for spec in specs]
    texts = {text for text in said if text}
    assert texts
    assert all("; not promoted: only the best 1 in 2 at a rung of its bracket goes on" in t for t in texts)
