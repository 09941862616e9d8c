"""Equal to the last digit is not "not distinguishable": nothing was compared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports.summary import summary_of
from sweeper.results import StudyResult, TrialResult
from sweeper.verdict import judge
from tests.sweeper.factories import AUC, LOSS, study_result


def like(result: StudyResult, number: int, other: int, *, records: bool = True) -> StudyResult:
    """The study in which trial `number` has the figures of trial `other`, on the seeds that both have."""
    source = result.trials[other].runs
    runs = {
        seed: replace(run, metrics=dict(source[seed].metrics)) if seed in source else run
        for seed, run in result.trials[number].runs.items()
    }
    for seed in () if records else (s for s in runs if s in source):
        path = RunFolder(runs[seed].folder or Path()).records
        np.savez(path, influence_ctcvr_auc=np.arange(400.0))
    return with_trial(result, replace(result.trials[number], runs=runs))


def with_trial(result: StudyResult, trial: TrialResult) -> StudyResult:
    trials = [trial if one.spec.number == trial.spec.number else one for one in result.trials]
    return replace(result, trials=tuple(trials))


def worse_by(result: StudyResult, number: int, by: float) -> StudyResult:
    trial, key = result.trials[number], f"val/{AUC.metric}"
    runs = {
        seed: replace(run, metrics={**run.metrics, key: run.metrics[key] - by})
        for seed, run in trial.runs.items()
    }
    return with_trial(result, replace(trial, runs=runs))


def kept_at(result: StudyResult, step: int, numbers: tuple[int, ...]) -> StudyResult:
    for number in numbers:
        trial = result.trials[number]
        runs = {seed: replace(run, best_step=step) for seed, run in trial.runs.items()}
        result = with_trial(result, replace(trial, runs=runs))
    return result


def test_a_best_candidate_that_equals_the_baseline_was_not_compared(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    for number in (1, 2, 3):
        result = like(result, number, 0)
    judged = judge(result)
    assert judged.verdict == "nothing was compared"
    assert judged.sentence.startswith(
        "Nothing was compared: all 3 candidates equal the baseline to the last digit on every seed. "
    )
    assert judged.look is None
    assert all(
        one is None or one.p_adjusted is None for found in judged.comparisons.values() for one in found
    )
    summary = summary_of(result, judged)
    assert summary.verdict == "nothing was compared"
    assert any("Nothing was compared" in note for note in summary.notes)


def test_a_grid_that_takes_the_baseline_in_has_its_verdict_on_the_others(tmp_path: Path) -> None:
    """All others are worse: the baseline's own configuration is best, and no candidate."""
    result = like(study_result(StudyFolder(tmp_path)), 1, 0)
    for number in (2, 3):
        result = worse_by(result, number, 0.1)
    again = result.trials[1]
    assert judge(result).best == 1
    spec = again.spec.model_copy(update={"fingerprint": result.baseline.spec.fingerprint})
    judged = judge(with_trial(result, replace(again, spec=spec)))
    assert judged.best == 3
    assert judged.verdict != "nothing was compared"
    assert any(f"{again.spec.name}: the baseline again" in note for note in judged.notes)


def test_only_the_best_may_equal_the_baseline(tmp_path: Path) -> None:
    result = like(study_result(StudyFolder(tmp_path), (0.2,)), 1, 0)
    assert "the only candidate equals the baseline" in judge(result).sentence
    confirmed = like(study_result(StudyFolder(tmp_path)), 3, 0)
    judged = judge(replace(confirmed, trials=(confirmed.trials[0], confirmed.trials[3])))
    assert judged.verdict == "nothing was compared"
    assert judged.confirmation is not None
    assert (judged.confirmation.ci_low, judged.confirmation.p_value) == (None, None)
    worse = study_result(StudyFolder(tmp_path / "b"), (0.05, 0.1, 0.2))
    worse = like(like(worse, 1, 0), 2, 0)
    judged = judge(worse)
    assert judged.verdict == "not distinguishable"  # by the same difference on every seed
    (note,) = [note for note in judged.notes if "Nothing was compared" in note]
    assert "lambda=0.05, lambda=0.1" in note


def test_a_metric_that_does_not_tell_two_models_apart_compares_nothing_either(tmp_path: Path) -> None:
    """Two classifiers without an error have the same accuracy, and other records."""
    result = like(study_result(StudyFolder(tmp_path), (0.05, 0.1, 0.2)), 3, 0, records=False)
    judged = judge(replace(result, trials=(result.trials[0], result.trials[3])))
    assert judged.verdict == "nothing was compared"
    assert (
        "equals the baseline in ctcvr_auc to the last digit on every seed. Other figures differ"
        in judged.sentence
    )


@pytest.mark.parametrize("objectives", [(AUC,), (AUC, LOSS)])
def test_models_that_are_kept_before_the_warm_up_ends_are_the_baseline_s(objectives: Any) -> None:
    """The term acts from step 200 on. Figures may differ in the last digit, as on a GPU."""
    result = kept_at(study_result(objectives=objectives), 200, (0, 1, 2, 3))
    for number in (1, 2, 3):
        config = {**result.trials[0].spec.config, "aux_focal": result.trials[number].spec.config["aux_focal"]}
        spec = result.trials[number].spec.model_copy(update={"config": config})
        result = with_trial(result, replace(result.trials[number], spec=spec))
    judged = judge(result)
    assert judged.verdict == "nothing was compared"
    assert "the kept models are of steps before aux_focal.warmup_steps=200" in judged.sentence
    assert (
        "Train longer (trainer.max_steps or trainer.epochs), or lower aux_focal.warmup_steps."
        in judged.sentence
    )
    later = kept_at(result, 300, (0,))
    assert judge(later).verdict != "nothing was compared"


def test_where_some_runs_alone_were_not_compared_their_number_is_told() -> None:
    result = study_result()
    trial = result.trials[3]
    for number in (0, 3):
        runs = dict(result.trials[number].runs)
        runs[1] = replace(runs[1], best_step=100)
        result = with_trial(result, replace(result.trials[number], runs=runs))
    notes = judge(result).notes
    assert any(
        f"In 1 of 6 runs {trial.spec.name} equals the baseline" in note
        and "aux_focal.warmup_steps=200" in note
        for note in notes
    )


def swept(result: StudyResult, number: int, **params: Any) -> StudyResult:
    trial = result.trials[number]
    return with_trial(result, replace(trial, spec=trial.spec.model_copy(update={"params": params})))


def test_a_swept_key_without_any_effect_is_told() -> None:
    """All candidates are equal, and differ from the baseline."""
    result = like(like(study_result(), 1, 3), 2, 3)
    judged = judge(result)
    assert judged.verdict != "nothing was compared"
    assert any(note.startswith("aux_focal.lambda: swept without any effect") for note in judged.notes)
    assert not any("without any effect" in note for note in judge(study_result()).notes)


def test_of_two_swept_keys_the_one_without_effect_is_told() -> None:
    """Trials 1 and 2 differ in beta alone and are equal; 3 has another alpha."""
    result = like(study_result(), 2, 1)
    for number, params in (
        (1, {"alpha": 1, "beta": 1}),
        (2, {"alpha": 1, "beta": 2}),
        (3, {"alpha": 2, "beta": 1}),
    ):
        result = swept(result, number, **params)
    notes = [note for note in judge(result).notes if "without any effect" in note]
    assert [note.partition(":")[0] for note in notes] == ["beta"]
