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
from sweeper.task import drawn
from sweeper.task.digests import file_digest
from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.data import prepare
from sweeper_tasks.esmm.unseen_in_words import lines_of_unseen, warnings_of_unseen

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
    assigned = drawn(rows, val_rate, test_rate, seed)
    for value in np.unique(rows):
        n = (rows == value).sum()
        assert (assigned[rows == value] == 1).sum() == round(val_rate * n)
        assert (assigned[rows == value] == 2).sum() == min(round(test_rate * n), n - round(val_rate * n))
    assert np.array_equal(assigned, drawn(rows, val_rate, test_rate, seed))


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
    (many(spent=1), {}, r"a\.csv: got 1 column without a role \(spent\).*data\.drop"),
    (many(), {"dense": ["city"]}, r"data\.sparse, data\.dense: got column 'city' 2 times"),
    (
        many(click=2),
        {},
        r"a\.csv, column 'click': got '2' in data row 1, 2, 3, \.\.\. \(300 rows in all\); expected 0 or 1",
    ),
    (many() + ",0,1\n", {}, r"column 'click': got nothing in data row 301 \(1 row in all\)"),
    (many() + "0,1,1\n", {}, r"a\.csv: got 1 conversion without a click \(rows 301\)"),
    (
        many(price="cheap"),
        {"dense": ["price"]},
        r"column 'price': got 'cheap' .*expected numbers.*data\.sparse",
    ),
    (many(price="inf"), {"dense": ["price"]}, r"column 'price': got 'inf' in data row 1"),
    (many(where="fold1"), {"split": "where"}, r"column 'where': got 'fold1' .*expected train, val or test"),
    (
        many(where=np.where(np.arange(300) < 299, "train", "test")),
        {"split": "where"},
        r"data \(test split\): got no click at all.*Split the data differently",
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


def own(n: int, start: int) -> str:
    """A table of rows that occur nowhere else, a click in three and a conversion in six."""
    rows = [f"{int(i % 3 == 0)},{int(i % 6 == 0)},{start + i},u{i // 4}" for i in range(n)]
    return "\n".join(["click,conversion,item,user", *rows]) + "\n"


FILED: dict[str, Any] = {"sparse": ["item"], "drop": ["user"], "val_rate": 0.25}


def test_validation_is_drawn_out_of_the_training_file_where_there_are_two(prepared: Prepare) -> None:
    prepared.file(own(240, 0), "a.csv"), prepared.file(own(60, 900), "b.csv")
    files = {"train": "a.csv", "test": "b.csv"}
    data = prepared(None, path=str(prepared.folder), files=files, **FILED)
    assert data.facts["rows"] == {"train": 180, "val": 60, "test": 60}
    assert data.facts["conversions"] == {"train": 30, "val": 10, "test": 10}
    alone = prepared(None, path=str(prepared.folder), files={"train": "a.csv"}, **FILED)
    assert alone.facts["rows"] == {"train": 132, "val": 60, "test": 48}  # data.test_rate is 0.2
    table = pd.concat([pd.read_csv(prepared.folder / n).assign(part=p) for p, n in files.items()])
    by_column = prepared(table.to_csv(index=False), split="part", **FILED)
    assert by_column.facts["rows"] == {"train": 180, "val": 60, "test": 60}
    again = prepared(table.to_csv(index=False), split="part", **FILED | {"val_rate": 0.5})
    assert again.digest != by_column.digest
    assert again.facts["rows"] == {"train": 120, "val": 120, "test": 60}


@pytest.mark.parametrize("changes", [{}, {"drop": [], "sparse": ["item", "user"]}])
def test_the_rows_of_a_group_are_in_one_split(prepared: Prepare, changes: dict[str, Any]) -> None:
    data = prepared(own(240, 0), group="user", **FILED | changes)
    assert sum(data.facts["rows"].values()) == 240
    items = {split: set(data.array(f"{split}_sparse")[:, 0].tolist()) for split in ("val", "test")}
    assert items == {"val": {0}, "test": {0}}  # an item's number is unknown outside training
    assert data.facts["rows"]["val"] % 4 == data.facts["rows"]["test"] % 4 == 0
    assert data.facts["contents"]["shared_groups"] == {"val": 0, "test": 0}
    with pytest.raises(UserError, match=r"data\.group: got 'usr'; expected a column of a\.csv"):
        prepared(own(240, 0), group="usr", **FILED)


@pytest.mark.parametrize("pattern", ["rest", "auto", "*"])
def test_splits_and_groups_are_taken_by_no_pattern(prepared: Prepare, pattern: str) -> None:
    row = np.arange(300)
    text = many(part=np.array(["train", "val", "test"])[row // 100], user=row // 2, age=row * 7 % 31)
    data = prepared(text, split="part", group="user", sparse=[pattern])
    assert [field["name"] for field in data.facts["sparse_fields"]] == ["city", "age"]
    both = prepared(text, split="part", group="user", sparse=["user", pattern])
    assert {field["name"] for field in both.facts["sparse_fields"]} == {"user", "city", "age"}


def test_what_is_dropped_as_the_rest_leaves_splits_and_groups(prepared: Prepare) -> None:
    row = np.arange(300)
    text = many(part=np.array(["train", "val", "test"])[row // 100], user=row // 2, age=row * 7 % 31)
    data = prepared(text, split="part", group="user", sparse=["age"], drop=["rest"])
    assert data.facts["rows"] == {"train": 100, "val": 100, "test": 100}


def test_a_day_may_say_the_group_and_a_list_may_not(prepared: Prepare) -> None:
    row = np.arange(300)
    table = pd.DataFrame({"click": row % 3 == 0, "conversion": row % 6 == 0, "city": row % 7})
    path = str(prepared.folder / "a.parquet")
    table.assign(day=pd.Timestamp("2024-01-01") + pd.to_timedelta(row // 3, unit="D")).to_parquet(path)
    assert prepared(None, path=path, sparse=["city"], group="day").facts["rows"]["train"] > 0
    table.assign(day=pd.Series([[n] for n in row])).to_parquet(path)
    with pytest.raises(UserError, match="column 'day': got values of the type list"):
        prepared(None, path=path, sparse=["city"], group="day")


def test_groups_that_the_files_share_are_counted(prepared: Prepare) -> None:
    prepared.file(own(240, 0), "a.csv"), prepared.file(own(60, 900), "b.csv")
    files = {"train": "a.csv", "test": "b.csv"}
    data = prepared(None, path=str(prepared.folder), files=files, group="user", **FILED)
    shared = data.facts["contents"]["shared_groups"]
    assert shared["val"] == 0
    assert 5 < shared["test"] <= 15


@pytest.mark.parametrize(
    ("val", "test", "match"),
    [
        ("a.csv", "a.csv", "the same content for train and val and test"),
        ("b.csv", "b.csv", "the same content for val and test; .*leave data.files.val or"),
        ("b.csv", "copy.csv", "the same content for val and test"),
        ("b.csv", "turned.csv", "the same 60 rows in val as in test; expected rows of its own"),
        (None, "turned_a.csv", "the same 240 rows in test as in train and val; .*data.files.test out"),
    ],
)
def test_splits_that_are_the_same_rows_are_refused(
    prepared: Prepare, val: str | None, test: str, match: str
) -> None:
    texts = {"a": own(240, 0), "b": own(60, 900)}
    for name, text in texts.items():
        head, *rows = text.splitlines()
        prepared.file(text, f"{name}.csv")
        prepared.file("\n".join([head, *rows[::-1]]), "turned.csv" if name == "b" else "turned_a.csv")
    prepared.file(texts["b"], "copy.csv")
    files = {"train": "a.csv", "val": val, "test": test}
    with pytest.raises(UserError, match=match):
        prepared(None, path=str(prepared.folder), files=files, **FILED)


def test_rows_that_two_splits_share_are_counted(prepared: Prepare) -> None:
    prepared.file(own(240, 0), "a.csv")
    prepared.file(own(60, 900) + "".join(own(30, 0).splitlines(keepends=True)[1:]), "b.csv")
    files = {"train": "a.csv", "test": "b.csv"}
    data = prepared(None, path=str(prepared.folder), files=files, **FILED)
    seen = data.facts["contents"]["copies"]["test"]
    assert seen["train"] + seen["val"] == 30


def test_files_lie_where_their_names_say(
    prepared: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(prepared.folder))
    (prepared.folder / "in").mkdir()
    prepared.file(own(240, 0), "in/a.csv"), prepared.file(own(60, 900), "b.csv")
    found = {
        prepared(None, path=path, files={"train": train, "test": test}, **FILED).digest
        for path, train, test in (
            ("~/in", "a.csv", "../b.csv"),
            (str(prepared.folder / "in"), "a.csv", "~/b.csv"),
            (None, str(prepared.folder / "in" / "a.csv"), "~/b.csv"),
        )
    }
    assert len(found) == 1


@pytest.mark.parametrize("code", ["NA", "None", "null", "nan", "N/A"])
def test_a_category_may_be_called_as_if_it_were_missing(prepared: Prepare, code: str) -> None:
    """The same columns as with another name, beside cells that are really empty."""
    city = np.array([code, "Hue", "", "Hanoi"])[np.arange(300) % 4]
    ours = prepared(many(city=city, dose=city == code), sparse=["city"], dense=["dose"])
    city[city == code] = "XX"
    other = prepared(many(city=city, dose=city == "XX"), sparse=["city"], dense=["dose"])
    known = [prepared.facts["sparse_fields"] for prepared in (ours, other)]
    assert known[0] == known[1] == [{"name": "city", "vocabulary": 4}]
    assert ours.facts["missing_values"] == {"city": 75}
    assert ours.facts["reading"] == [
        f"column 'city': '{code}' (75) read as categories; if missing: data.missing"
    ]
    one, two = (p.array("train_sparse")[:, 0] > 0 for p in (ours, other))
    assert np.array_equal(one, two)
    declared = prepared(None, path=ours_again(prepared, code), sparse=["city"], missing=[code])
    assert declared.facts["missing_values"] == {"city": 150}


def ours_again(prepared: Prepare, code: str) -> str:
    return prepared.file(many(city=np.array([code, "Hue", "", "Hanoi"])[np.arange(300) % 4]), "b.csv")


@pytest.mark.parametrize(
    "words", [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("true", "false"), ("yes", "no"), ("T", "F")]
)
def test_a_label_is_read_by_its_meaning(prepared: Prepare, words: tuple[str, str]) -> None:
    row = np.arange(300)
    plain = prepared(many(), sparse=["city"])
    labels: dict[str, Any] = {
        "click": np.where(row % 3, *words[::-1]),
        "conversion": np.where(row % 6, *words[::-1]),
    }
    other = prepared(many(**labels), sparse=["city"])
    for name in ("train_click", "val_conversion", "test_sparse"):
        assert np.array_equal(plain.array(name), other.array(name))


def test_truth_values_and_missing_whole_numbers_of_parquet_are_those_of_text(prepared: Prepare) -> None:
    row = np.arange(300)
    table = pd.DataFrame({"click": row % 3 == 0, "conversion": row % 6 == 0, "mobile": row % 5 == 0})
    table["city"] = pd.Series(np.where(row % 7 == 6, np.nan, row % 7), dtype="Int64")
    table.to_parquet(prepared.folder / "a.parquet")
    found = prepared(None, path=str(prepared.folder / "a.parquet"), sparse=["city", "mobile"])
    text = prepared(table.to_csv(index=False), sparse=["city", "mobile"])
    floats = prepared(table.astype({"city": "float64"}).to_csv(index=False), sparse=["city", "mobile"])
    for other in (text, floats):
        assert np.array_equal(found.array("train_sparse"), other.array("train_sparse"))
        assert found.facts == other.facts


def test_ids_are_compared_by_value_between_files_and_unseen_ones_are_told(prepared: Prepare) -> None:
    """12, 12.0 and ' 12' are one id; 99 is none that training has, and 012 another one."""
    rows = "click,conversion,user\n1,1,{}\n0,0,{}\n1,0,{}\n"
    prepared.file(rows.format("12", "7", "12"), "train.csv")
    prepared.file(rows.format(" 12", "7.0", "99"), "val.csv")
    prepared.file(rows.format("12.0", "98", "99"), "test.csv")
    files = {split: f"{split}.csv" for split in ("train", "val", "test")}
    data = prepared(None, path=str(prepared.folder), files=files, sparse=["user"])
    assert data.array("train_sparse")[:, 0].tolist() == [1, 2, 1]
    assert data.array("val_sparse")[:, 0].tolist() == [1, 2, 0]
    assert data.array("test_sparse")[:, 0].tolist() == [1, 0, 0]
    assert data.facts["unseen"] == {
        "user": {"val": {"rows": 1, "values": 1}, "test": {"rows": 2, "values": 2}}
    }
    (line,) = lines_of_unseen(data.facts)
    assert line == "data: rows with an id that training never saw (val / test): user 33.3% / 66.7%"
    (warning,) = warnings_of_unseen(data.facts)
    assert warning.startswith(
        "data, column 'user': got ids that training never saw in 2 of 3 rows of test (2 ids)"
    )


def many_columns() -> str:
    row = np.arange(300)
    features: dict[str, Any] = {f"feat_{i}": row % n for i, n in enumerate((4, 5, 7, 8))}
    return many(**features, price=[f"{i % 11}.5" for i in range(300)], shop=[f"s{i % 5}" for i in range(300)])


@pytest.mark.parametrize(
    ("roles", "sparse", "dense"),
    [
        ({"sparse": "auto"}, ["city", "feat_0", "feat_1", "feat_2", "feat_3", "shop"], ["price"]),
        (
            {"sparse": ["auto"], "dense": ["feat_*"]},
            ["city", "shop"],
            ["feat_0", "feat_1", "feat_2", "feat_3", "price"],
        ),
        (
            {"sparse": ["shop", "feat_*"], "dense": "price", "drop": "rest"},
            ["shop", "feat_0", "feat_1", "feat_2", "feat_3"],
            ["price"],
        ),
        (
            {"sparse": ["..."], "dense": ["pr?ce"], "drop": ["feat_[12]"]},
            ["city", "feat_0", "feat_3", "shop"],
            ["price"],
        ),
        ({"sparse": "auto", "types": {"city": "number"}, "drop": ["feat_*"]}, ["shop"], ["city", "price"]),
    ],
)
def test_roles_take_patterns_and_all_others(
    prepared: Prepare, roles: dict[str, Any], sparse: list[str], dense: list[str]
) -> None:
    data = prepared(many_columns(), **roles)
    assert [field["name"] for field in data.facts["sparse_fields"]] == sparse
    assert data.facts["dense_fields"] == dense
    assert any(note.startswith("data.sparse: ") for note in data.facts["reading"])


def test_a_table_without_a_header_loses_no_row(prepared: Prepare) -> None:
    rows = many().split("\n", 1)[1]
    with pytest.raises(
        UserError, match=r"a\.csv: got a first line that looks like data \(1, 1_?.*data\.header=false"
    ):
        prepared("1,1,9\n" + rows, sparse=["city"])
    names = ["click", "conversion", "city"]
    data = prepared(rows, header=False, columns=names, sparse=["city"])
    assert sum(data.facts["rows"].values()) == 300
    assert (
        sum(
            prepared(rows, header=False, click="col0", conversion="col1", sparse=["col2"])
            .facts["rows"]
            .values()
        )
        == 300
    )


@pytest.mark.parametrize("odd", ["<600", "12 mg", "1.234,5", "N/A?"])
def test_a_dense_column_with_an_odd_value_is_refused_with_its_place(prepared: Prepare, odd: str) -> None:
    price = [odd if i == 7 else str(i) for i in range(300)]
    with pytest.raises(
        UserError, match=r"column 'price': got '.*' in data row 8 \(1 row in all\); expected numbers"
    ):
        prepared(many(price=price), sparse=["city"], dense=["price"])


def test_the_usual_words_for_a_missing_number_are_missing_and_told(prepared: Prepare) -> None:
    price = [("?", "NA", "null", str(i), str(i))[i % 5] for i in range(300)]
    data = prepared(many(price=price), sparse=["city"], dense=["price"])
    assert data.facts["missing_values"] == {"price": 180}
    assert data.facts["reading"] == [
        "column 'price': '?' (60), 'NA' (60), 'null' (60) among numbers counted as missing"
    ]


def test_a_comma_behind_every_row_is_named(prepared: Prepare) -> None:
    """Also where a shift by one column would go unnoticed."""
    header, *rows = many(shown=1).splitlines()
    with pytest.raises(UserError, match=r"a\.csv: got a comma behind every row and none behind the header"):
        prepared("\n".join([header, *(f"{row}," for row in rows)]), sparse=["city"], drop=["shown"])
    data = prepared("\n".join(f"{row}," for row in [header, *rows]), sparse=["city"], drop=["shown"])
    assert "a comma stands behind every line" in data.facts["reading"][0]


def test_a_home_and_a_pattern_name_a_file(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(prepared.folder))
    plain = prepared(many(), sparse=["city"])
    assert prepared(None, path="~/a.csv", sparse=["city"]).digest == plain.digest
    assert prepared(None, path=str(prepared.folder / "a*.csv"), sparse=["city"]).digest == plain.digest
    prepared.file(many(), "a2.csv")
    with pytest.raises(UserError, match=r"which are 2 files \(.*a\.csv, .*a2\.csv\); expected one"):
        prepared(None, path=str(prepared.folder / "a*.csv"), sparse=["city"])
    with pytest.raises(UserError, match=r"https://x\.org/a\.csv, an address; expected a file\. Download it"):
        prepared(None, path="https://x.org/a.csv", sparse=["city"])


def test_lists_and_times_of_parquet_are_refused_by_name_unless_dropped(prepared: Prepare) -> None:
    row = np.arange(300)
    table = pd.DataFrame({"click": row % 3 == 0, "conversion": row % 6 == 0, "city": row % 7})
    table["tags"] = [["a"]] * 300
    table["when"] = pd.Timestamp("2024-01-01")
    path = str(prepared.folder / "a.parquet")
    table.to_parquet(path)
    with pytest.raises(
        UserError, match=r"column 'tags': got values of the type list.*\n.*column 'when': got times"
    ):
        prepared(None, path=path, sparse="auto")
    assert (
        prepared(None, path=path, sparse="auto", drop=["tags", "when"]).facts["sparse_fields"][0]["name"]
        == "city"
    )
