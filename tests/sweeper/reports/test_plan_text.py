"""The way that a staged plan has taken, in the report, on the terminal and in MLflow."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from sweeper.findings import Decision
from sweeper.reports.leaderboard_table import leaderboard_of
from sweeper.reports.plan_text import plan_line
from sweeper.reports.report_text import report_markdown
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import Summary, as_json, from_json
from sweeper.results import StudyResult
from sweeper.watch import tracked
from tests.sweeper.factories import judgement, study_result

FIRST = Decision(stage="first", trials=(1,), best=1, value=0.7411, go="last", because="best is 0.7411 (a)")
LAST = Decision(stage="last", trials=(2, 3))


def staged(*decisions: Decision) -> StudyResult:
    return replace(study_result(), plan="mine", decisions=decisions)


def summary(*decisions: Decision) -> Summary:
    return summary_of(staged(*decisions), judgement())


def test_the_report_has_a_row_a_stage_with_its_trials_its_decision_and_why() -> None:
    text = report_markdown(staged(FIRST, LAST), judgement(), summary(FIRST, LAST), [])
    section = text.partition("## The way taken")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    assert rows[0] == ["stage", "trials", "best val ctcvr_auc", "decision", "why"]
    assert rows[2] == ["first", "1 lambda=0.05", "0.7411", "last", "best is 0.7411 (a)"]
    assert rows[3] == ["last", "2 lambda=0.1, 3 lambda=0.2", "-", "not over", ""]


def test_a_line_on_the_terminal_says_the_way_and_the_last_reason() -> None:
    over = FIRST.model_copy(update={"go": "stop"})
    assert plan_line(summary(over)) == "plan mine: first > stop (best is 0.7411 (a))"
    assert plan_line(summary(FIRST, LAST)) == "plan mine: first > last > not over"
    console = Console(width=200, record=True, file=StringIO())
    console.print(leaderboard_of(summary(over)))
    assert plan_line(summary(over)) in console.export_text()


def test_a_study_without_stages_says_nothing_of_a_plan() -> None:
    plain = summary_of(study_result(), judgement())
    assert plan_line(plain) == tracked.plan_in_words(plain) == ""
    assert "way taken" not in report_markdown(study_result(), judgement(), plain, [])


def test_the_decisions_are_in_the_summary_and_come_back_from_it() -> None:
    written = as_json(summary(FIRST, LAST))
    assert written["plan"]["name"] == "mine"
    assert [one["go"] for one in written["plan"]["decisions"]] == ["last", None]
    assert from_json(written).plan == summary(FIRST, LAST).plan


def test_mlflow_is_told_the_way() -> None:
    assert tracked.plan_in_words(summary(FIRST, LAST)) == "mine: first > last > not over"
