"""What the script on the cost of a verdict makes of studies that it ran."""

import pytest

from benchmarks.verdict_cost import Ran, figures, optimum, without_mark

PRINTED = """plan of grid
7 trials on 1 seed; 7 runs to train
steps: 4,800 of 5,600 a seed are trained; 800 (14%) are shared (study.share)
"""


def ran(wall_s: float, trained: int, inherited: int, figure: float = 0.5) -> Ran:
    return Ran(wall_s, {"steps_trained": trained, "steps_inherited": inherited}, [figure])


def test_ratios_are_those_of_one_round_and_their_median_counts() -> None:
    """90 / 100, 80 / 100 and 30 / 100 s: 0.8 in the middle."""
    rounds = [{"auto": ran(auto, 4800, 800), "off": ran(100.0, 5600, 0)} for auto in (90.0, 30.0, 80.0)]
    assert figures(rounds, 0.8571) == {
        "steps_ratio_grid": pytest.approx(0.8571),
        "steps_ratio_optimum": 0.8571,
        "wall_ratio_grid": 0.8,
        "is_equal": True,
    }


def test_one_figure_that_differs_is_told() -> None:
    rounds = [{"auto": ran(1.0, 1, 1, figure=0.5), "off": ran(1.0, 2, 0, figure=0.51)}]
    assert not figures(rounds, 0.5)["is_equal"]


def test_the_optimum_is_what_a_dry_run_says() -> None:
    assert optimum(PRINTED) == 4800 / 5600
    assert without_mark({"val": 1, "inherited": True}) == {"val": 1}
