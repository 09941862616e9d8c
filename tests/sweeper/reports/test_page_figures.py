"""What the figures of a page show, by hand."""

import random

import pytest

from sweeper.reports.page_data import Span
from sweeper.reports.page_figures import (
    Shown,
    differences_figure,
    importance_figure,
    is_logarithmic,
    parallel_figure,
    parameter_figure,
    share_of_variance,
    swept,
)
from sweeper.reports.page_forest import Interval, forest_table
from sweeper.reports.page_timeline import lanes_of


def shown(number: int, kind: str = "", mean: float | None = 0.5, **params: object) -> Shown:
    return Shown(number, f"t{number}", kind, params, {} if mean is None else {0: mean})


def test_an_axis_is_logarithmic_where_the_search_was_or_its_values_span_decades() -> None:
    assert is_logarithmic("lr", [0.001, 0.002], "lr=tag(log,interval(0.001,0.002))")
    assert is_logarithmic("lr", [0.001, 0.1], "lr=0.001,0.1")
    assert not is_logarithmic("lr", [0.001, 0.002], "other.lr=tag(log,interval(1,2))")
    assert not is_logarithmic("x", [0.0, 100.0], "")


def test_only_keys_with_more_than_one_value_count_as_swept() -> None:
    assert swept([shown(1, lr=1, loss="a"), shown(2, lr=2, loss="a")]) == ["lr"]


def test_a_parameter_of_words_has_an_axis_of_words_and_the_baseline_is_a_line() -> None:
    trials = [shown(0, "baseline", 0.4), shown(1, "best", 0.6, loss="a"), shown(2, loss="b", mean=None)]
    drawn = parameter_figure(trials, "loss", "auc", "")
    assert drawn["layout"]["xaxis"]["type"] == "category"
    assert drawn["layout"]["shapes"][0]["y0"] == 0.4
    assert drawn["data"][1]["y"] == [0.6]


def test_parallel_coordinates_want_two_parameters_and_eight_trials() -> None:
    trials = [shown(i, lr=10.0**-i, width=i % 3, mean=i / 10) for i in range(1, 9)]
    assert parallel_figure(trials[:7], "auc", "") is None
    drawn = parallel_figure(trials, "auc", "")
    assert drawn is not None
    first = drawn["data"][0]["y"]
    assert first == pytest.approx([1.0, 0.5, 0.0])  # lr on a logarithmic scale, width 1 of 0 to 2, the worst


def test_importance_is_the_share_of_the_variance_and_about_nothing_for_noise() -> None:
    rng = random.Random(0)
    trials = [
        shown(i, a=i % 2, b=rng.random(), mean=0.1 * (i % 2) + 0.001 * rng.random()) for i in range(200)
    ]
    assert share_of_variance(trials, "a") > 0.99
    assert share_of_variance(trials, "b") < 0.1
    drawn = importance_figure(trials)
    assert drawn is not None
    assert drawn["data"][0]["y"] == ["b", "a"]
    assert importance_figure(trials[:19]) is None


def test_runs_at_one_time_on_one_device_have_lanes_of_their_own() -> None:
    spans = [
        Span(0, 0, "cpu", 0, 10, "COMPLETE"),
        Span(1, 0, "cpu", 5, 15, "COMPLETE"),
        Span(2, 0, "cpu", 10, 20, "COMPLETE"),
        Span(3, 0, "gpu 0", 0, 9, "FAILED"),
    ]
    assert {span.trial: lane for span, lane in lanes_of(spans)} == {
        0: "cpu · 1",
        1: "cpu · 2",
        2: "cpu · 1",
        3: "gpu 0 · 1",
    }


def test_a_forest_places_zero_the_estimate_and_its_interval() -> None:
    """From -1 to 3 with a margin of 6 % of 4: zero is at (0 + 1.24) / 4.48 = 27.68 %."""
    page = forest_table([Interval("<a>", 1.0, -1.0, 3.0, is_best=True)], "c")
    assert 'class="zero" style="left:27.68%"' in page
    assert 'class="span" style="left:5.36%;width:89.29%"' in page
    assert 'class="dot" style="left:50.00%"' in page
    assert "&lt;a&gt;" in page
    assert "+1.0 [-1.0, +3.0]" in page
    assert forest_table([], "c") == ""


def test_of_very_many_intervals_the_first_are_shown_and_the_others_counted() -> None:
    page = forest_table([Interval(str(i), 1.0, 0.0, 2.0) for i in range(40)], "c")
    assert page.count('class="dot"') == 30
    assert "10 more are in the leaderboard." in page


def test_without_any_difference_there_is_no_figure_of_differences() -> None:
    trials = [shown(0, "baseline"), shown(1)]
    curves = {0: {0: ((100, 0.5), (200, 0.6))}, 1: {0: ((100, 0.5), (200, 0.6))}}
    assert differences_figure(trials, curves, "auc") is None
    curves[1] = {0: ((100, 0.5), (200, 0.75))}
    drawn = differences_figure(trials, curves, "auc")
    assert drawn is not None
    assert drawn["data"][0]["y"] == [0.0, pytest.approx(0.15), None]
