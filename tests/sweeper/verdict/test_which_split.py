"""Studies whose runs know no test value: validation judges what it chose, and every word says so."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.layout import StudyFolder
from sweeper.reports.leaderboard_table import leaderboard_of
from sweeper.reports.report import write_report
from sweeper.reports.summary import read_summary
from sweeper.results import JudgedOn, Objective, RunResult, RunState, StudyResult, TrialResult
from sweeper.verdict.judging import judge
from sweeper.verdict.which_split import judged_on, notes_of_split
from sweeper.watch.tracked import summary_numbers
from tests.sweeper.factories import AUC, LOSS, study_result


def without_test(result: StudyResult, *metrics: str) -> StudyResult:
    """The study whose runs lack the test values of `metrics`, or of all, judged as a session would."""

    def bare(run: RunResult) -> RunResult:
        gone = {key for key in run.metrics if key.startswith("test/")}
        gone = gone & {f"test/{one}" for one in metrics} if metrics else gone
        return replace(run, metrics={key: value for key, value in run.metrics.items() if key not in gone})

    trials = tuple(
        replace(trial, runs={seed: bare(run) for seed, run in trial.runs.items()}) for trial in result.trials
    )
    return replace(result, trials=trials, judged_on=judged_on(trials, result.objectives))


def with_state(trial: TrialResult, state: RunState) -> TrialResult:
    runs = {seed: replace(run, state=state) for seed, run in trial.runs.items()}
    return replace(trial, runs=runs)


FULL, BARE = study_result(), without_test(study_result())


@pytest.mark.parametrize(
    ("trials", "split"),
    [
        (FULL.trials, "test"),
        (BARE.trials, "val"),
        ((FULL.trials[0], *BARE.trials[1:]), "test"),
        ((with_state(FULL.trials[0], "FAILED"), *BARE.trials[1:]), "val"),
        (tuple(with_state(trial, "RUNNING") for trial in BARE.trials), "test"),
        ((), "test"),
    ],
    ids=["all", "none", "one trial", "of a failed run only", "nothing is known", "no trial"],
)
def test_validation_judges_where_no_complete_run_knows_a_test_value(
    trials: tuple[TrialResult, ...], split: JudgedOn
) -> None:
    assert judged_on(trials, [AUC]) == split


def test_of_several_objectives_one_without_a_test_value_is_enough() -> None:
    both = (AUC, LOSS)
    assert judged_on(without_test(FULL, "bce").trials, both) == "val"
    assert judged_on(FULL.trials, both) == "test"


@pytest.mark.parametrize(
    ("shift", "relation"),
    [(0.0, "better than"), (-0.003, "not distinguishable from"), (-0.006, "worse than")],
)
def test_the_sentence_says_that_validation_chose_what_it_judges(shift: float, relation: str) -> None:
    """Candidates gain 0.001 a number on each seed; trial 3 is moved on its confirmation seeds, by turns."""
    runs = dict(BARE.trials[3].runs)
    for i, seed in enumerate(BARE.confirm_seeds):
        moved = runs[seed].metrics["val/ctcvr_auc"] + shift + (i - 1) * 0.0005
        runs[seed] = replace(runs[seed], metrics={**runs[seed].metrics, "val/ctcvr_auc": moved})
    judged = judge(replace(BARE, trials=(*BARE.trials[:3], replace(BARE.trials[3], runs=runs))))
    begin = f"lambda=0.2 is {relation} the baseline on validation, which also chose it: ctcvr_auc improvement"
    assert judged.sentence.startswith(begin)
    assert judged.sentence.endswith("(validation split, 3 confirmation seeds).")
    assert judged.notes[0] == notes_of_split("val")[0]


def test_a_confirmation_run_needs_a_value_on_the_split_that_judges() -> None:
    run = replace(BARE.trials[3].runs[1001], metrics={})
    trial = replace(BARE.trials[3], runs={**BARE.trials[3].runs, 1001: run})
    judged = judge(replace(BARE, trials=(*BARE.trials[:3], trial)))
    assert "candidate failed on 1 of 3 seeds (1001: no finite value on validation)" in judged.sentence


ALLOWED = (
    '"test": null',
    "a value, as test/",
    "no run has a value on test",
    f"no run has a value of {AUC.metric} and {LOSS.metric} on test",
    "is a single test;",
)


@pytest.mark.parametrize("objectives", [(AUC,), (AUC, LOSS)], ids=["one", "two"])
@pytest.mark.parametrize("guards", [(), ("bce <= 0.01",)], ids=["", "guards"])
def test_nothing_that_is_shown_speaks_of_a_test_split(
    tmp_path: Path, objectives: tuple[Objective, ...], guards: tuple[str, ...]
) -> None:
    folder = StudyFolder(tmp_path / "study")
    full = study_result(folder, objectives=objectives, min_effect=0.0001, data={})
    result = without_test(replace(full, guards=guards if len(objectives) == 1 else ()))
    summary = write_report(folder, result, judge(result))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(leaderboard_of(summary))
    files = [path.read_text() for path in (folder.report_md, folder.report_html, folder.summary)]
    files[1] = files[1].partition("<script")[0]  # what follows is code, and figures of validation
    for text in (*files, console.export_text()):
        for allowed in ALLOWED:
            text = text.replace(allowed, "")
        assert "test" not in text
    assert read_summary(folder).judged_on == "val"
    assert not {key for key in summary_numbers(summary) if "test" in key}


def test_a_front_names_what_has_no_value_on_test() -> None:
    judged = judge(without_test(replace(study_result(), objectives=(AUC, LOSS)), LOSS.metric))
    assert f"since no run has a value of {LOSS.metric} on test:" in judged.notes[0]


def test_a_study_with_a_test_split_says_nothing_new(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    result = study_result(folder)
    write_report(folder, result, judge(result))
    assert "judged_on" not in folder.summary.read_text()
    assert read_summary(folder).judged_on == "test"
    assert notes_of_split("test") == ()
