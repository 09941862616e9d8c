"""What each split holds: a table for people, and warnings where it is too little, or there twice."""

import pytest

from sweeper.task import Contents, Count, content_lines, content_warnings, expected_error
from sweeper.task.influence import auc_influence

BY = ("train", "val", "test")


def by(*n: int) -> dict[str, int]:
    return dict(zip(BY, n, strict=True))


def facts(*counts: Count, rows: dict[str, int] | None = None, **more: object) -> dict[str, object]:
    contents = Contents(noun="rows", rows=rows or by(8_000, 1_000, 1_200), counts=counts)
    return contents.model_copy(update=more).facts()


def test_the_table_says_rows_and_counts_by_split_in_eighty_columns() -> None:
    clicks = Count(name="clicks", n=by(400, 50, 60))
    rare = Count(
        kind="class", name="a name that is far too long for a table of eighty columns", n=by(9, 1, 2)
    )
    copies = {"val": {"train": 3}, "test": {"train": 0, "val": 7}}
    lines = content_lines(facts(clicks, rare, copies=copies))
    assert lines == [
        "data                                     train         val        test",
        "rows                                     8,000       1,000       1,200",
        "clicks                                     400          50          60",
        "class a name that is far too lo...           9           1           2",
        "of these in train, too                                   3",
        "of these in val, too                                                 7",
    ]
    assert max(map(len, lines)) <= 80
    assert content_lines({"rows": by(1, 1, 1)}) == []


def test_of_many_classes_the_table_shows_the_first_and_the_fewest_of_the_others() -> None:
    many = (Count(kind="class", name=str(i), n=by(90 - i, 9, 9)) for i in range(20))
    lines = content_lines(facts(*many))
    assert len(lines) == 14
    assert lines[-1].split() == ["the", "fewest", "of", "9", "more", "71", "9", "9"]
    characters = (Count(kind="character", name=c, n=by(5, i, 0), role="known") for i, c in enumerate("abc"))
    assert content_lines(facts(*characters))[-1].split() == ["different", "characters", "3", "2", "0"]


@pytest.mark.parametrize("n_test", [0, 2, 5, 29])
def test_few_of_what_decides_are_warned_of_with_the_error_to_expect(n_test: int) -> None:
    few = Count(name="conversions", n=by(300, 40, n_test), scale="auc")
    (warning,) = content_warnings(facts(few, Count(name="clicks", n=by(900, 90, 90))), ["data.test_rate"])
    assert warning.startswith(f"data: got 40 conversions on val and {n_test} on test; expected 30 or more")
    error = expected_error("auc", n_test, 1_200 - n_test) if n_test else None
    assert ("not defined" if error is None else f"standard error of about {error:.2f}") in warning
    assert warning.endswith("Use more data or a larger data.test_rate; more seeds do not help")
    assert content_warnings(facts(Count(name="conversions", n=by(300, 40, 30)))) == []


def test_few_of_a_class_of_the_report_are_told_in_one_warning() -> None:
    hats = [Count(kind="class", name=f"hat{i}", n=by(50, i, 9), role="told") for i in range(1, 9)]
    (warning,) = content_warnings(facts(*hats))
    assert warning.startswith(
        "data: got few rows of class hat1 (1 on val, 9 on test), class hat2 (2 on val, 9 on test), class "
        "hat3 (3 on val, 9 on test) and 2 more; expected 6 or more on both."
    )


@pytest.mark.parametrize("role", ["told", "known", "judged"])
def test_what_no_training_example_shows_is_named(role: str) -> None:
    unseen = Count.model_validate({"kind": "character", "name": "Q", "n": by(0, 40, 50), "role": role})
    (warning,) = content_warnings(facts(unseen))
    assert warning.startswith("data: got no training example of character Q (40 on val, 50 on test); ")


def test_what_occurs_nowhere_is_no_loss_unless_it_is_judged() -> None:
    assert content_warnings(facts(Count(kind="character", name="Q", n=by(0, 0, 0), role="known"))) == []
    nowhere = content_warnings(facts(Count(kind="polarity", name="negative", n=by(0, 0, 0))))
    assert any("no training example of polarity negative" in warning for warning in nowhere)


def test_copies_and_shared_groups_are_warned_of_with_their_share() -> None:
    seen = {"val": {"train": 10}, "test": {"train": 13, "val": 600}}
    copies, groups = content_warnings(facts(copies=seen, shared_groups={"val": 0, "test": 4}))
    assert copies.startswith(
        "data: got 13 of 1,200 rows of test (1.1%) that stand in train, too and 600 of 1,200 rows of test "
        "(50.0%) that stand in val, too; expected rows of its own in each split."
    )
    assert groups.startswith("data.group: got 4 groups of test that are in train, too")


def test_the_expected_error_is_that_of_simulated_scores() -> None:
    """Binormal scores with an area of 0.75; the mean of DeLong's errors over many draws."""
    import numpy as np

    rng, errors = np.random.default_rng(0), []
    for _ in range(300):
        labels = np.arange(2_000) < 12
        influence = auc_influence(rng.standard_normal(2_000) + 0.954 * labels, labels)
        errors.append(np.sum(influence**2) / 2_000**2)
    assert abs(np.sqrt(np.mean(errors)) / expected_error("auc", 12, 1_988) - 1) < 0.15
    assert expected_error("share", 25, 0) == 0.1
