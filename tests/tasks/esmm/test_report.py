"""What esmm adds to a report, by hand."""

from typing import Any, cast

import numpy as np
import pytest
from scipy.special import logit

from sweeper.task import Arm, Comparison, Plot, Table
from sweeper_tasks.esmm.report import N_TENTHS, report_parts, tenths, tenths_of


def arm(name: str, *runs: tuple[Any, Any]) -> Arm:
    records = {
        seed: {"score": np.float32(scores), "label": np.uint8(labels)}
        for seed, (scores, labels) in enumerate(runs)
    }
    return Arm(name, {seed: {} for seed in records}, cast(Any, records))


def compared(*arms: Arm) -> Comparison:
    return Comparison(arms[0], arms[1] if len(arms) > 1 else None, "screening seeds 0", cast(Any, None), None)


def test_tenths_are_by_falling_score_with_the_lift_over_the_whole_rate() -> None:
    """20 impressions, 4 conversions: two in the first tenth, one each in the second and the last: 0.2."""
    p = np.linspace(0.95, 0.05, 20)
    labels = np.zeros(20)
    labels[[0, 1, 2, 19]] = 1
    found = tenths(logit(p), labels)
    assert found.predicted[:2] == pytest.approx([(p[0] + p[1]) / 2, (p[2] + p[3]) / 2])
    assert found.observed == pytest.approx([1, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.5])
    assert found.lift == pytest.approx(found.observed / 0.2)


def test_equal_scores_share_their_conversions_out_evenly_in_any_order() -> None:
    labels = np.array([1.0] * 5 + [0.0] * 15)
    for order in (labels, labels[::-1].copy()):
        assert tenths(np.zeros(20), order).observed == pytest.approx([0.25] * N_TENTHS)


def test_the_table_has_a_row_a_tenth_with_both_arms_and_the_plot_draws() -> None:
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    scores = rng.normal(size=200)
    labels = (rng.random(200) < 0.3).astype(np.uint8)
    table, plot = report_parts(compared(arm("baseline", (scores, labels)), arm("a|b", (scores + 1, labels))))
    assert isinstance(table, Table)
    assert isinstance(plot, Plot)
    assert [len(row) for row in table.rows] == [7] * N_TENTHS
    assert list(table.head)[4:] == ["a|b: predicted", "a|b: observed", "a|b: lift"]
    assert [row[2] for row in table.rows] == [row[5] for row in table.rows]  # the order is the same
    figure = Figure()
    plot.draw(figure)
    assert len(figure.axes) == 2


def test_without_records_or_conversions_there_is_nothing_to_show() -> None:
    assert tenths_of(arm("a", (np.zeros(20), np.zeros(20)))) is None
    assert report_parts(compared(arm("a"))) == ()
