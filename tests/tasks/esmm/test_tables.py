"""Tables of clicks and conversions: encoded as promised, and everything wrong with them is said at once."""

import gzip
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from sweeper.errors import UserError
from sweeper.task.digests import file_digest
from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.data import prepare
from sweeper_tasks.esmm.tables import assign_splits

# Six training rows, two for validation, two for the test; each split has a click and a conversion.
BY_HAND = """where,click,conversion,city,price
train,1,1,Hue,1
train,0,0,Hue,3
train,0,0,Hanoi,
train,1,0,Hanoi,1
train,0,0,Hanoi,3
train,0,0,Vinh,2
val,1,1,Dalat,4
val,0,0,,2
test,1,1,Hanoi,0
test,0,0,Hue,
"""
ROLES: dict[str, Any] = {"split": "where", "sparse": ["city"], "dense": ["price"]}


class Prepare:
    """Writes text as files and prepares them."""

    def __init__(self, data_of: Any, folder: Path) -> None:
        self._data_of, self.folder = data_of, folder

    def file(self, text: str, name: str = "a.csv") -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def __call__(self, text: str | None, option: str = "csv", **changes: Any) -> Prepared:
        path = {} if text is None else {"path": self.file(text)}
        data = self._data_of(option, **(path | changes))
        return prepare(SimpleNamespace(data=data), self.folder / "cache")


@pytest.fixture
def prepared(data_of: Any, tmp_path: Path) -> Prepare:
    return Prepare(data_of, tmp_path)


def many(n: int = 300, **columns: Any) -> str:
    """A table of `n` rows: every third a click, every sixth a conversion, one feature without meaning."""
    row = np.arange(n)
    table = {"click": row % 3 == 0, "conversion": row % 6 == 0, "city": row % 7} | columns
    return pd.DataFrame(table).astype("int64", errors="ignore").to_csv(index=False)


def test_ids_by_hand(prepared: Prepare) -> None:
    """Training: Hanoi 3 times is 1, Hue 2 is 2, Vinh 1 is 3; unseen Dalat and the empty text are 0."""
    data = prepared(BY_HAND, **ROLES)
    assert data.facts["sparse_fields"] == [{"name": "city", "vocabulary": 4}]
    assert data.array("train_sparse")[:, 0].tolist() == [2, 2, 1, 1, 1, 3]
    assert data.array("val_sparse")[:, 0].tolist() == [0, 0]
    assert data.array("test_sparse")[:, 0].tolist() == [1, 2]


def test_rare_values_are_unknown(prepared: Prepare) -> None:
    """With min_count 2 Vinh, seen once, becomes 0 and the vocabulary holds unknown, Hanoi and Hue."""
    data = prepared(BY_HAND, **ROLES, min_count=2)
    assert data.facts["sparse_fields"] == [{"name": "city", "vocabulary": 3}]
    assert data.array("train_sparse")[:, 0].tolist() == [2, 2, 1, 1, 1, 0]


def test_numbers_by_hand(prepared: Prepare) -> None:
    """Training holds 1, 3, 1, 3, 2: mean 2, variance 4 / 5, so 4 becomes 2 / sqrt(0.8), a missing one 0."""
    data = prepared(BY_HAND, **ROLES)
    assert data.array("train_dense")[2, 0] == 0
    assert data.array("val_dense")[:, 0] == pytest.approx([2 / 0.8**0.5, 0])
    assert data.array("test_dense")[:, 0] == pytest.approx([-2 / 0.8**0.5, 0])
    assert data.facts["missing_values"] == {"city": 1, "price": 2}


def test_facts_by_hand(prepared: Prepare) -> None:
    """Training: 2 clicks and 1 conversion of 6 rows; negatives / positives are 4 / 2 and 5 / 1."""
    data = prepared(BY_HAND, **ROLES)
    assert data.real
    assert data.n_train == 6
    assert data.facts["rows"] == {"train": 6, "val": 2, "test": 2}
    assert data.facts["clicks"] == {"train": 2, "val": 1, "test": 1}
    assert data.facts["conversions"] == {"train": 1, "val": 1, "test": 1}
    assert data.facts["pos_weight"] == {"ctr": 2.0, "ctcvr": 5.0}
    assert data.facts["best_auc"] is None


def test_a_constant_number_becomes_zero_and_no_dense_columns_are_allowed(prepared: Prepare) -> None:
    constant = prepared(many(price=0.1), sparse=["city"], dense=["price"])
    assert not constant.array("train_dense").any()
    none = prepared(many(), sparse=["city"])
    assert none.array("val_dense").shape == (60, 0)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=200),
    st.floats(0.05, 0.45),
    st.floats(0.05, 0.45),
    st.integers(0, 9),
)
def test_each_outcome_is_split_in_proportion(
    outcome: list[int], val_rate: float, test_rate: float, seed: int
) -> None:
    rows = np.array(outcome)
    assigned = assign_splits(rows, val_rate, test_rate, seed)
    for value in np.unique(rows):
        n = (rows == value).sum()
        assert (assigned[rows == value] == 1).sum() == round(val_rate * n)
        assert (assigned[rows == value] == 2).sum() == min(round(test_rate * n), n - round(val_rate * n))
    assert np.array_equal(assigned, assign_splits(rows, val_rate, test_rate, seed))


def test_the_split_seed_decides_who_is_where(prepared: Prepare) -> None:
    first, other = (prepared(many(), sparse=["city"], split_seed=seed) for seed in (0, 1))
    assert first.digest != other.digest
    assert first.facts["rows"] == other.facts["rows"] == {"train": 180, "val": 60, "test": 60}
    assert not np.array_equal(first.array("val_sparse"), other.array("val_sparse"))


def test_gzip_and_parquet_and_three_files_give_the_same_columns(prepared: Prepare) -> None:
    plain = prepared(BY_HAND, **ROLES)
    table = pd.read_csv(prepared.file(BY_HAND))
    table.to_parquet(prepared.folder / "b.parquet")
    (prepared.folder / "c.csv.gz").write_bytes(gzip.compress(BY_HAND.encode()))
    for split in ("train", "val", "test"):
        prepared.file(
            table[table["where"] == split].drop(columns="where").to_csv(index=False), f"{split}.csv"
        )
    files = {split: f"{split}.csv" for split in ("train", "val", "test")}
    others = [
        prepared(None, path=str(prepared.folder / "b.parquet"), **ROLES),
        prepared(None, path=str(prepared.folder / "c.csv.gz"), **ROLES),
        prepared(None, path=str(prepared.folder), files=files, **(ROLES | {"split": None})),
    ]
    for other in others:
        for name in (
            "train_sparse",
            "train_dense",
            "val_sparse",
            "val_dense",
            "test_click",
            "test_conversion",
        ):
            assert np.array_equal(plain.array(name), other.array(name))


def test_a_code_that_looks_like_a_number_stays_text(prepared: Prepare) -> None:
    """01 and 1 are two categories, and 1 is the same one in a file where another row is missing."""
    text = BY_HAND.replace("Hue", "01").replace("Hanoi", "1").replace("Dalat", "01")
    data = prepared(text, **ROLES)
    assert data.facts["sparse_fields"] == [{"name": "city", "vocabulary": 4}]
    assert data.array("val_sparse")[:, 0].tolist() == [2, 0]


def test_the_digest_knows_the_bytes_and_the_options_but_not_the_place(prepared: Prepare) -> None:
    first = prepared(BY_HAND, **ROLES).digest
    moved = prepared(None, path=prepared.file(BY_HAND, "elsewhere.csv"), **ROLES).digest
    assert moved == first
    assert prepared(BY_HAND, **ROLES, split_seed=7).digest == first  # the splits come with the table
    assert prepared(BY_HAND.replace("Vinh", "Hue"), **ROLES).digest != first
    assert prepared(BY_HAND, **ROLES, min_count=2).digest != first


def test_a_large_file_is_read_once_and_a_small_one_every_time(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    before = file_digest(file, tmp_path, remember_from=0)
    times = file.stat()
    file.write_text("two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_digest(file, tmp_path, remember_from=0) == before
    assert file_digest(file, tmp_path) != before
    os.utime(file, ns=(0, 0))
    assert file_digest(file, tmp_path, remember_from=0) == file_digest(file, tmp_path)


WRONG = [
    ("", {}, r"a\.csv: got an empty file; expected a table"),
    ("click,conversion,city\n", {}, r"a\.csv: got no rows; expected at least one"),
    (many(), {"sparse": ["citty"]}, r"data\.sparse: got 'citty'; expected a column .*did you mean 'city'\?"),
    (
        many(),
        {"click": "clicks"},
        r"data\.click: got 'clicks'; .*It has click, conversion, city; did you mean 'click'",
    ),
    (many(spent=1), {}, r"a\.csv: got 1 columns without a role \(spent\).*data\.drop"),
    (many(), {"dense": ["city"]}, r"data\.sparse, data\.dense: got column 'city' 2 times"),
    (
        many(click=2),
        {},
        r"a\.csv, column 'click': got '2' in data row 1, 2, 3, \.\.\. \(300 rows in all\); expected 0 or 1",
    ),
    (many() + ",0,1\n", {}, r"column 'click': got nothing in data row 301 \(1 row in all\)"),
    (many() + "0,1,1\n", {}, r"a\.csv: got 1 conversions without a click \(rows 301\)"),
    (
        many(price="cheap"),
        {"dense": ["price"]},
        r"column 'price': got 'cheap' .*expected numbers.*data\.sparse",
    ),
    (many(price="inf"), {"dense": ["price"]}, r"column 'price': got 'inf' in data row 1"),
    (many(where="dev"), {"split": "where"}, r"column 'where': got 'dev' .*expected train, val or test"),
    (
        many(where="train"),
        {"split": "where"},
        r"data \(val split\): got no click at all.*Split the data differently",
    ),
    (many(12), {}, r"data \(val split\): got no conversion at all; .*Use more data"),
    (
        many(spend=9.5 * (np.arange(300) % 6 == 0)),
        {"dense": ["spend"]},
        r"'spend': got a feature that tells 'conver",
    ),
    (
        many(order=["" if i % 3 else f"n{i}" for i in range(300)]),
        {"sparse": ["city", "order"]},
        r"tells 'click'",
    ),
]


@pytest.mark.parametrize(("text", "changes", "message"), WRONG)
def test_a_fault_is_named(prepared: Prepare, text: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepared(text, **({"sparse": ["city"]} | changes))
    assert not list((prepared.folder / "cache").glob("*"))


def test_all_faults_are_told_at_once(prepared: Prepare) -> None:
    text = many(price="cheap", left=1) + "2,0,1,1,1\n0,1,1,1,1\n"
    with pytest.raises(UserError, match="citty") as raised:
        prepared(text, sparse=["citty"], dense=["price"])
    wheres = sorted(fault.where for fault in raised.value.faults)
    assert wheres == ["a.csv", "a.csv", "a.csv, column 'click'", "a.csv, column 'price'", "data.sparse"]


def test_a_feature_that_a_few_rows_happen_to_agree_with_is_no_leak(prepared: Prepare) -> None:
    """Five rows of 12 clicked, one value stands for them: one of C(12, 5) = 792 arrangements."""
    clicks = "".join(f"{i % 12},{int(i in (0, 4, 8, 9, 10))},{int(i in (0, 4, 8))}\n" for i in range(12))
    split = [*["train"] * 4, *["val"] * 4, *["test"] * 4]
    rows = [
        f"{where},{'x' if i in (0, 4, 8, 9, 10) else 'y'},{row}"
        for i, (where, row) in enumerate(zip(split, clicks.splitlines(), strict=True))
    ]
    data = prepared(
        "\n".join(["where,luck,city,click,conversion", *rows]), sparse=["city", "luck"], split="where"
    )
    assert data.facts["conversions"] == {"train": 1, "val": 1, "test": 1}


@pytest.mark.parametrize(
    ("option", "changes", "message"),
    [
        ("csv", {}, r"data\.path: got null; expected a file\. Set data\.path=<file>"),
        ("hillstrom", {}, r"data\.path: got null; .*MineThatData"),
        (
            "hillstrom",
            {"path": "no/such.csv.gz"},
            r"data\.path: got no/such\.csv\.gz; .*exists.*MineThatData",
        ),
        ("csv", {"path": "."}, r"data\.path: got \., a folder; expected a file.*data\.files"),
        ("ali_ccp_csv", {"path": "no"}, r"no/ali_ccp_train_sample\.csv, no/ali_ccp_val.*408 on tianchi"),
    ],
)
def test_a_missing_file_says_where_to_get_it(
    prepared: Prepare, option: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        prepared(None, option, **changes)


def test_a_damaged_archive_is_a_fault(prepared: Prepare) -> None:
    path = prepared.folder / "a.csv.gz"
    path.write_bytes(gzip.compress(many().encode())[:-30])
    with pytest.raises(UserError, match=r"a\.csv\.gz: got a gzip file that is cut short or damaged"):
        prepared(None, path=str(path), sparse=["city"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_rate": 0.5, "test_rate": 0.5}, "expected a sum below 1"),
        ({"split": "where", "files": {"train": "a", "val": "b", "test": "c"}}, "beside data.files"),
    ],
)
def test_options_that_contradict_one_another_are_refused(
    data_of: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        data_of("csv", **changes)


def test_hillstrom_leaves_the_leaking_column_out(prepared: Prepare) -> None:
    """Its columns, a row for each of 300 customers; `spend` is above 0 exactly on the conversions."""
    row = np.arange(300)
    features = ("recency", "history_segment", "mens", "womens", "zip_code", "newbie", "channel", "segment")
    columns = {name: row % n for n, name in zip((4, 5, 7, 8, 10, 11, 13, 14), features, strict=True)}
    labels = {"visit": (row % 3 == 0).astype(int), "conversion": (row % 6 == 0).astype(int)}
    table = pd.DataFrame(columns | {"history": row * 1.5} | labels | {"spend": 9.0 * labels["conversion"]})
    data = prepared(table.to_csv(index=False), "hillstrom")
    assert [field["name"] for field in data.facts["sparse_fields"]] == list(features)
    assert data.facts["dense_fields"] == ["history"]
    with pytest.raises(UserError, match=r"'spend': got a feature that tells 'conversion' without error"):
        prepared(table.to_csv(index=False), "hillstrom", drop=[], dense=["history", "spend"])
