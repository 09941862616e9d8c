"""`trainer.success`: what a criterion may look like, and what is told of it and where."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sweeper.criteria import OPERATORS, Criterion, parse
from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.reports.leaderboard_table import in_one_line, leaderboard_of
from sweeper.reports.report import trials_csv
from sweeper.reports.report_text import report_markdown
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import as_json, from_json
from sweeper.results import RunResult, StudyResult, TrialResult
from sweeper.schema import RunSettings
from sweeper.study.proposals import drafts_of
from sweeper.study.single import _success
from sweeper.study.specs import TaskSpecs
from sweeper.verdict.success import (
    check_criteria,
    check_trial,
    n_met_in_words,
    result_lines,
    unknown_figures,
    unknown_figures_in,
)
from sweeper.watch.terminal import Terminal
from sweeper.watch.tracked import Shown, end_update
from tests.commands import sweeper
from tests.sweeper.factories import (
    AUC,
    LOSS,
    front_judgement,
    judgement,
    study_result,
    study_start,
    trial_spec,
)
from tests.sweeper.small_esmm import read_line, small_sweep
from tests.sweeper.study.test_single import SMALL
from tests.sweeper.watch.test_terminal import plain_console, printed
from tests.sweeper.worker.toy_jobs import CONFIG

ALL = Shown(frozenset(), is_all=True)
CRITERIA = ["ctcvr_auc > 0.742", "val/bce / test/bce < 1.5", "recal > 0.95"]


def with_success(*criteria: str, **changes: Any) -> StudyResult:
    return study_result(config={"trainer": {"success": list(criteria or CRITERIA)}}, **changes)


def trial_with(*figures: dict[str, float] | None, state: Any = "COMPLETE") -> TrialResult:
    """A trial whose runs on seeds 0, 1, ... have these figures; None: the run failed."""
    runs = {
        seed: RunResult(1, seed, "FAILED" if found is None else "COMPLETE", metrics=found or {})
        for seed, found in enumerate(figures)
    }
    return TrialResult(trial_spec(1, 0.1), state, None, runs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("full_match > 0.85", ("val/full_match", None, ">", 0.85)),
        ("bce<5e-3", ("val/bce", None, "<", 0.005)),
        ("test/recall >= .95", ("test/recall", None, ">=", 0.95)),
        ("val/bce / train/bce < 1.5", ("val/bce", "train/bce", "<", 1.5)),
        ("val/bce/train/bce <= 1.5", ("val/bce", "train/bce", "<=", 1.5)),
        ("test/f1 / val/accuracy > 1", ("test/f1", "val/accuracy", ">", 1.0)),
        ("  val / train  bce < 1.5 ", ("val/bce", "train/bce", "<", 1.5)),
        ("test_time < -1", ("val/test_time", None, "<", -1.0)),
    ],
)
def test_a_criterion_is_a_metric_or_a_ratio_against_a_number(text: str, expected: tuple[Any, ...]) -> None:
    assert parse(text) == Criterion(" ".join(text.split()), *expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "recall", "recall >", "> 0.9", "recall = 0.9", "recall == 0.9", "recall >> 0.9"),
        *("0.9 < recall", "recall > high", "recall > nan", "0.5 < recall < 1", "full match > 0.5"),
        *("val / train < 1.5", "recall / precision > 1", "val/bce / train < 1.5", "dev/bce < 1"),
    ],
)
def test_anything_else_is_refused_with_what_was_got_and_expected(text: str) -> None:
    with pytest.raises(ValueError, match=f"^got '{re.escape(text)}'; expected '<metric> <op> <number>'"):
        parse(text)


@given(value=st.floats(-1e6, 1e6), bound=st.floats(-1e6, 1e6))
def test_of_an_operator_and_its_contrary_exactly_one_is_met(value: float, bound: float) -> None:
    for op, contrary in (("<", ">="), (">", "<=")):
        told = check_criteria([parse(f"x {one} {bound!r}") for one in (op, contrary)], {"val/x": value}.get)
        assert [one.met for one in told].count(True) == 1
        assert told[0].met is OPERATORS[op](value, bound)


def test_a_bound_itself_is_met_only_by_operators_that_include_it() -> None:
    told = check_criteria([parse(f"x {op} 0.5") for op in ("<", "<=", ">", ">=")], {"val/x": 0.5}.get)
    assert [one.met for one in told] == [False, True, False, True]


def test_a_trial_is_told_by_means_over_its_screening_seeds_a_ratio_by_that_of_two_means() -> None:
    """Val 0.2, 0.4, train 0.1, 0.4: 0.3 / 0.25 = 1.2, the mean ratio 1.5. Seed 2 does not count."""
    trial = trial_with(*({"val/bce": v, "train/bce": t} for v, t in ((0.2, 0.1), (0.4, 0.4), (9.0, 0.1))))
    bce, ratio = check_trial([parse("bce < 0.35"), parse("val / train bce < 1.5")], trial, (0, 1))
    assert (bce.criterion, bce.met, ratio.met) == ("bce < 0.35", True, True)
    assert [bce.value, ratio.value] == pytest.approx([0.3, 1.2])


@pytest.mark.parametrize(
    "trial",
    [
        trial_with({"val/bce": 0.2}, {"val/bce": 0.2, "train/bce": 0.1}),
        trial_with({"val/bce": 0.2, "train/bce": 0.0}),
        trial_with({"val/bce": 0.2, "train/bce": 0.2}, None, state="FAILED"),
        trial_with({"val/bce": 0.2, "train/bce": 0.2}, state="PRUNED"),
        trial_with(),
    ],
    ids=["one run stored without it", "zero divisor", "failed", "pruned", "no run"],
)
def test_what_cannot_be_told_is_neither_met_nor_missed(trial: TrialResult) -> None:
    [told] = check_trial([parse("val/bce / train/bce < 1.5")], trial, (0, 1))
    assert (told.value, told.met) == (None, None)
    assert result_lines([told]) == ["val/bce / train/bce < 1.5: not available"]
    assert n_met_in_words([told]) == "-"


def test_a_metric_that_the_task_lacks_is_named_with_the_nearest_of_the_same_split() -> None:
    known = {"val/recall", "test/recal", "val/bce"}
    assert unknown_figures([parse("recal > 0.9"), parse("bce < 1")], known) == [
        "trainer.success: 'recal > 0.9' cannot be told: no run has a finite val/recal so far; "
        "did you mean 'recall'?"
    ]


def test_each_figure_of_a_ratio_that_is_not_there_is_told() -> None:
    ratio = [parse("val/bce / train/bce < 1.5")]
    told = "trainer.success: 'val/bce / train/bce < 1.5' cannot be told: no run has a finite {} so far"
    assert unknown_figures(ratio, {"val/bce"}) == [told.format("train/bce")]
    assert unknown_figures(ratio, {"train/bce"}) == [told.format("val/bce")]
    assert unknown_figures(ratio, {"val/bce", "train/bce"}) == []


def test_before_any_run_is_complete_nothing_is_said_to_be_missing() -> None:
    result = with_success()
    assert len(unknown_figures_in(result)) == 1
    assert unknown_figures_in(replace(result, trials=())) == []
    runs = {0: RunResult(1, 0, "FAILED", "loss is nan"), 1: RunResult(1, 1, "INTERRUPTED")}
    assert unknown_figures_in(replace(result, trials=(replace(result.trials[1], runs=runs),))) == []


def test_the_documented_criteria_of_captcha_compose() -> None:
    criteria = read_line("task=captcha", multirun=False).settings.trainer.success
    assert criteria == (
        "full_match > 0.85",
        "recall > 0.95",
        "precision > 0.95",
        "bce < 0.005",
        "val/bce / train/bce < 1.5",
    )


def test_a_bad_criterion_is_one_fault_of_the_user_s_that_names_its_place_and_source(tmp_path: Path) -> None:
    given = '["ctcvr_auc > 0.7","recall is high"]'
    expected = r"^trainer\.success\.1: got 'recall is high'; expected '<metric> <op> <number>' .*override"
    with pytest.raises(UserError, match=expected) as caught:
        small_sweep(tmp_path, f"trainer.success={given}", "aux_focal.gamma=1,2")
    assert len(caught.value.faults) == 1


def test_criteria_change_neither_the_study_s_name_nor_a_fingerprint(tmp_path: Path) -> None:
    found = []
    for more in ((), ('trainer.success=["ctcvr_auc > 0.7"]',), ("trainer.patience=7",)):
        sweep = small_sweep(tmp_path, "aux_focal.gamma=1,2", *more)
        factory = TaskSpecs(sweep)
        prints = [draft.fingerprint for draft in drafts_of(sweep, factory)]
        found.append((factory.study_name(), factory.fixed(), prints))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]


def test_a_job_that_was_stored_before_there_were_criteria_is_still_valid() -> None:
    old = {key: CONFIG[key] for key in ("task", "optimizer", "trainer")}
    assert "success" not in old["trainer"]
    assert RunSettings.model_validate_json(json.dumps(old)).trainer.success == ()


def test_the_summary_tells_each_trial_and_warns_of_what_is_not_there() -> None:
    """Trial 3 has 0.7431 on validation, the baseline 0.7401; bce is 0.5 - auc / 10 on both splits."""
    facts = summary_of(with_success(with_failure=True), judgement())
    told = {trial.trial: [one.met for one in trial.success] for trial in facts.trials}
    assert told[0] == [False, True, None]
    assert told[3] == [True, True, None]
    assert told[4] == [None, None, None]
    first = facts.trials[3].success[0]
    assert (first.criterion, first.met) == ("ctcvr_auc > 0.742", True)
    assert first.value == pytest.approx(0.7431)
    assert "val/recal so far" in facts.warnings[-1]
    json.dumps(as_json(facts), allow_nan=False)


def test_the_report_has_a_row_a_trial_and_a_column_a_criterion_best_first() -> None:
    result = with_success(with_failure=True)
    text = report_markdown(result, judgement(), summary_of(result, judgement()), [])
    section = text.partition("## Success criteria\n\n")[2].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section]
    assert [unescape(cell) for cell in cells[0]] == ["trial", *CRITERIA, "met"]
    assert cells[2] == ["lambda=0.2 (best)", "0.7431 met", "1.000 met", "not available", "2 of 3"]
    assert cells[5] == ["baseline", "0.7401 not met", "1.000 met", "not available", "1 of 3"]
    assert cells[6] == ["lambda=9.0", *["not available"] * 3, "-"]
    assert text.count("no run has a finite val/recal so far") == 1


def test_without_criteria_nothing_is_told_anywhere() -> None:
    result = study_result()
    facts = summary_of(result, judgement())
    assert "Success criteria" not in report_markdown(result, judgement(), facts, [])
    assert in_one_line(facts) == ""
    assert not [
        key for key in end_update(trial_spec(1, 0.1), result.trials[1].runs[0], ALL, 0).tags if "succ" in key
    ]


def test_the_table_of_runs_has_no_criteria(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    assert trials_csv(folder, with_success()) == trials_csv(folder, study_result())


def test_best_and_baseline_or_the_front_are_told_in_one_line() -> None:
    assert in_one_line(summary_of(with_success(), judgement())) == "success: best 2 of 3, baseline 1 of 3"
    facts = summary_of(with_success(objectives=(AUC, LOSS)), front_judgement())
    assert in_one_line(facts) == "success: baseline 1 of 3, lambda=0.2 2 of 3"


def test_a_summary_of_before_there_were_criteria_is_still_shown() -> None:
    document = as_json(summary_of(with_success(), judgement()))
    for entry in (document["baseline"], document["best"], *document["trials"]):
        for key in ("success", "train"):
            entry.pop(key, None)
    console = plain_console()
    console.print(leaderboard_of(from_json(document)))
    assert "lambda=0.2" in "\n".join(printed(console))
    assert "success" not in "\n".join(printed(console))


def test_mlflow_has_count_and_words_for_a_complete_run_and_nothing_for_another() -> None:
    spec = trial_spec(1, 0.1).model_copy(update={"config": {"trainer": {"success": ["bce < 1", "bce > 1"]}}})
    tags = end_update(spec, RunResult(1, 0, "COMPLETE", metrics={"val/bce": 0.25}), ALL, 0).tags
    assert tags["sweeper.success"] == "1 of 2"
    assert tags["sweeper.success_criteria"] == "bce < 1: 0.2500 met\nbce > 1: 0.2500 not met"
    assert "sweeper.success" not in end_update(spec, RunResult(1, 0, "FAILED"), ALL, 0).tags


def test_the_terminal_warns_with_the_first_complete_run_once_and_ends_with_the_count(tmp_path: Path) -> None:
    result, console = with_success(), plain_console()
    terminal = Terminal(console)
    terminal.study_started(study_start(StudyFolder.of(tmp_path, "s"), config=result.config))
    spec, runs = result.trials[1].spec, result.trials[1].runs
    terminal.run_ended(spec, RunResult(1, 0, "FAILED", reason="loss is nan"))
    assert "warning" not in "\n".join(printed(console))
    terminal.run_ended(spec, runs[0])
    assert "val/recal so far" in " ".join(printed(console)[-2:])
    terminal.run_ended(spec, runs[1])
    terminal.study_ended(result, summary_of(result, judgement()))
    text = "\n".join(printed(console))
    assert text.count("warning: ") == 1
    assert "success: best 2 of 3, baseline 1 of 3" in text


def test_one_run_alone_tells_its_criteria_in_a_line_each(tmp_path: Path) -> None:
    criteria = '["val / train bce < 100","ctcvr_auc > 1"]'
    words = (*SMALL, f"trainer.success={criteria}", "executor.devices=cpu")
    printed = sweeper(tmp_path, *words)
    told = [line for line in printed.splitlines() if line.startswith("success: ")]
    assert [re.sub(r": [\d.]+ ", ": X ", line) for line in told] == [
        "success: val / train bce < 100: X met",
        "success: ctcvr_auc > 1: X not met",
    ]


def test_one_run_alone_of_an_unknown_metric_warns_with_the_nearest() -> None:
    told, warning = _success([parse("ctcvr_acc > 0")], {"val/ctcvr_auc": 0.7})
    assert told == "success: ctcvr_acc > 0: not available"
    assert warning.startswith("warning: trainer.success: 'ctcvr_acc > 0' cannot be told")
    assert warning.endswith("did you mean 'ctcvr_auc'?")
