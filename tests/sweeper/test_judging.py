"""From runs on disk to a judgement."""

from dataclasses import replace
from pathlib import Path

from sweeper.judging import best_of, judge
from sweeper.layout import StudyFolder
from sweeper.results import RunResult, StudyResult
from sweeper.run_state import Policy
from tests.sweeper.factories import AUC, study_result


def policy(result: StudyResult) -> Policy:
    return Policy(result.seeds, result.confirm_seeds, result.objectives, None, 0.5, 3)


def with_run(result: StudyResult, number: int, run: RunResult) -> StudyResult:
    trials = [
        replace(trial, runs={**trial.runs, run.seed: run}) if trial.spec.number == number else trial
        for trial in result.trials
    ]
    return replace(result, trials=tuple(trials))


def test_the_candidate_to_confirm_is_best_on_validation(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    complete = [
        trial for trial in result.candidates if trial.mean(result.seeds, f"val/{AUC.metric}") is not None
    ]
    best = max(complete, key=lambda trial: trial.mean(result.seeds, f"val/{AUC.metric}") or 0)
    assert best_of(result.trials, policy(result)) == best.spec.number


def test_without_a_complete_baseline_nothing_is_confirmed(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    trials = [replace(t, state="FAILED") if t.spec.role == "baseline" else t for t in result.trials]
    assert best_of(trials, policy(result)) is None


def test_a_baseline_that_failed_is_no_reference(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    trials = tuple(
        replace(t, state="FAILED", reason="seed 0: loss is nan") if t.spec.role == "baseline" else t
        for t in result.trials
    )
    judged = judge(replace(result, trials=trials))
    assert judged.verdict == "no result"
    assert "loss is nan" in judged.sentence


def test_a_second_confirmed_winner_is_said_to_weaken_the_verdict(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    assert not [note for note in judge(result).notes if "fresh study.confirm_seeds" in note]
    best = judge(result).best
    other = next(trial for trial in result.candidates if trial.spec.number != best)
    seed = result.confirm_seeds[0]
    run = RunResult(other.spec.number, seed, "COMPLETE", metrics={f"test/{AUC.metric}": 0.7})
    notes = judge(with_run(result, other.spec.number, run)).notes
    assert [note for note in notes if "2 candidates have been confirmed" in note]
