"""One description of splits: files, a column, or rates, groups and a seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sweeper.task import (
    SplitFiles,
    Splits,
    UserError,
    codes_of,
    drawn,
    file_digest,
    folder_digest,
    group_codes,
    placed,
    refuse_same_files,
    shared_groups,
)

ROWS = np.array([0] * 60 + [1] * 40)


def test_a_file_that_is_not_named_is_drawn_out_of_the_training_file() -> None:
    roles = ["train"] * 100 + ["test"] * 10
    labels = np.concatenate([ROWS, np.zeros(10, dtype=int)])
    both = Splits(files=SplitFiles(train="a", test="b"), val_rate=0.2, test_rate=0.5)
    codes = both.assign(roles, labels)
    assert np.bincount(codes).tolist() == [80, 20, 10]
    assert np.bincount(labels[codes == 1]).tolist() == [12, 8]
    assert (both.draws_val, both.draws_test) == (True, False)
    alone = Splits(files=SplitFiles(train="a"), val_rate=0.2, test_rate=0.5)
    assert np.bincount(alone.assign(["train"] * 100, ROWS)).tolist() == [30, 20, 50]


def test_what_no_row_of_a_column_says_is_drawn_out_of_its_training_rows() -> None:
    column = ["train"] * 100 + ["test"] * 10
    labels = np.concatenate([ROWS, np.zeros(10, dtype=int)])
    splits = Splits(column="part", val_rate=0.2, test_rate=0.5)
    assert np.bincount(splits.assign(["table"] * 110, labels, column=column)).tolist() == [80, 20, 10]


def test_with_all_three_files_and_with_a_column_nothing_is_drawn() -> None:
    files = Splits(files=SplitFiles(train="a", val="b", test="c"), val_rate=0.2, test_rate=0.2)
    assert files.assign(["train", "val", "test"], [0, 0, 0]).tolist() == [0, 1, 2]
    column = Splits(column="part", val_rate=0.2, test_rate=0.2)
    assert column.assign(["table"] * 3, [0, 0, 0], column=["test", "Dev", "TRAIN"]).tolist() == [2, 1, 0]


@given(
    sizes=st.lists(st.integers(1, 9), min_size=20, max_size=60),
    seed=st.integers(0, 99),
    labels=st.randoms(use_true_random=False),
)
def test_no_group_is_ever_cut_apart(sizes: list[int], seed: int, labels: "np.random.Generator") -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rare = np.array([labels.random() < 0.1 for _ in groups])
    codes = drawn(rare, 0.2, 0.2, seed, groups)
    assert all(len(set(codes[groups == g])) == 1 for g in range(len(sizes)))
    assert set(codes) == {0, 1, 2}
    assert abs((codes == 2).mean() - 0.2) < 0.2
    assert shared_groups(codes, groups) == {"val": 0, "test": 0}


def test_rows_without_a_group_are_drawn_each_on_its_own() -> None:
    assert len(set(group_codes([None, None, float("nan"), "", "a", "a"]))) == 5


def test_a_group_is_one_whether_or_not_its_number_was_written_with_a_point() -> None:
    assert list(group_codes(["12", "7", "12.0", None, "7.", "012"])) == [0, 1, 0, 2, 1, 3]
    assert list(group_codes(["12", "12.0", "a"])) == [0, 1, 2]  # versions, say


def test_groups_that_are_too_large_to_draw_from_are_one_line() -> None:
    with pytest.raises(UserError, match=r"data.group: got 2 groups, none for val and test; expected enough"):
        drawn(ROWS, 0.1, 0.1, 0, np.arange(100) // 50)


def test_groups_that_two_files_share_are_counted() -> None:
    assert shared_groups(np.array([0, 0, 1, 1, 2, 2]), list("ababac")) == {"val": 2, "test": 1}


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (
            ["train", "holdout", "test"],
            r"got another word in 1 rows \(first: 2\); expected train, val or test",
        ),
        (["val", "test", "test"], "got no row of train; expected some to learn from"),
    ],
)
def test_a_column_that_says_no_split_is_one_line(words: list[str], match: str) -> None:
    with pytest.raises(UserError, match=match):
        codes_of(words, "part")


def test_a_file_and_its_copy_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    (tmp_path / "c.csv").write_text("x\n2\n")
    splits = Splits(files=SplitFiles(train="c.csv", val="a.csv", test="b.csv"))
    digests = {s: file_digest(tmp_path / n, tmp_path) for s, n in splits.files.given.items()}  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"the same content for val and test; .*leave data.files.val or"):
        refuse_same_files(digests, splits.way_out())
    refuse_same_files({"train": digests["train"], "val": digests["val"]}, "")


def test_a_path_that_says_where_it_lies_needs_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert placed("/data", "a.csv") == Path("/data/a.csv")
    assert placed("/data", "/other/a.csv") == Path("/other/a.csv")
    assert placed("~/x", "a.csv") == tmp_path / "x" / "a.csv"
    assert placed("/data", "~/a.csv") == placed(None, "~/a.csv") == tmp_path / "a.csv"


def test_a_pattern_is_the_only_file_that_it_means(tmp_path: Path) -> None:
    (tmp_path / "part-1.csv").touch()
    (tmp_path / "odd[1].csv").touch()
    assert placed(str(tmp_path), "part-*.csv") == placed(str(tmp_path / "p*")) == tmp_path / "part-1.csv"
    assert placed(str(tmp_path), "odd[1].csv") == tmp_path / "odd[1].csv"
    (tmp_path / "part-2.csv").touch()
    assert placed(str(tmp_path), "part-*.csv") == tmp_path / "part-*.csv"


def test_a_file_outside_the_folder_has_a_digest_that_does_not_tell_where(tmp_path: Path) -> None:
    found = []
    for place in ("one", "two"):
        inside, outside = tmp_path / place / "in", tmp_path / place / "out"
        for folder in (inside, outside):
            folder.mkdir(parents=True)
            (folder / f"{folder.name}.xml").write_text(folder.name)
        absolute = [inside / "in.xml", outside / "out.xml"]
        relative = [inside / "in.xml", inside / ".." / "out" / "out.xml"]
        found += [folder_digest(inside, files, tmp_path) for files in (absolute, relative)]
    assert len(set(found)) == 1
