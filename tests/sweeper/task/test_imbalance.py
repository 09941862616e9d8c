"""The hint on imbalance, by hand."""

from typing import Any

import pytest

from sweeper.task import Contents, Count, class_counts, imbalance_lines

ROWS = {"train": 1000, "val": 100, "test": 100}


def of(n: int) -> dict[str, int]:
    return {"train": n, "val": 1, "test": 1}


def facts(*counts: Count) -> dict[str, Any]:
    return Contents(noun="rows", rows=ROWS, counts=counts).facts()


@pytest.mark.parametrize(
    ("n", "told"),
    [
        (200, []),
        (
            20,
            ["49 : 1 on train (conversions: no conversions 980, conversions 20): 1 (10 : 1) to 2 (100 : 1)"],
        ),
        (
            5,
            [
                "199 : 1 on train (conversions: no conversions 995, conversions 5): 2 (100 : 1) to 3 "
                "(1,000 : 1)"
            ],
        ),
        (0, []),
    ],
)
def test_positives_stand_against_all_other_rows(n: int, told: list[str]) -> None:
    lines = imbalance_lines(class_counts(facts(Count(name="conversions", n=of(n)))))
    advised = ": the documents advise a focal gamma of "
    assert [line.removeprefix("imbalance ").replace(advised, ": ") for line in lines] == told


def test_beyond_the_last_documented_ratio_gamma_goes_up_to_five() -> None:
    (line,) = imbalance_lines({"pixels": {"skin": 9000, "earring": 3, "hat": 0}})
    assert line.startswith("imbalance 3,000 : 1 on train (pixels: skin 9,000, earring 3)")
    assert line.endswith("a focal gamma of 3 (1,000 : 1) to 5 (beyond)")


def test_only_kinds_that_are_classes_are_compared() -> None:
    """Rows fall into classes; pictures that hold parts overlap; what must only be learned is no class."""
    classes = (
        Count(kind="class", name="ill", n=of(40)),
        Count(kind="class", name="healthy", n=of(960), role="told"),
    )
    parts = (
        Count(kind="part", name="nose", n=of(1000), role="told"),
        Count(kind="part", name="hat", n=of(9), role="told"),
    )
    known = (
        Count(kind="user", name="a", n=of(990), role="known"),
        Count(kind="user", name="b", n=of(10), role="known"),
    )
    counted = class_counts(facts(*classes, *parts, *known))
    assert counted == {"class": {"ill": 40, "healthy": 960}}


def test_data_that_tell_nothing_give_no_hint() -> None:
    assert class_counts({}) == {}
    assert imbalance_lines({"class": {"one": 5}}) == []
