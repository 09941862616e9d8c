"""From runs on disk to a judgement."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.layout import StudyFolder
from sweeper.results import Judgement, Policy, RunResult, StudyResult, TrialResult
from sweeper.verdict.judging import best_of, judge
from tests.sweeper.factories import AUC, LOSS, study_result, trial_spec


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


def test_a_reason_that_ends_in_a_full_stop_does_not_get_another(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    failed = replace(result.trials[0], state="FAILED", reason="loss is nan. Try again.")
    assert judge(replace(result, trials=(failed, *result.trials[1:]))).sentence.endswith("Try again.")


def test_without_confirmation_seeds_nothing_is_said_to_be_tested(tmp_path: Path) -> None:
    judged = judge(replace(study_result(StudyFolder(tmp_path)), confirm_seeds=()))
    assert (judged.verdict, judged.confirmation) == ("not confirmed", None)
    assert (
        judged.sentence
        == "lambda=0.2 is the best candidate on validation; not confirmed: study.confirm_seeds=0."
    )


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("state", [None, "INTERRUPTED"])
def test_a_confirmation_is_judged_when_all_its_runs_have_ended(
    tmp_path: Path, number: int, state: str | None
) -> None:
    """Seed 1002 of the baseline, or of the best, is missing or interrupted; two pairs are complete."""
    result = study_result(StudyFolder(tmp_path))
    runs = dict(result.trials[number].runs)
    last = runs.pop(result.confirm_seeds[-1])
    if state is not None:
        runs[last.seed] = replace(last, state=state)  # type: ignore[arg-type]
    trials = [replace(t, runs=runs) if t.spec.number == number else t for t in result.trials]
    judged = judge(replace(result, trials=tuple(trials)))
    assert (judged.verdict, judged.confirmation, judged.best) == ("not confirmed", None, 3)
    assert (
        judged.sentence
        == "lambda=0.2 is the best candidate on validation; not confirmed: the confirmation is not complete."
    )


def test_a_confirmation_run_that_failed_is_over_and_left_out(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    judged = judge(with_run(result, 3, RunResult(3, result.confirm_seeds[-1], "FAILED", "loss is nan")))
    assert judged.confirmation is not None
    assert "1002 are left out" in " ".join(judged.notes)


def width(judged: Judgement) -> float:
    """Of the interval of trial 1."""
    (one,) = judged.comparisons[1]
    assert one is not None
    assert one.ci_low is not None
    assert one.ci_high is not None
    return one.ci_high - one.ci_low


@pytest.mark.parametrize("state", ["PRUNED", "FAILED"])
def test_a_trial_that_was_given_up_makes_the_others_no_surer(tmp_path: Path, state: str) -> None:
    result = study_result(StudyFolder(tmp_path))
    lost = TrialResult(trial_spec(4, 0.4), state, "why", {})  # type: ignore[arg-type]
    noisy = with_run(result, 1, replace(result.trials[1].runs[0], metrics={f"test/{AUC.metric}": 0.7}))
    before, after = judge(noisy), judge(replace(noisy, trials=(*noisy.trials, lost)))
    assert width(before) < width(after)
    assert after.confirmation == before.confirmation


def test_a_second_confirmed_winner_is_said_to_weaken_the_verdict(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    assert not [note for note in judge(result).notes if "fresh study.confirm_seeds" in note]
    best = judge(result).best
    other = next(trial for trial in result.candidates if trial.spec.number != best)
    seed = result.confirm_seeds[0]
    run = RunResult(other.spec.number, seed, "COMPLETE", metrics={f"test/{AUC.metric}": 0.7})
    notes = judge(with_run(result, other.spec.number, run)).notes
    assert [note for note in notes if "2 candidates have been confirmed" in note]


def test_influence_values_are_those_of_the_objective_or_none(tmp_path: Path) -> None:
    """The runs have values of ctcvr_auc, which say nothing of the error of bce."""
    result = study_result(StudyFolder(tmp_path))
    of_auc = judge(result).confirmation
    judged = judge(replace(result, objectives=(LOSS,)))
    assert of_auc is not None
    assert judged.confirmation is not None
    assert of_auc.se_examples is not None
    assert judged.confirmation.se_examples is None
    assert "seed noise only" in judged.notes[0]


def test_each_candidate_is_compared_in_each_objective(tmp_path: Path) -> None:
    """The loss is 0.5 - auc / 10: trial 3 gains 0.003 in the one and 0.0003 in the other."""
    judged = judge(replace(study_result(StudyFolder(tmp_path)), objectives=(AUC, LOSS)))
    assert (judged.verdict, judged.front, sorted(judged.comparisons)) == ("front", [3], [1, 2, 3])
    gained = [(one.difference, one.improvement) for one in judged.comparisons[3] if one is not None]
    assert gained == [pytest.approx((0.003, 0.003)), pytest.approx((-0.0003, 0.0003))]
    assert judged.notes == ("The intervals of bce hold seed noise only: there are no influence values.",)


def test_a_front_without_a_complete_baseline_compares_nothing(tmp_path: Path) -> None:
    result = replace(study_result(StudyFolder(tmp_path)), objectives=(AUC, LOSS))
    failed = replace(result.trials[0], state="FAILED", reason="loss is nan")
    assert judge(replace(result, trials=(failed, *result.trials[1:]))).comparisons == {}
