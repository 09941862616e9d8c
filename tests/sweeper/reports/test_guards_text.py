"""Guards in the report, on a terminal, and for a tracking server."""

from sweeper.findings import GuardResult, Pairs
from sweeper.reports.guards_text import guards_line, guards_section
from sweeper.reports.report_text import report_markdown, table
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import as_json, from_json
from sweeper.watch import tracked
from tests.sweeper.factories import judgement, study_result

HELD = GuardResult(
    guard="ctr_auc >= -0.002",
    metric="ctr_auc",
    difference=-0.0003,
    ci_low=-0.001,
    ci_high=0.0004,
    state="held",
)
JUDGED = judgement(guards=(HELD, GuardResult(guard="bce <= 0", metric="bce")))
SUMMARY = summary_of(study_result(), JUDGED)


def test_a_line_for_a_terminal_and_none_without_guards() -> None:
    assert guards_line(SUMMARY) == (
        "guards: ctr_auc >= -0.002 held, -0.00030 [-0.00100, +0.00040]; bce <= 0 unknown"
    )
    assert guards_line(summary_of(study_result(), judgement())) == ""


def test_the_report_has_a_table_after_the_confirmation() -> None:
    text = report_markdown(study_result(), JUDGED, SUMMARY, [])
    section = text.partition("## Confirmation")[2].partition("## Guards")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    assert rows[0] == ["guard", "test difference", "95% interval", "state"]
    assert rows[3] == ["bce &lt;= 0", "-", "-", "unknown"]
    assert guards_section(summary_of(study_result(), judgement()), 0.95, table) == []


def test_the_interval_of_a_guard_is_called_what_it_is_after_several_verdicts() -> None:
    """The winner's and its guards' are as wide as all verdicts of the study together take."""
    grown = SUMMARY.model_copy(update={"pairs": Pairs(budget=4, confidence=0.99391, n_judged=2)})
    assert "| 99.39% interval |" in " ".join(guards_section(grown, 0.95, table)[2].split())


def test_programs_and_the_tracking_server_have_the_figures() -> None:
    assert from_json(as_json(SUMMARY)).guards == JUDGED.guards
    numbers = tracked.summary_numbers(SUMMARY)
    assert {key: value for key, value in numbers.items() if key.startswith("guards/")} == {
        "guards/ctr_auc/difference": -0.0003,
        "guards/ctr_auc/ci_low": -0.001,
        "guards/ctr_auc/ci_high": 0.0004,
    }
    assert tracked.guards_in_words(SUMMARY) == "ctr_auc >= -0.002: held\nbce <= 0: unknown"


def test_a_summary_has_a_champion_unless_a_guard_is_broken() -> None:
    costly = summary_of(study_result(), judgement(verdict="better, but costs bce"))
    assert (sorted(SUMMARY.champions), sorted(costly.champions)) == ([3], [])
    assert [entry.trial for entry in costly.best] == [3]
