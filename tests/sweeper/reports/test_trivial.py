"""The trivial predictor beside the baseline, and what a task says of its data at the start."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from rich.console import Console

from sweeper.layout import StudyFolder
from sweeper.reports.report import write_report
from sweeper.reports.report_text import report_markdown
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import Summary, Trivial, as_json, from_json
from sweeper.reports.trivial import sentence, trivial_of, warnings as warnings_of
from sweeper.results import Objective, StudyResult
from sweeper.study.specs import in_blocks
from sweeper.watch.terminal import Terminal
from tests.sweeper.factories import AUC, LOSS, front_judgement, judgement, study_result, study_start

WORDS = "one score for all"


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


def knowing(result: StudyResult, **test: float) -> StudyResult:
    """The same study on data whose trivial predictor reaches these figures on test."""
    known = {"trivial_predictor": WORDS, "trivial": {"train": {}, "test": test}}
    return replace(result, data={**result.data, **known})


def told(result: StudyResult) -> Summary:
    return summary_of(result, judgement() if len(result.objectives) == 1 else front_judgement())


def trivial(summary: Summary) -> Trivial:
    assert summary.trivial is not None
    return summary.trivial


def test_the_margin_is_by_how_much_the_baseline_is_better() -> None:
    """On test the baseline has 0.7400, 0.7401 and 0.7402: 0.7401 - 0.5 = 0.2401."""
    facts = told(knowing(study_result(), ctcvr_auc=0.5))
    assert trivial(facts).predictor == WORDS
    assert trivial(facts).test == (0.5,)
    assert trivial(facts).margin == pytest.approx((0.2401,))
    assert sentence(facts) == (
        f"The baseline beats the trivial predictor ({WORDS}) on test: "
        "ctcvr_auc 0.7401 against 0.5000, a margin of 0.2401."
    )
    assert [*warnings_of(facts), *facts.warnings] == []


def test_where_less_is_better_the_margin_is_what_is_saved() -> None:
    """The baseline's bce is 0.5 - 0.07401 = 0.42599, which is 0.07401 less than 0.5."""
    facts = told(knowing(study_result(objectives=(LOSS,)), bce=0.5))
    assert trivial(facts).margin == pytest.approx((0.07401,))


@pytest.mark.parametrize("ahead", [0.0, 0.1])
def test_a_baseline_that_does_not_beat_it_is_a_warning_in_summary_and_report(ahead: float) -> None:
    result = study_result()
    result = knowing(result, ctcvr_auc=told(result).baseline.test[0] + ahead)
    facts = told(result)
    (warning,) = facts.warnings
    assert warning.startswith("baseline: got test ctcvr_auc 0.7401; expected better than 0.")
    assert "The baseline does not beat the trivial predictor" in sentence(facts)
    text = report_markdown(result, judgement(), facts, [])
    assert f"## Warnings\n\n- {warning}" in text


def test_the_report_says_it_below_the_leaderboard_and_does_not_list_the_figures() -> None:
    result = knowing(study_result(), ctcvr_auc=0.5, bce=0.7)
    text = report_markdown(result, judgement(), told(result), [])
    leaderboard, _, rest = text.partition("## Confirmation")
    assert leaderboard.rstrip().endswith("a margin of 0.2401.")
    assert "trivial" not in rest


def test_with_several_objectives_there_are_lists_and_what_is_unknown_is_left_out() -> None:
    facts = told(knowing(study_result(objectives=(AUC, LOSS)), ctcvr_auc=0.5))
    assert trivial(facts).test == (0.5, None)
    assert trivial(facts).margin[0] == pytest.approx(0.2401)
    assert trivial(facts).margin[1] is None
    assert "bce" not in sentence(facts)


def test_of_several_objectives_one_may_be_lost_to_the_trivial_predictor() -> None:
    """It is one end of the front; with none won, nothing was learned."""
    both = study_result(objectives=(AUC, LOSS))
    facts = told(knowing(both, ctcvr_auc=0.5, bce=0.1))
    assert "the baseline wins in ctcvr_auc 0.7401 against" in sentence(facts)
    assert "and loses in bce 0.4260 against" in sentence(facts)
    assert facts.warnings == ()
    lost = told(knowing(both, ctcvr_auc=0.9, bce=0.1))
    assert sentence(lost).startswith("The baseline does not beat")
    assert [warning.split(";")[0] for warning in lost.warnings] == [
        "baseline: got test ctcvr_auc 0.7401",
        "baseline: got test bce 0.4260",
    ]


@pytest.mark.parametrize("known", [{}, {"accuracy": 0.5}])
def test_data_that_do_not_know_the_objectives_figure_say_nothing(known: dict[str, float]) -> None:
    assert trivial_of(knowing(study_result(), **known)) == trivial_of(study_result()) is None
    assert "trivial" not in as_json(told(knowing(study_result(), **known)))
    assert sentence(told(study_result())) == ""


def test_a_baseline_that_failed_has_no_margin() -> None:
    result = knowing(study_result(), ctcvr_auc=0.5)
    failed = replace(result.trials[0], state="FAILED", reason="seed 0: loss is nan")
    facts = told(replace(result, trials=(failed, *result.trials[1:])))
    assert trivial(facts).margin == (None,)
    assert (sentence(facts), warnings_of(facts)) == ("", [])


@given(st.floats(-2, 2), st.sampled_from([AUC, LOSS]))
def test_there_is_a_warning_exactly_where_the_margin_is_not_positive(
    figure: float, objective: Objective
) -> None:
    facts = told(knowing(study_result(objectives=(objective,)), **{objective.metric: figure}))
    (margin,) = trivial(facts).margin
    assert margin is not None
    assert bool(facts.warnings) == (margin <= 0)
    assert from_json(json.loads(json.dumps(as_json(facts)))).trivial == facts.trivial


def test_the_terminal_says_each_warning_of_the_report_once(folder: StudyFolder) -> None:
    result = replace(knowing(study_result(folder), ctcvr_auc=0.9), warnings=("an early one",))
    console = Console(file=io.StringIO(), width=100, highlight=False)
    terminal = Terminal(console)
    terminal.study_started(study_start(folder))
    terminal.warned("an early one")
    terminal.study_ended(result, write_report(folder, result, judgement()))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert printed.count("warning: an early one") == 1
    assert printed.count("warning: baseline: got test ctcvr_auc 0.7401; expected better than 0.9000") == 1


def test_the_terminal_says_what_is_announced_right_after_the_plan(folder: StudyFolder) -> None:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    Terminal(console).study_started(study_start(folder, announced=("57 % positive", "  alpha 0.5")))
    printed = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert printed[0].startswith("study esmm-3f2a91c0: 18 runs planned")
    assert printed[1:] == ["57 % positive", "  alpha 0.5"]


def test_the_report_has_what_was_announced_as_a_block_of_its_data() -> None:
    result = replace(study_result(), announced=("class   n", "a     120"))
    data = report_markdown(result, judgement(), told(result), []).partition("## Data")[2]
    assert "\n\n```\nclass   n\na     120\n```\n\n## How to reproduce" in data
    silent = report_markdown(study_result(), judgement(), told(study_result()), [])
    assert "```" not in silent.partition("## Data")[2].partition("## How to reproduce")[0]


def test_tables_among_the_facts_are_for_programs() -> None:
    """A list of lists has lost its rows and columns where it is written as a line."""
    known = {"counts": {"test": [[3, 1], [2, 4]]}, "shares": [0.5, 0.25]}
    result = replace(study_result(), data={**study_result().data, **known})
    data = report_markdown(result, judgement(), told(result), []).partition("## Data")[2]
    assert "counts" not in data
    assert "- shares: 0.5000, 0.2500" in data


def test_trials_that_say_the_same_are_announced_once_without_names() -> None:
    assert in_blocks([("baseline", ["x", "y"]), ("a", ["x", "y"])]) == ["x", "y"]
    assert in_blocks([("baseline", []), ("a", [])]) == []


def test_lines_with_which_all_trials_begin_are_said_once() -> None:
    """The last line of a and c is the same too, but does not stand at the beginning."""
    said = [("a", ["x", "y", "1", "z"]), ("b", ["x", "y", "2"]), ("c", ["x", "y"]), ("d", ["x", "y", "2"])]
    assert in_blocks(said) == ["x", "y", "in a:", "1", "z", "in b, d:", "2"]


def test_trials_that_say_something_else_are_named_and_at_most_three_are_shown() -> None:
    said = [("baseline", ["x"]), ("a", ["y"]), ("b", ["x"]), ("c", []), ("d", ["z"]), ("e", ["w"])]
    assert in_blocks(said) == [
        *("in baseline, b:", "x", "in a:", "y", "in d:", "z"),
        "in e: not shown",
    ]
