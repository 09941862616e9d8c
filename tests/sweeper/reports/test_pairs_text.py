"""Confirmation pairs in report, picture and summary."""

import numpy as np
import pytest

from sweeper.findings import PairBudget, PairLook, Pairs
from sweeper.reports.pairs_plot import boundary_to_come, pairs_figure, standardized
from sweeper.reports.report_text import report_markdown
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import as_json, from_json
from tests.sweeper.factories import judgement, study_result

LOOKS = (
    PairLook(n=2, improvement=0.001, ci_low=-0.002, ci_high=0.004, error=0.004, reach=3.0),
    PairLook(n=3, improvement=0.002, ci_low=-0.001, ci_high=0.005, error=0.01, reach=2.8),
)
PAIRS = Pairs(
    budget=5,
    confidence=0.99,
    errors={2: 0.004, 3: 0.01, 4: 0.02, 5: 0.03},
    looks=LOOKS,
    ended="futile",
    because="stopped after 3 pairs of at most 5",
)
JUDGED = judgement(pairs=PAIRS)


def test_the_report_says_why_pairs_ended_and_what_the_interval_is() -> None:
    text = report_markdown(study_result(), JUDGED, summary_of(study_result(), JUDGED), ["plots/pairs.png"])
    section = text.partition("## Confirmation")[2].partition("\n## ")[0]
    assert "compared after each pair on the test split" in section
    assert "repeated 95% interval" in section
    assert "- pairs: stopped after 3 pairs of at most 5" in section
    assert "an interval of 99.00% (p below 0.01 decides)" in section
    assert "![Winner against baseline on test, pair by pair" in text


def test_where_there_is_no_interval_the_report_speaks_of_none() -> None:
    known = JUDGED.confirmation
    assert known is not None
    bare = known.model_copy(update=dict.fromkeys(("ci_low", "ci_high", "p_value")))
    judged = judgement(pairs=PAIRS, confirmation=bare)
    text = report_markdown(study_result(), judged, summary_of(study_result(), judged), [])
    section = text.partition("## Confirmation")[2].partition("\n## ")[0]
    assert ", no interval\n- pairs: stopped after 3 pairs of at most 5\n" in section
    assert section.count("interval") == 1


def test_of_a_fixed_number_nothing_more_is_told() -> None:
    plain = report_markdown(study_result(), judgement(), summary_of(study_result(), judgement()), [])
    assert "compared once on the test split" in plain
    assert "pairs:" not in plain
    assert pairs_figure(judgement()) is None


def test_the_picture_has_the_path_in_standard_errors_and_the_boundary() -> None:
    """0.001 with an interval that reaches 0.003, which is 3 standard errors: it is one standard error."""
    assert standardized(LOOKS[0]) == pytest.approx(1.0)
    to_come = boundary_to_come(PAIRS)
    assert to_come[0][1] == pytest.approx(2.8)
    assert [n for n, _ in to_come] == [3, 4, 5]
    figure = pairs_figure(JUDGED)
    assert figure is not None
    path = figure.axes[0].lines[4]
    assert np.asarray(path.get_xdata()).tolist() == [2, 3]


def test_programs_have_pairs_and_budgets_and_other_summaries_neither() -> None:
    budget = PairBudget(best="b", baseline="a", seeds=(0,), pairs=(1000, 1001))
    summary = summary_of(study_result(budgets=(budget,)), JUDGED)
    found = from_json(as_json(summary))
    assert (found.pairs, found.budgets) == (PAIRS, (budget,))
    fixed = budget.model_copy(update={"is_sequential": False})
    assert not {"pairs", "budgets"} & as_json(summary_of(study_result(budgets=(fixed,)), judgement())).keys()
