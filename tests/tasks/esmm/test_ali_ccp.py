"""The raw format of Ali-CCP: joined, encoded and split as a plain loop would, in blocks of any size."""

import gzip
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.ali_ccp import FILES, build, count_values, locate, vocabulary_of
from sweeper_tasks.esmm.ali_ccp_raw import hashed
from sweeper_tasks.esmm.data import prepare

USER, ITEM = ("101", "109_14"), ("205", "508")
FIELDS: dict[str, Any] = {
    "common_fields": USER,
    "sample_fields": ITEM,
    "dense": ("109_14", "508"),
    "min_count": 2,
    "val_rate": 0.3,
}
Items = list[tuple[str, int, float]]


def text_of(items: Items) -> str:
    return f"{len(items)}," + "\x01".join(f"{name}\x02{id}\x03{value}" for name, id, value in items)


def kept(items: Items, name: str) -> tuple[int | None, float]:
    """The id with the highest value, the first of equal ones."""
    found = [(value, -i, id) for i, (field, id, value) in enumerate(items) if field == name]
    return (max(found)[2], max(found)[0]) if found else (None, 0.0)


class Raw:
    """Impressions as Python objects, and as the four files; every third user, item or history is left out."""

    def __init__(self, folder: Path, n: int = 400) -> None:
        rng = np.random.default_rng(5)
        self.folder = folder
        self.users: dict[str, dict[str, Items]] = {"train": {}, "test": {}}
        self.samples: dict[str, list[tuple[str, int, int, str, Items]]] = {"train": [], "test": []}
        for part in self.users:
            for user in range(20):
                history = [("109_14", int(rng.integers(8)), float(rng.integers(4))) for _ in range(user % 4)]
                self.users[part][f"u{part}{user}"] = [("101", user, 1.0), *history, ("999", 1, 1.0)]
            for row in range(n):
                click, key = int(rng.random() < 0.5), f"u{part}{rng.integers(20)}"
                items = [("205", int(rng.zipf(1.5)), 1.0), ("508", int(rng.integers(5)), float(rng.random()))]
                sample = (f"{part}{row}", click, click * int(rng.random() < 0.5), key, items[: 1 + row % 3])
                self.samples[part].append(sample)
            self.write(part)

    def write(self, part: str, more_samples: str = "", more_users: str = "") -> None:
        users = "".join(f"{key},{text_of(items)}\n" for key, items in self.users[part].items())
        samples = "".join(
            f"{id},{click},{conversion},{key},{text_of(items)}\n"
            for id, click, conversion, key, items in self.samples[part]
        )
        (self.folder / f"common_features_{part}.csv").write_text(users + more_users)
        (self.folder / f"sample_skeleton_{part}.csv").write_text(samples + more_samples)


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    folder = tmp_path / "raw"
    folder.mkdir()
    return Raw(folder)


def prepared(data_of: Any, raw: Raw, **changes: Any) -> Prepared:
    data = data_of("ali_ccp", path=str(raw.folder), **(FIELDS | changes))
    return prepare(SimpleNamespace(data=data), raw.folder / "cache")


def by_loop(raw: Raw) -> dict[str, list[tuple[int, int, Items]]]:
    """(click, conversion, all items) of each split's rows, joined line by line."""
    splits: dict[str, list[tuple[int, int, Items]]] = {"train": [], "val": [], "test": []}
    for part, samples in raw.samples.items():
        chances = hashed(pa.array([sample[0] for sample in samples]), seed=0) / 2**64
        for (_, click, conversion, key, items), chance in zip(samples, chances, strict=True):
            split = "val" if part == "train" and chance < FIELDS["val_rate"] else part
            splits[split].append((click, conversion, raw.users[part][key] + items))
    return splits


def codes_of(rows: list[tuple[int, int, Items]], name: str) -> dict[int | None, int]:
    """Ids seen twice or more, from 1 by falling frequency, ties by id."""
    counts = Counter(id for *_, items in rows if (id := kept(items, name)[0]) is not None)
    order = sorted((id for id, n in counts.items() if n >= 2), key=lambda id: (-counts[id], id))
    return {id: i + 1 for i, id in enumerate(order)}


def test_the_columns_are_those_of_a_plain_loop(data_of: Any, raw: Raw) -> None:
    data, splits = prepared(data_of, raw), by_loop(raw)
    codes = {name: codes_of(splits["train"], name) for name in (*USER, *ITEM)}
    for split, rows in splits.items():
        ids = [[codes[name].get(kept(items, name)[0], 0) for name in codes] for *_, items in rows]
        assert np.array_equal(data.array(f"{split}_sparse"), ids)
        assert data.array(f"{split}_click").tolist() == [click for click, *_ in rows]
        assert data.array(f"{split}_conversion").tolist() == [conversion for _, conversion, _ in rows]
    assert data.facts["sparse_fields"] == [{"name": n, "vocabulary": len(c) + 1} for n, c in codes.items()]


def test_the_numbers_are_the_kept_ids_values_normalised(data_of: Any, raw: Raw) -> None:
    data, splits = prepared(data_of, raw), by_loop(raw)
    values = {
        split: np.array([[kept(items, name)[1] for name in FIELDS["dense"]] for *_, items in rows])
        for split, rows in splits.items()
    }
    mean, std = values["train"].mean(axis=0), values["train"].std(axis=0)
    for split, raw_values in values.items():
        assert data.array(f"{split}_dense") == pytest.approx((raw_values - mean) / std, abs=1e-5)
    assert data.facts["dense_fields"] == ["D109_14", "D508"]


@pytest.mark.parametrize("block_bytes", [300, 5003])
def test_the_size_of_the_blocks_does_not_matter(
    data_of: Any, raw: Raw, tmp_path: Path, block_bytes: int
) -> None:
    whole, other = prepared(data_of, raw), tmp_path / "other"
    other.mkdir()
    data = data_of("ali_ccp", path=str(raw.folder), **FIELDS)
    manifest = build(data, locate(data), other, block_bytes=block_bytes)
    assert manifest["facts"] == whole.facts
    files = sorted(whole.folder.glob("*.npy"))
    assert [file.name for file in files] == sorted(file.name for file in other.glob("*.npy")) != []
    for file in files:
        assert np.array_equal(np.load(file), np.load(other / file.name))
    assert not list(other.glob("raw"))


def test_validation_is_a_share_of_the_training_file_by_id_and_seed(data_of: Any, raw: Raw) -> None:
    """400 rows at a rate of 0.3: 120, within 5 standard errors of sqrt(400 * 0.3 * 0.7) = 9.2."""
    rows = prepared(data_of, raw).facts["rows"]
    assert rows["train"] + rows["val"] == 400
    assert abs(rows["val"] - 120) < 46
    other = prepared(data_of, raw, split_seed=1)
    assert not np.array_equal(other.array("val_click"), prepared(data_of, raw).array("val_click"))
    raw.samples["train"].reverse()
    raw.write("train")
    assert prepared(data_of, raw).facts["rows"] == rows


GOOD = "205\x021\x031.0"
BAD_SAMPLES = [
    ("x,0,0,utrain1,1\n", "not 6 columns"),
    (f"x,2,0,utrain1,1,{GOOD}\n", "a label that is neither 0 nor 1"),
    (f"x,,0,utrain1,1,{GOOD}\n", "a label that is neither 0 nor 1"),
    (f"x,0,1,utrain1,1,{GOOD}\n", "a conversion without a click"),
    (f"x,0,0,nobody,1,{GOOD}\n", "a key without common features"),
    (f"x,0,0,utrain1,2,{GOOD}\n", "a feature that cannot be read"),
    ("x,0,0,utrain1,1,205\x021\n", "a feature that cannot be read"),
    ("x,0,0,utrain1,1,205\x02one\x031.0\n", "a feature that cannot be read"),
    ("x,0,0,utrain1,1,205\x021\x03nan\n", "a feature that cannot be read"),
    ("x,0,0,utrain1,1,205\x021\x031e99\n", "a feature that cannot be read"),
    ("x,0,0,utrain1,1,205\x021\x031\xff\n", "a feature that cannot be read"),
    ("\n", "not 6 columns"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_SAMPLES)
def test_a_malformed_line_is_named_by_its_number(data_of: Any, raw: Raw, line: str, reason: str) -> None:
    raw.write("train", more_samples=line + f"y,0,0,utrain1,1,{GOOD}\n")
    with pytest.raises(
        UserError, match=rf"sample_skeleton_train\.csv: got 1 malformed lines: {reason}.*first: 401"
    ):
        prepared(data_of, raw)


@pytest.mark.parametrize(("line", "reason"), BAD_SAMPLES)
def test_malformed_lines_can_be_left_out_and_are_counted(
    data_of: Any, raw: Raw, line: str, reason: str
) -> None:
    clean = prepared(data_of, raw, skip_bad=True)
    raw.write("train", more_samples=line)
    data = prepared(data_of, raw, skip_bad=True)
    assert clean.facts["skipped"] == {}
    [(where, n)] = data.facts["skipped"].items()
    assert where.startswith(f"sample_skeleton_train.csv: {reason}")
    assert n == 1
    assert data.digest != clean.digest
    assert np.array_equal(data.array("train_sparse"), clean.array("train_sparse"))


def test_all_malformed_lines_of_all_files_are_told_at_once(data_of: Any, raw: Raw) -> None:
    raw.write("train", more_samples="short\n" * 5, more_users=f"utrain1,1,{GOOD}\n")
    raw.write("test", more_users="utest99,2,nonsense\n")
    with pytest.raises(
        UserError, match=r"5 malformed lines: not 6 columns \(first: 401, 402, 403\)"
    ) as raised:
        prepared(data_of, raw)
    assert [str(fault).split(" (")[0].split(",")[0] for fault in raised.value.faults] == [
        "common_features_train.csv: got 1 malformed lines: a key that an earlier line has",
        "sample_skeleton_train.csv: got 5 malformed lines: not 6 columns",
        "common_features_test.csv: got 1 malformed lines: a feature that cannot be read",
    ]


def test_of_two_lines_with_one_key_the_first_counts(data_of: Any, raw: Raw) -> None:
    clean = prepared(data_of, raw, skip_bad=True)
    raw.write("train", more_users="".join(f"utrain{i},1,101\x0277\x031.0\n" for i in range(20)))
    again = prepared(data_of, raw, skip_bad=True)
    assert np.array_equal(again.array("train_sparse"), clean.array("train_sparse"))


def test_windows_line_ends_and_a_missing_last_one_are_fine(data_of: Any, raw: Raw) -> None:
    clean = prepared(data_of, raw)
    for file in FILES:
        path = raw.folder / file
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").rstrip())
    assert np.array_equal(prepared(data_of, raw).array("test_sparse"), clean.array("test_sparse"))


def test_missing_files_are_named_with_their_source(data_of: Any, raw: Raw) -> None:
    (raw.folder / FILES[1]).unlink()
    with pytest.raises(UserError, match=rf"without {FILES[1]}; expected .*data set 408 \(Ali-CCP\)"):
        prepared(data_of, raw)
    with pytest.raises(UserError, match=r"data\.path: got null; expected the folder"):
        prepare(SimpleNamespace(data=data_of("ali_ccp")), raw.folder)


@pytest.mark.parametrize("name", ["sample_skeleton_test.csv", "common_features_train.csv"])
def test_an_empty_file_is_refused(data_of: Any, raw: Raw, name: str) -> None:
    (raw.folder / name).write_text("")
    with pytest.raises(UserError, match=r"no click at all|a key without common features|an empty file"):
        prepared(data_of, raw)


def test_a_dense_feature_has_to_be_a_field(data_of: Any) -> None:
    with pytest.raises(
        ValidationError, match=r"data\.dense: got 777; expected names out of data\.common_fields"
    ):
        data_of("ali_ccp", dense=["777"])


@given(st.lists(st.integers(-1, 20), max_size=80), st.integers(1, 5), st.integers(1, 40))
def test_a_vocabulary_counted_in_parts_is_the_one_counted_whole(
    values: list[int], min_count: int, size: int
) -> None:
    raw = np.array(values, dtype=np.int64)
    known, counts = count_values((raw[i : i + size], None) for i in range(0, len(raw), size))
    vocabulary = vocabulary_of(known, counts, min_count)
    seen = Counter(value for value in values if value >= 0)
    order = sorted((v for v, n in seen.items() if n >= min_count), key=lambda v: (-seen[v], v))
    expected = [order.index(v) + 1 if v in order else 0 for v in values]
    assert vocabulary.encode(raw).tolist() == expected


@pytest.mark.parametrize("name", ["sample_skeleton_train.csv", "common_features_test.csv"])
def test_a_damaged_archive_is_refused_and_nothing_stays_open(data_of: Any, raw: Raw, name: str) -> None:
    """The archive ends within its second block, when columns are being written."""
    whole = gzip.compress((raw.folder / name).read_bytes())
    (raw.folder / name).write_bytes(whole[: len(whole) // 2])
    before = len(os.listdir("/proc/self/fd"))
    data = data_of("ali_ccp", path=str(raw.folder), **FIELDS)
    with pytest.raises(UserError, match=rf"{name}: got a gzip file that is cut short"):
        build(data, locate(data), raw.folder, block_bytes=256)
    assert len(os.listdir("/proc/self/fd")) == before
