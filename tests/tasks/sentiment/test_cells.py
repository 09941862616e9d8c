"""Which cells macro_f1 rests on: what is said of them, and when it is a warning."""

from typing import Any

import pytest

from sweeper_tasks.sentiment.cells import cell_lines, cell_warnings, counted_cells
from tests.tasks.sentiment.tiny import ASPECTS, tiny_config

FULL = [[90, 50, 30], [80, 40, 25], [70, 60, 20]]
"""Numbers of examples by aspect (battery, price, screen) and polarity: all nine cells count."""


def facts(**counts: list[list[int]]) -> dict[str, Any]:
    known = {"train": FULL, "val": FULL, "test": FULL} | counts
    return {"aspects": list(ASPECTS), "min_support": 20, "rows": {"train": 400}, "counts": known}


def test_where_all_cells_count_there_is_nothing_to_say() -> None:
    assert counted_cells(facts()).val.all()
    assert cell_lines(facts()) == cell_warnings(facts()) == []


def test_what_is_left_out_is_told_for_each_split_and_what_counts_on_one_of_both() -> None:
    val = [[90, 50, 19], [80, 3, 25], [70, 60, 0]]
    test = [[90, 50, 30], [80, 19, 25], [19, 60, 20]]
    assert cell_lines(facts(val=val, test=test)) == [
        "val: macro_f1 averages over 6 of 9 cells; fewer than 20 examples: "
        "battery neutral (19), price negative (3), screen neutral (0)",
        "test: macro_f1 averages over 7 of 9 cells; fewer than 20 examples: "
        "price negative (19), screen positive (19)",
        "in macro_f1 on val but not on test: screen positive",
        "in macro_f1 on test but not on val: battery neutral, screen neutral",
    ]
    assert cell_warnings(facts(val=val, test=test)) == []


def test_cells_without_a_training_example_are_no_part_of_the_whole() -> None:
    """Of nine cells training has seven; the screen's neutral one has 20 examples on val for nothing."""
    train = [[90, 50, 0], [80, 40, 25], [70, 60, 0]]
    val = [[90, 50, 0], [80, 40, 5], [70, 60, 20]]
    assert cell_lines(facts(train=train, val=val, test=train)) == [
        "train: without an example, so that nothing is learned of them: battery neutral, screen neutral",
        "val: macro_f1 averages over 6 of 7 cells; fewer than 20 examples: price neutral (5)",
        "in macro_f1 on test but not on val: price neutral",
    ]


def test_long_lists_are_cut() -> None:
    """Nine cells are left out, and eight are named."""
    (line,) = [line for line in cell_lines(facts(val=[[1, 1, 1]] * 3)) if line.startswith("val")]
    assert line.endswith("screen negative (1) and 1 more")


@pytest.mark.parametrize(("n", "is_few"), [(0, True), (2, True), (3, True), (4, False), (9, False)])
@pytest.mark.parametrize("split", ["val", "test"])
def test_a_third_of_the_cells_or_fewer_is_a_warning(split: str, n: int, is_few: bool) -> None:
    """The other split has the same few cells or all nine: 3 of 9 are too few on either."""
    flat = [20] * n + [19] * (9 - n)
    few = [flat[i : i + 3] for i in (0, 3, 6)]
    for known in (facts(val=few, test=few), facts(**{split: few})):
        assert any("expected 4 or more" in line for line in cell_warnings(known)) == is_few


def test_a_single_cell_is_too_few_unless_training_has_one_only() -> None:
    """A third of three cells is one, and yet nothing is averaged there."""
    three, one = [[90, 50, 0], [80, 0, 0], [0, 0, 0]], [[90, 0, 0], [0, 0, 0], [0, 0, 0]]
    told, _ = cell_warnings(facts(train=three, val=one, test=one))
    assert "1 of 3 cells (aspect x polarity) on val and 1 of 3 on test; expected 2 or more" in told
    assert cell_warnings(facts(train=one, val=one, test=one)) == []


def test_more_than_a_third_is_expected_in_whole_cells() -> None:
    """A third of the seven cells of training is 2.33: two are too few, three are not."""
    train = [[90, 50, 0], [80, 40, 25], [70, 60, 0]]
    two, three = [[90, 0, 0], [80, 0, 0], [0, 0, 0]], [[90, 0, 0], [0, 40, 25], [0, 0, 0]]
    told, *_ = cell_warnings(facts(train=train, val=two, test=three))
    assert "2 of 7 cells (aspect x polarity) on val and 3 of 7 on test; expected 3 or more" in told
    assert cell_warnings(facts(train=train, val=three, test=three)) == []


def test_the_warning_says_how_many_of_how_many_and_what_to_do() -> None:
    val = [[20, 20, 20], [0, 0, 0], [0, 0, 0]]
    (told,) = cell_warnings(facts(val=val), "a larger data.val_rate, or more data")
    assert told == (
        "data.min_support: got 20, with which macro_f1 rests on 3 of 9 cells (aspect x polarity) on val and "
        "9 of 9 on test; expected 4 or more on both. Use a smaller data.min_support, or a larger "
        "data.val_rate, or more data"
    )


def test_splits_with_as_many_cells_apart_as_in_common_are_a_warning() -> None:
    """Val counts cells 1 to 5; test 2 to 9, four in common and five apart, 2 to 8: four and four."""
    val = [[20, 20, 20], [20, 20, 0], [0, 0, 0]]
    as_many, less = [[0, 20, 20], [20, 20, 20], [20, 20, 0]], [[20, 20, 20], [20, 20, 20], [20, 20, 0]]
    (told,) = cell_warnings(facts(val=val, test=as_many))
    assert "4 cells (aspect x polarity) count in macro_f1 on one of val and test, and 4 on both" in told
    assert cell_warnings(facts(val=val, test=less)) == []


def test_a_polarity_that_no_cell_of_a_split_judges_is_a_warning() -> None:
    """Training has 30 + 25 + 20 = 75 neutral opinions; the largest of test's three cells has 19."""
    val, test = [[90, 50, 0], [80, 40, 0], [70, 60, 0]], [[90, 50, 19], [80, 40, 3], [70, 60, 0]]
    (told,) = cell_warnings(facts(val=val, test=test))
    assert (
        "neutral is judged by no cell on val (not a single example) and none on test (at most 19 of an "
        "aspect); expected one or more on both, for training has 75 examples"
    ) in told
    (alone,) = cell_warnings(facts(test=test))
    assert "neutral is judged by no cell on test (at most" in alone
    assert cell_warnings(facts(train=val, val=val, test=test)) == []


def test_reviews_left_out_are_announced_by_kind() -> None:
    left_out = {
        "skipped": {
            "a review needs text": {"n": 2, "first": ["x.csv row 3", "x.csv row 9"], "got": {"''": 2}}
        }
    }
    told = tiny_config().announce(facts() | left_out)
    assert told[1] == "left out 2 (data.skip_bad): x.csv row 3, x.csv row 9; a review needs text; got '' (2)"


def test_the_configuration_announces_the_cells_before_what_depends_on_its_loss_and_warns_of_them() -> None:
    few = facts(val=[[90, 0, 0], [0, 0, 0], [0, 0, 0]])
    plain, focal = (tiny_config(loss).announce(few) for loss in ("ce", "multilabel_focal"))
    assert plain[0] == "400 training reviews, 3 aspects"
    assert plain[1].startswith("val: macro_f1 averages over 1 of 9 cells")
    assert plain[:4] == focal[:4]
    assert plain[3].split() == ["polarity", "train", "share", "alpha", "auto", "alpha", "used"]
    assert plain[4:] != focal[4:]
    sizes = "a larger data.n_val and data.n_test, or more data"
    assert tiny_config().warnings(few) == cell_warnings(few, sizes) != []
