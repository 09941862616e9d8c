"""The points of a front against the baseline, in words and in a table."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from sweeper.findings import Comparison
from sweeper.reports.front_text import front_lines, front_section
from sweeper.reports.leaderboard_table import leaderboard_of
from sweeper.reports.report_text import report_markdown, table
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import Summary
from sweeper.watch import tracked
from tests.sweeper.factories import AUC, LOSS, front_judgement, judgement, study_result

SAID = "ctcvr_auc better: +0.0030 [+0.0010, +0.0050]; bce without an interval: -0.00030 -"


def both() -> Summary:
    return summary_of(study_result(objectives=(AUC, LOSS)), front_judgement())


def test_a_terminal_tells_each_point_but_the_baseline() -> None:
    console = Console(width=200, record=True, file=StringIO())
    console.print(leaderboard_of(both()))
    assert front_lines(both()) == [f"lambda=0.2 against the baseline on test: {SAID}"]
    assert front_lines(both())[0] in console.export_text()


def test_the_report_has_a_row_a_point_with_both_objectives() -> None:
    text = report_markdown(study_result(objectives=(AUC, LOSS)), front_judgement(), both(), [])
    section = text.partition("## Front")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    assert rows[0][1:6] == ["val ctcvr_auc", "test ctcvr_auc", "difference", "interval", "p (Holm)"]
    assert rows[2] == [
        *("baseline", "0.7401", "0.7401", "-", "-", "-", "0.4260", "0.4260", "-", "-", "-"),
        "-",
    ]
    assert rows[3] == [
        *("lambda=0.2", "0.7431", "0.7431", "+0.0030", "[+0.0010, +0.0050]", "0.010"),
        *("0.4257", "0.4257", "-0.00030", "-", "-", "ctcvr_auc better, bce without an interval"),
    ]


def test_a_loss_that_falls_is_better_and_its_interval_is_that_of_the_difference() -> None:
    compared = (
        Comparison(difference=0.003, improvement=0.003, ci_low=-0.001, ci_high=0.007),
        Comparison(difference=-0.0003, improvement=0.0003, ci_low=0.0002, ci_high=0.0004),
    )
    said = replace(front_judgement(), comparisons={3: compared})
    assert front_lines(summary_of(study_result(objectives=(AUC, LOSS)), said))[0].endswith(
        "ctcvr_auc not distinguishable: +0.0030 [-0.0010, +0.0070]; bce better: -0.00030 [-0.00040, -0.00020]"
    )


def test_mlflow_has_the_baselines_figures_by_metric() -> None:
    numbers = tracked.summary_numbers(both())
    assert numbers["baseline/value/ctcvr_auc"] == pytest.approx(0.7401)
    assert numbers["baseline/test/bce"] == pytest.approx(0.42599)


def test_with_one_objective_there_is_no_front() -> None:
    facts = summary_of(study_result(), judgement())
    assert front_lines(facts) == front_section(facts, (), table) == []
