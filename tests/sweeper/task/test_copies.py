"""Rows that stand in several splits: counted, and refused where splits are the same rows."""

import numpy as np
import pytest

from sweeper.task import (
    UserError,
    copies as module,
    copies_of,
    picture_digests,
    refuse_copies,
    row_digests,
    text_digests,
)

ROWS = np.arange(300).reshape(100, 3)


def splits(**rows: np.ndarray) -> dict[str, np.ndarray]:
    return {split: row_digests(found) for split, found in rows.items()}


def test_copies_are_counted_in_every_earlier_split() -> None:
    test = np.concatenate([ROWS[:5], ROWS[60:62], ROWS[90:]])
    found = copies_of(splits(train=ROWS[:60], val=ROWS[58:80], test=test))
    assert found == {"val": {"train": 2}, "test": {"train": 5, "val": 2}}


def test_rows_are_equal_where_all_their_numbers_are() -> None:
    one, other = np.array([[0.0, 1.5]]), np.array([[-0.0, 1.5]])
    assert row_digests(one, np.array([1])) == row_digests(other, np.array([1]))
    assert row_digests(one, np.array([1])) != row_digests(one, np.array([0]))
    assert row_digests(np.array([[1, 2]])) != row_digests(np.array([[2, 1]]))
    many = np.arange(200_000).reshape(-1, 2)
    assert len(set(row_digests(many).tolist())) == 100_000
    assert np.array_equal(row_digests(many)[70_000:], row_digests(many[70_000:]))


def test_texts_and_pictures_are_known_again_however_they_were_saved() -> None:
    assert len(set(text_digests(["Good  phone\n", "good phone", "GOOD PHONE"]))) == 1
    assert len(set(text_digests(["caf\u00e9", "cafe\u0301", "cafe"]))) == 2
    pictures = np.zeros((3, 2, 2), dtype=np.uint8)
    pictures[2, 0, 0] = 1
    assert picture_digests(pictures)[0] == picture_digests(pictures)[1] != picture_digests(pictures)[2]


@pytest.mark.parametrize(
    ("same", "match"),
    [
        ({"train": ROWS, "val": ROWS[::-1], "test": ROWS[:9]}, "the same 100 rows in train as in val"),
        ({"train": ROWS[9:], "val": ROWS[:9], "test": ROWS[:9]}, "the same 9 rows in val as in test"),
        ({"train": ROWS[9:], "val": ROWS[:9], "test": ROWS}, "100 rows in test as in train and val"),
    ],
)
def test_splits_that_are_the_same_rows_are_refused(same: dict[str, np.ndarray], match: str) -> None:
    with pytest.raises(UserError, match=f"{match}; expected rows of its own.*Do this"):
        refuse_copies(splits(**same), "Do this")


def test_splits_with_rows_of_their_own_are_not() -> None:
    refuse_copies(splits(train=ROWS[:80], val=ROWS[70:90], test=ROWS[80:]), "")


def test_of_very_many_rows_a_share_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(40_000).reshape(-1, 2)
    monkeypatch.setattr(module, "MOST", 6_000)
    found = copies_of(splits(train=rows[:16_000], val=rows[16_000:18_000], test=rows[15_000:17_000]))
    assert found["val"]["train"] == 0
    assert 800 < found["test"]["train"] < 1_200
    with pytest.raises(UserError, match="the same 20,000 rows in train as in test"):
        refuse_copies(splits(train=rows, val=rows[:50], test=rows), "")
