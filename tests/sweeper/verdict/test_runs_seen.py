"""What the runs say of a comparison: budgets that end too early, and runs that collapsed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweeper.results import StudyResult
from sweeper.verdict import judge
from sweeper.verdict.runs_seen import collapsed, notes_of_runs, remarks_of_runs
from tests.sweeper.factories import CONFIRM_SEEDS, study_result
from tests.sweeper.verdict.test_judging import moved

TRAINER = {"max_steps": 600, "epochs": None, "eval_every": 100, "restore_best": True, "max_seconds": None}


def kept(steps: dict[int, int], trainer: dict[str, Any] = TRAINER) -> StudyResult:
    """The study with the kept step of each trial's runs, by trial; 300 of 600 where nothing is said."""
    result = study_result()
    trials = []
    for trial in result.trials:
        spec = trial.spec.model_copy(update={"config": {**trial.spec.config, "trainer": trainer}})
        step = steps.get(trial.spec.number, 300)
        trials.append(
            replace(trial, spec=spec, runs={s: replace(r, best_step=step) for s, r in trial.runs.items()})
        )
    return replace(result, trials=tuple(trials))


def test_models_that_are_best_in_the_middle_need_no_note() -> None:
    assert notes_of_runs(kept({})) == ()


def test_where_most_baselines_were_still_improving_that_is_told_apart_from_the_candidates() -> None:
    (note,) = notes_of_runs(kept({0: 600}))
    assert note.startswith(
        "In 6 of 6 baseline runs and 0 of 12 candidate runs the kept model is that of the last"
    )
    assert '"worse" may mean slower' in note
    assert "trainer.max_steps (now 600) up" in note


def test_where_most_candidates_were_the_baseline_is_told_too() -> None:
    (note,) = notes_of_runs(kept({2: 600, 3: 600}))
    assert "0 of 6 baseline runs and 9 of 12 candidate runs" in note
    assert notes_of_runs(kept({3: 600})) == ()  # 6 of 12 are no majority


def test_a_model_that_is_best_at_once_wants_evaluations_more_often() -> None:
    (note,) = notes_of_runs(kept({0: 100, 1: 100}))
    assert "6 of 6 baseline runs and 3 of 12 candidate runs the kept model is that of the first" in note
    assert "trainer.eval_every (now 100) down" in note


def test_one_evaluation_is_neither_first_nor_last() -> None:
    (note,) = notes_of_runs(kept(dict.fromkeys(range(4), 600), {**TRAINER, "eval_every": 600}))
    assert "there was one evaluation only" in note


def test_epochs_are_named_where_they_are_what_is_set_and_last_models_are_last_by_intention() -> None:
    (note,) = notes_of_runs(kept({0: 600}, {**TRAINER, "max_steps": None, "epochs": 3}))
    assert "trainer.epochs (now 3) up" in note
    assert notes_of_runs(kept({0: 600}, {**TRAINER, "restore_best": False})) == ()


def test_notes_are_the_judgement_s() -> None:
    assert any("6 of 6 baseline runs" in note for note in judge(kept({0: 600})).notes)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_run_far_worse_than_its_siblings_is_named_and_one_far_better_is_not(sign: int) -> None:
    rng = np.random.default_rng(0)
    values = {n: {s: float(rng.standard_normal()) for s in range(3)} for n in range(4)}
    assert collapsed(values, sign) == []
    values[2][1] = -30.0 * sign
    values[3][0] = 30.0 * sign
    assert collapsed(values, sign) == [(2, 1)]


def test_of_few_runs_nobody_can_tell_who_collapsed() -> None:
    assert collapsed({0: {0: 1.0, 1: -9.0}, 1: {0: 1.0, 1: 1.1}}, 1) == []
    assert (
        collapsed({0: {0: 1.0, 1: 1.0, 2: -9.0}, 1: {0: 1.0, 1: 1.0, 2: 1.0}}, 1) == []
    )  # no noise to compare


def test_runs_without_a_collapse_hardly_ever_count_as_one() -> None:
    """500 studies of four trials with three or six runs each."""
    rng = np.random.default_rng(1)
    n = sum(
        bool(collapsed({t: dict(enumerate(rng.standard_normal(6 if t < 2 else 3))) for t in range(4)}, 1))
        for _ in range(500)
    )
    assert n <= 15


def test_the_winner_s_runs_exclude_only_so_much() -> None:
    """1 - 0.05 ** (1 / 6) = 1 - exp(-2.9957 / 6) = 0.393."""
    steps = dict(zip(CONFIRM_SEEDS, (-0.0005, 0.0, 0.0005), strict=True))
    judged = judge(moved(study_result(), 3, steps))
    assert judged.verdict == "better"
    assert judged.remarks == remarks_of_runs(study_result(), 3)
    assert "None of the winner's 6 runs" in judged.remarks[0]
    assert "more than 39 % of runs" in judged.remarks[0]


def test_a_collapsed_run_is_named_with_its_siblings_and_takes_the_remark_away() -> None:
    result = study_result()
    trial = result.trials[0]
    run = trial.runs[1001]
    runs = {**trial.runs, 1001: replace(run, metrics={**run.metrics, "val/ctcvr_auc": 0.2})}
    result = replace(result, trials=(replace(trial, runs=runs), *result.trials[1:]))
    (note,) = notes_of_runs(result)
    assert "baseline seed 1001 (0.2000, others 0.7400 to 0.7402)" in note
    assert remarks_of_runs(result, 3) == ()
