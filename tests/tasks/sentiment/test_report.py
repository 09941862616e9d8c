"""What a report adds: numbers by aspect and polarity, and the heat map behind them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from sweeper.task.prepared import Prepared
from sweeper.task.reporting import Arm, Comparison, Part, Plot, Table
from sweeper_tasks.sentiment.facts import facts_of
from sweeper_tasks.sentiment.metrics import sentiment_metrics
from sweeper_tasks.sentiment.polarities import Labels
from sweeper_tasks.sentiment.report import report_parts
from tests.tasks.sentiment.tiny import tiny_config

ASPECTS = ("food", "staff")
TRUE = np.array([[0, 1], [0, 1], [0, 0], [1, -1], [1, -1], [2, -1]], dtype=np.int8)
WRONG = np.array([[0, 1], [0, 0], [1, 0], [1, -1], [0, -1], [2, -1]], dtype=np.int8)


def arm(name: str, *predicted: Labels) -> Arm:
    metrics = {
        seed: {f"test/{key}": value for key, value in sentiment_metrics(TRUE, p, ASPECTS, 2).items()}
        for seed, p in enumerate(predicted)
    }
    return Arm(name, metrics, {seed: {"true": TRUE, "predicted": p} for seed, p in enumerate(predicted)})


def parts(baseline: Arm, best: Arm | None, *, is_prepared: bool = True) -> list[Part]:
    facts = facts_of(dict.fromkeys(("train", "val", "test"), TRUE), ASPECTS, 2)
    prepared = Prepared(Path("nowhere"), "sha256:x", 6, real=False, facts=facts)
    comparison = Comparison(baseline, best, "2 seeds", tiny_config(), prepared if is_prepared else None)
    return list(report_parts(comparison))


def drawn(part: Part) -> dict[str, list[str]]:
    """The numbers of each panel, by its title."""
    assert isinstance(part, Plot)
    figure = Figure()
    part.draw(figure)
    return {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}


def test_the_tables_show_f1_and_support_of_baseline_and_best() -> None:
    """The baseline on food: + 2 2 / (3 + 3), - 2 1 / (2 + 2), and neutral has too few examples."""
    by_polarity, by_aspect, _ = parts(arm("baseline", WRONG, WRONG), arm("focal", TRUE, TRUE))
    assert isinstance(by_polarity, Table)
    assert isinstance(by_aspect, Table)
    food = (2 * 2 / (3 + 3) + 2 * 1 / (2 + 2)) / 2
    assert by_aspect.head == ["aspect", "examples (+ / - / neutral)", "baseline", "best: focal", "difference"]
    row = ["food", "3 / 2 / 1", f"{food:.4f} ± 0.0000", "1.0000 ± 0.0000", f"+{1 - food:.4f} ± 0.0000"]
    assert by_aspect.rows[0] == row
    assert [row[:2] for row in by_polarity.rows] == [["positive", "4"], ["negative", "4"], ["neutral", "1"]]
    assert by_polarity.rows[2][2:] == ["-", "-", "-"]  # too few to count


def test_the_heat_map_is_the_mean_difference_over_the_seeds_of_both() -> None:
    """Food +: 2/3 and 1 against 1 and 1: on average +0.167. Food -: 1/2 and 1 against 1 and 1: +0.250.

    Staff -: 2/3 and 1.
    """
    *_, plot = parts(arm("baseline", WRONG, TRUE), arm("focal", TRUE, TRUE, WRONG))
    assert drawn(plot) == {
        "baseline": ["0.833", "0.750", "-", "-", "0.833", "-"],
        "focal": ["1.000", "1.000", "-", "-", "1.000", "-"],
        "difference": ["+0.167", "+0.250", "-", "-", "+0.167", "-"],
    }
    assert isinstance(plot, Plot)
    assert "baseline, focal, difference" in plot.caption


def test_each_aspect_has_its_examples_beside_the_heat_map() -> None:
    *_, plot = parts(arm("baseline", WRONG), arm("focal", TRUE))
    assert isinstance(plot, Plot)
    figure = Figure()
    plot.draw(figure)
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == [
        "food\n3 / 2 / 1",
        "staff\n1 / 2 / 0",
    ]


def test_without_common_seeds_the_heat_map_is_of_one_arm() -> None:
    elsewhere = arm("focal", TRUE)
    elsewhere = replace(elsewhere, records={7: elsewhere.records[0]})
    *_, plot = parts(arm("baseline", WRONG), elsewhere)
    assert list(drawn(plot)) == ["baseline"]


def test_without_a_candidate_the_baseline_is_shown() -> None:
    by_polarity, _, plot = parts(arm("baseline", TRUE), None)
    assert isinstance(by_polarity, Table)
    assert list(by_polarity.head) == ["polarity", "examples", "baseline"]
    assert drawn(plot) == {"baseline": ["1.000", "1.000", "-", "-", "1.000", "-"]}


@pytest.mark.parametrize("is_prepared", [True, False])
def test_runs_without_records_add_nothing(is_prepared: bool) -> None:
    assert parts(Arm("baseline", {}, {}), None, is_prepared=is_prepared) == []
