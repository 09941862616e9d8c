"""Tables from a file: what is a number, a category, missing; splits; all that can be wrong, in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from sweeper_tasks.diagnosis.data import prepare
from tests.tasks.diagnosis.tiny import SHARED, tiny_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "diagnosis"
CSV: dict[str, Any] = SHARED | {
    "name": "diagnosis/csv",
    "path": None,
    "files": None,
    "label": "outcome",
    "drop": [],
    "missing": ["?", "N/A"],
    **dict.fromkeys(("encoding", "separator", "comment", "header", "columns", "table", "decimal")),
    "types": {},
    "categorical": [],
    "min_count": 1,
    "val_rate": 0.2,
    "test_rate": 0.2,
    "split_seed": 0,
}


def config_for(path: Path | None, **changes: Any) -> DiagnosisConfig:
    sections = tiny_config().model_dump()
    sections["data"] = CSV | {"path": None if path is None else str(path)} | changes
    return DiagnosisConfig.model_validate(sections)


def write(path: Path, n: int = 50, **columns: Any) -> Path:
    """N patients, every fifth ill, with a number `age` and the columns given as functions of the row."""
    columns = {"age": lambda i: 30 + i, "outcome": lambda i: "ill" if i % 5 == 0 else "healthy"} | columns
    rows = [",".join(str(column(i)) for column in columns.values()) for i in range(n)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return path


def read(path: Path, **changes: Any) -> Prepared:
    return prepare(config_for(path, **changes), path.parent / "cache")


def faults(path: Path | None, tmp_path: Path, **changes: Any) -> str:
    with pytest.raises(UserError, match="expected") as caught:
        prepare(config_for(path, **changes), tmp_path / "cache")
    return str(caught.value)


def test_quotes_spaces_and_commas_do_not_make_a_number_a_word(tmp_path: Path) -> None:
    """Plain, quoted by CSV, quoted twice, in single quotes, spaced, with thousands: all of it numbers."""
    forms = ("{}", '"{}"', '"""{}"""', "'{}'", "  {} ", '"1,{:03d}"')
    prepared = read(write(tmp_path / "t.csv", 60, dose=lambda i: forms[i % 6].format(i)))
    assert prepared.facts["numbers"] == ["age", "dose"]
    assert prepared.facts["missing_values"] == {}
    ages = prepared.array("train_numbers")[:, 0].argsort()
    doses = prepared.array("train_numbers")[ages, 1]
    assert (np.diff(doses) > 0).sum() > 20  # rises with age, but for the thousands


def test_texts_are_categories_and_so_are_codes_that_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", sex=lambda i: "fm"[i % 2], ward=lambda i: i % 3)
    assert read(path).facts["numbers"] == ["age", "ward"]
    facts = read(path, categorical=["ward"]).facts
    assert facts["numbers"] == ["age"]
    assert facts["categories"] == [{"name": "sex", "vocabulary": 3}, {"name": "ward", "vocabulary": 4}]


def test_missing_markers_are_missing_in_numbers_and_in_categories(tmp_path: Path) -> None:
    marks = ("?", "N/A", "", '"?"')
    path = write(
        tmp_path / "t.csv",
        lab=lambda i: marks[i // 2 % 4] if i % 2 else i,
        sex=lambda i: "?" if i % 7 == 0 else "fm"[i % 2],
    )
    facts = read(path).facts
    assert facts["missing_values"] == {"lab": 25, "sex": 8}
    assert facts["numbers"] == ["age", "lab"]
    assert facts["indicators"] == ["lab"]
    assert facts["categories"] == [{"name": "sex", "vocabulary": 3}]


def test_a_word_among_numbers_is_told_with_its_row_and_what_to_do(tmp_path: Path) -> None:
    told = faults(write(tmp_path / "t.csv", lab=lambda i: "high" if i == 16 else i), tmp_path)
    assert told == (
        "t.csv, column 'lab': got 'high' among numbers (row 17); expected numbers. "
        "Add it to data.missing if it means that, or name the column in data.categorical"
    )
    path = tmp_path / "t.csv"
    assert read(path, missing=["high"]).facts["missing_values"] == {"lab": 1}
    assert read(path, categorical=["lab"]).facts["categories"] == [{"name": "lab", "vocabulary": 31}]


def test_a_label_of_numbers_is_a_label(tmp_path: Path) -> None:
    prepared = read(write(tmp_path / "t.csv", outcome=lambda i: 1 if i % 5 == 0 else 0))
    assert prepared.facts["classes"] == ["0", "1"]
    assert prepared.facts["counts"] == {"train": [24, 6], "val": [8, 2], "test": [8, 2]}


def test_columns_that_are_dropped_are_not_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", patient=lambda i: f"p{i}", flat=lambda i: 3)
    facts = read(path, drop=["patient"]).facts
    assert facts["numbers"] == ["age"]
    assert facts["categories"] == []
    assert facts["dropped"] == {"flat": "constant in training"}


def test_a_test_file_is_the_test_split_whatever_the_split_seed(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 50)
    write(tmp_path / "b.csv", 20)
    files = {"train": "a.csv", "test": "b.csv"}
    one, other = (
        prepare(config_for(tmp_path, files=files, split_seed=seed), tmp_path / "cache") for seed in (0, 1)
    )
    assert one.facts["counts"] == {"train": [32, 8], "val": [8, 2], "test": [16, 4]}
    assert not np.array_equal(one.array("val_numbers"), other.array("val_numbers"))
    assert np.array_equal(one.array("test_labels"), other.array("test_labels"))


def test_the_digest_knows_what_a_table_holds_not_where_it_lies(tmp_path: Path) -> None:
    one = read(write(tmp_path / "t.csv")).digest
    moved = (tmp_path / "t.csv").rename(tmp_path / "moved.csv")
    assert read(moved).digest == one
    assert read(write(moved, age=lambda i: 31 + i)).digest != one


def test_a_missing_label_column_is_told_with_the_columns_that_are_there(tmp_path: Path) -> None:
    told = faults(write(tmp_path / "t.csv"), tmp_path, label="outcom", drop=["room"])
    expected = (
        "data.label: got 'outcom'; expected a column of t.csv. It has age, outcome; did you mean 'outcome'?"
    )
    assert expected in told
    assert "data.drop: got 'room'; expected a column of the table. It has age, outcome" in told


def test_rows_without_a_diagnosis_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: ("?", "ill", "healthy")[min(i % 4, 2)])
    assert faults(path, tmp_path) == (
        "t.csv, column 'outcome': got nothing in rows 1, 5, 9, ...; expected a diagnosis in every row. "
        "Complete these rows or remove them"
    )


@pytest.mark.parametrize(
    ("words", "alike"),
    [(("0", "1", "no", "yes"), "got '0' (13 rows) and 'no' (12 rows)"), (("N", "y", "no", "Y"), "'N' ")],
)
def test_one_diagnosis_in_two_notations_is_told(tmp_path: Path, words: tuple[str, ...], alike: str) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: words[i % 4])
    found = faults(path, tmp_path)
    assert alike in found
    assert "expected each diagnosis in one spelling" in found


def test_rows_without_a_diagnosis_hide_nothing_else(tmp_path: Path) -> None:
    labels = ("", "ill", "healthy", "Ill")
    path = write(tmp_path / "t.csv", outcome=lambda i: labels[i % 4], age=lambda i: "old" if i == 7 else i)
    told = faults(path, tmp_path)
    assert "column 'outcome': got nothing in rows 1, 5, 9, ..." in told
    assert "expected each diagnosis in one spelling" in told
    assert "column 'age': got 'old' among numbers (row 8)" in told


def test_one_class_only_is_told(tmp_path: Path) -> None:
    told = faults(write(tmp_path / "t.csv", outcome=lambda i: "ill"), tmp_path)
    assert "data.label: got one class only ('ill'); expected 2 to 100 classes" in told


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert "data.path: got null; expected a file. Set data.path=<file>" in faults(None, tmp_path)
    files = {"train": "a.csv", "test": "b.csv"}
    assert "got null; expected a folder. Set data.path=<folder>" in faults(None, tmp_path, files=files)
    assert "none.csv; expected a file that exists. There is none" in faults(tmp_path / "none.csv", tmp_path)
    (tmp_path / "empty.csv").write_text("")
    assert "empty.csv: got an empty file; expected a table" in faults(tmp_path / "empty.csv", tmp_path)
    assert "got no rows; expected at least one" in faults(write(tmp_path / "head.csv", 0), tmp_path)


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_columns_between_other_marks_than_commas_are_found_and_decimal_commas_are_asked_for(
    mark: str, word: str, tmp_path: Path
) -> None:
    """Also where a row has decimal commas, of which a header without any knows nothing."""
    path = write(tmp_path / "t.csv", age=lambda i: i / 2)
    numbers = read(path).array("train_numbers")
    path.write_text(path.read_text().replace(",", mark).replace(".", ","))
    told = faults(path, tmp_path)
    assert "column 'age': got '0,0' among numbers (rows 1, 2, 3, ...)" in told
    assert "data.decimal=comma" in told
    prepared = read(path, decimal="comma")
    assert prepared.facts["reading"] == [f"columns are separated by a {word}"]
    assert np.array_equal(prepared.array("train_numbers"), numbers)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv")
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert read(path).facts["numbers"] == ["age"]


def test_text_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ort=lambda i: "Köln")
    path.write_text(path.read_text(), encoding="latin-1")
    told = faults(path, tmp_path)
    assert told.startswith("t.csv, line 2: got byte 0xf6 at character 9, which is not UTF-8; expected text")
    assert "data.encoding=cp1252" in told
    assert read(path, encoding="cp1252").facts["dropped"] == {"ort": "constant in training"}


def test_a_column_that_is_twice_there_is_told(tmp_path: Path) -> None:
    """Renamed in silence, the second diagnosis would be a finding that tells all."""
    path = write(tmp_path / "t.csv", copy=lambda i: "ill" if i % 5 == 0 else "healthy")
    path.write_text(path.read_text().replace("copy", "outcome"))
    expected = "t.csv: got column 'outcome' more than once; expected each once. Rename or remove one"
    assert faults(path, tmp_path) == expected


def test_rows_that_are_longer_than_the_header_are_told_rather_than_shifted(tmp_path: Path) -> None:
    """With a comma at each row's end pandas would take the first column for the rows' names."""
    path = write(tmp_path / "t.csv")
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(f"{row}," for row in rows)]))
    assert "t.csv: got a comma behind every row and none behind the header" in faults(path, tmp_path)


def test_a_column_without_a_name_has_one_to_be_dropped_by(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", number=lambda i: i)
    path.write_text(path.read_text().replace("number", ""))
    assert read(path).facts["numbers"] == ["age", "Unnamed: 2"]
    assert read(path, drop=["Unnamed: 2"]).facts["numbers"] == ["age"]


@pytest.mark.parametrize("shown", ['"0,{:03d}"', '"{},5"'])
def test_decimal_commas_are_neither_thousands_nor_words(shown: str, tmp_path: Path) -> None:
    """0,512 is no 512, and a column of 1,5 and 2,5 no category."""
    path = write(tmp_path / "t.csv", lab=lambda i: shown.format(i))
    told = faults(path, tmp_path)
    assert "column 'lab': got '" in told
    assert "(rows 1, 2, 3, ...); expected numbers with a decimal point" in told
    assert read(path, categorical=["lab"]).facts["categories"] == [{"name": "lab", "vocabulary": 31}]


@pytest.mark.parametrize(("one", "other"), [("ill", "Ill"), ("very ill", "very  ill")])
def test_a_diagnosis_in_two_spellings_is_told(one: str, other: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: "0" if i % 5 else (one, other)[i % 2])
    told = faults(path, tmp_path)
    assert f"'{one}' (5 rows)" in told
    assert f"'{other}' (5 rows)" in told
    assert "data.label, column 'outcome': got '" in told


@pytest.mark.parametrize(
    ("ill", "well", "names"),
    [
        (("1", "1.0"), ("0", "0.0"), ["0", "1"]),
        (("True", "true"), ("False", "false"), ["False", "True"]),
        (("2", "2.00"), ("3", "3."), ["3", "2"]),
        (("1", "True"), ("0", "False"), ["0", "1"]),
    ],
)
def test_a_diagnosis_is_known_by_its_value(
    ill: tuple[str, str], well: tuple[str, str], names: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: (well if i % 5 else ill)[i // 5 % 2])
    assert read(path).facts["classes"] == names


@pytest.mark.parametrize("word", ["NA", "None", "null"])
def test_a_diagnosis_that_may_mean_that_there_is_none_is_asked_for(word: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: word if i % 5 else "ill")
    told = faults(path, tmp_path)
    assert f"data.label, column 'outcome': got '{word}' (40)" in told
    quoted = f"'{word}'" if word == "null" else word
    assert f"data.missing=[{quoted}]" in told
    assert read(path, types={"outcome": "category"}).facts["classes"] == [word, "ill"]


def test_a_bad_row_is_told_by_its_place_in_its_own_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 50)
    write(tmp_path / "b.csv", 20, age=lambda i: "old" if i == 3 else i)
    told = faults(tmp_path, tmp_path, files={"train": "a.csv", "test": "b.csv"})
    assert told.startswith("b.csv, column 'age': got 'old' among numbers (row 4); expected numbers")


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    assert f"data.path: got {tmp_path}, a folder; expected a file" in faults(tmp_path, tmp_path)


def test_two_files_must_have_the_same_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", room=lambda i: i)
    write(tmp_path / "b.csv", age=lambda i: 130 + i)
    told = faults(tmp_path, tmp_path, files={"train": "a.csv", "test": "b.csv"})
    expected = "data.files: got columns in one file only (room); expected all in both. Name them in data.drop"
    assert told == expected
    files = {"train": "a.csv", "test": "b.csv"}
    prepare(config_for(tmp_path, files=files, drop=["room"]), tmp_path / "cache")


def files_of_two(tmp_path: Path) -> dict[str, Any]:
    """100 patients with two visits each to train on, 40 other visits to test."""
    write(tmp_path / "a.csv", 200, name=lambda i: f"p{i // 2}")
    write(tmp_path / "b.csv", 40, age=lambda i: 500 + i, name=lambda i: f"p{i + 90}")
    return {"files": {"train": "a.csv", "test": "b.csv"}, "drop": ["name"]}


def test_what_has_no_file_is_drawn_and_groups_stay_together(tmp_path: Path) -> None:
    options = files_of_two(tmp_path)
    two = prepare(config_for(tmp_path, **options), tmp_path)
    assert two.facts["rows"] == {"train": 160, "val": 40, "test": 40}
    only = options | {"files": {"train": "a.csv"}}
    assert prepare(config_for(tmp_path, **only), tmp_path).facts["rows"]["test"] == 40
    grouped = prepare(config_for(tmp_path, **options, group="name"), tmp_path)
    contents = grouped.facts["contents"]
    assert contents["rows"]["val"] % 2 == 0
    assert contents["shared_groups"]["val"] == 0
    assert 0 < contents["shared_groups"]["test"] <= 10
    assert "name" not in [column["name"] for column in grouped.facts["categories"]]
    three = {"files": {"train": "a.csv", "val": "b.csv", "test": "c.csv"}, "drop": ["name"]}
    write(tmp_path / "c.csv", 20, age=lambda i: 900 + i, name=str)
    assert prepare(config_for(tmp_path, **three), tmp_path).facts["rows"] == {
        "train": 200,
        "val": 40,
        "test": 20,
    }


def test_a_column_may_say_the_splits(tmp_path: Path) -> None:
    words = ("train", "train", "train", "Dev", "test")
    path = write(tmp_path / "t.csv", 100, part=lambda i: words[(i // 5) % 5])
    told = read(path, split="part").facts
    assert told["rows"] == {"train": 60, "val": 20, "test": 20}
    assert "part" not in told["numbers"] + [column["name"] for column in told["categories"]]
    path = write(tmp_path / "t.csv", 100, part=lambda i: "test" if i < 20 else "train")
    assert read(path, split="part").facts["rows"] == {"train": 64, "val": 16, "test": 20}


def test_test_patients_who_are_those_of_training_are_refused_and_some_are_counted(tmp_path: Path) -> None:
    options = files_of_two(tmp_path)
    same = options | {"files": {"train": "a.csv", "test": "a.csv"}}
    assert "got the same content for train and test" in faults(tmp_path, tmp_path, **same)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "turned.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    turned = options | {"files": {"train": "a.csv", "test": "turned.csv"}}
    assert "the same 200 patients in test as in train and val" in faults(tmp_path, tmp_path, **turned)
    (tmp_path / "b.csv").write_text(
        "\n".join([lines[0], *lines[1:21], *(f"{900 + i},ill,x" for i in range(20))])
    )
    seen = prepare(config_for(tmp_path, **options), tmp_path).facts["contents"]["copies"]["test"]
    assert seen["train"] + seen["val"] == 20


@pytest.mark.parametrize("odd", ["<600", "12 mg", "high"])
def test_a_few_odd_values_among_numbers_make_no_category(odd: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", lab=lambda i: odd if i % 20 == 3 else i)
    assert f"column 'lab': got '{odd}' among numbers (rows 4, 24, 44)" in faults(path, tmp_path)
    assert read(path, missing=[odd]).facts["numbers"] == ["age", "lab"]
    assert read(path, types={"lab": "category"}).facts["categories"][0]["name"] == "lab"


def test_a_number_that_means_missing_and_a_mixed_column_are_warned_of(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        lab=lambda i: -999 if i % 10 == 3 else i,
        stage=lambda i: "low" if i % 3 == 0 else i % 3,
    )
    told = config_for(path).warnings(read(path).facts)
    assert any("column 'lab': the number -999 (5 times) lies far from all others" in one for one in told)
    assert any("column 'stage': more than half of its values are numbers" in one for one in told)
    assert read(path, missing=[-999]).facts["missing_values"] == {"lab": 5}


def test_patterns_name_columns_to_drop_and_codes(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", id_a=lambda i: i, id_b=lambda i: i, code_x=lambda i: i % 3)
    facts = read(path, drop=["id_*"], categorical=["code_*"]).facts
    assert facts["numbers"] == ["age"]
    assert facts["categories"] == [{"name": "code_x", "vocabulary": 4}]


def test_parquet_and_truth_values_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", outcome=lambda i: i % 5 == 0, smoker=lambda i: i % 2 == 0)
    text = read(path)
    assert text.facts["classes"] == ["False", "True"]
    pd.read_csv(path).to_parquet(tmp_path / "p.csv")
    typed = read(tmp_path / "p.csv")
    assert typed.facts == text.facts
    assert np.array_equal(typed.array("train_categories"), text.array("train_categories"))


@pytest.mark.skipif(not REAL.exists(), reason="needs shared/data beside the checkout")
def test_real_thyroid_patients_have_three_classes_and_their_own_test_split(tmp_path: Path) -> None:
    files = {"train": "thyroid_ann_train.csv", "test": "thyroid_ann_test.csv"}
    own = {"name": "diagnosis/thyroid", "files": files, "label": "diagnosis", "min_count": 5}
    prepared = prepare(config_for(REAL, **own), tmp_path)
    assert prepared.facts["classes"] == ["3", "2", "1"]
    assert prepared.facts["counts"]["test"] == [3178, 177, 73]
    assert prepared.facts["counts"]["val"] == [698, 38, 19]
    assert sum(prepared.facts["counts"]["train"]) == 3772 - 755
    assert prepared.facts["missing_values"] == {}
    assert len(prepared.facts["numbers"]) + len(prepared.facts["dropped"]) == 21


def test_values_that_hardly_a_patient_shares_are_warned_of(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        note=lambda i: "none" if i % 4 == 0 else f"text {i}",
        ward=lambda i: "abc"[i % 3],
    )
    config, prepared = config_for(path, min_count=2), read(path, min_count=2)
    assert set(prepared.facts["rare"]) == {"note"}
    (told,) = (line for line in config.warnings(prepared.facts) if "data.min_count" in line)
    for part in ("column 'note'", "of 30 patients of train", "data.drop"):
        assert part in told
    assert not [line for line in config.warnings(prepared.facts | {"rare": {}}) if "min_count" in line]


@pytest.mark.parametrize(
    "column",
    [
        lambda i: "yes" if i % 5 == 0 else "no",
        lambda i: "" if i % 5 else "J45",  # only the ill have a code
        lambda i: 100 + i if i % 5 == 0 else i / 1000,  # a threshold
    ],
)
def test_a_column_that_decides_the_diagnosis_is_refused_unless_dropped(tmp_path: Path, column: Any) -> None:
    path = write(tmp_path / "t.csv", 100, code=column)
    expected = "t.csv, column 'code': got a feature that tells 'outcome' without error; expected one known"
    assert expected in faults(path, tmp_path)
    assert "data.drop" in faults(path, tmp_path)
    assert read(path, drop=["code"]).facts["numbers"] == ["age"]


def test_a_column_that_decides_one_of_three_diagnoses_is_no_leak(tmp_path: Path) -> None:
    columns = {"outcome": lambda i: "abc"[i % 3], "code": lambda i: int(i % 3 == 0)}
    assert "code" in read(write(tmp_path / "t.csv", 120, **columns)).facts["numbers"]
    all_three = columns | {"code": lambda i: f"code {i % 3}"}
    assert "tells 'outcome'" in faults(write(tmp_path / "u.csv", 120, **all_three), tmp_path)


def test_rows_of_one_patient_do_not_make_a_leak(tmp_path: Path) -> None:
    """Each of 60 patients came three times: the same weight and diagnosis every time."""
    columns = {
        "name": lambda i: f"p{i // 3}",
        "weight": lambda i: 60 + (i // 3) * 7 % 61,
        "outcome": lambda i: "ill" if i // 3 % 4 == 0 else "healthy",
    }
    path = write(tmp_path / "t.csv", 180, **columns)
    assert "weight" in read(path, drop=["name"]).facts["numbers"]
    assert "weight" in read(path, group="name").facts["numbers"]


def test_splits_and_groups_are_taken_by_no_pattern(tmp_path: Path) -> None:
    columns = {"name": lambda i: f"p{i}", "fold": lambda i: ("train", "val", "test")[i // 5 % 3]}
    path = write(tmp_path / "t.csv", 60, sex=lambda i: "fm"[i % 2], **columns)
    facts = read(path, split="fold", group="name", categorical=["rest"]).facts
    assert [one["name"] for one in facts["categories"]] == ["age", "sex"]
    dropped = read(path, split="fold", group="name", categorical=["age"], drop=["rest"]).facts
    assert [one["name"] for one in dropped["categories"]] == ["age"]
    assert dropped["rows"] == {"train": 20, "val": 20, "test": 20}


def test_a_day_may_say_the_group_and_a_list_may_not(tmp_path: Path) -> None:
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(60), unit="D")
    frame = pd.DataFrame({"age": range(60), "outcome": ["ill", "well", "well"] * 20, "day": days})
    frame.to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", group="day").facts["numbers"] == ["age"]
    frame.assign(day=pd.Series([[i] for i in range(60)])).to_parquet(tmp_path / "u.parquet")
    assert "column 'day': got values of the type list" in faults(
        tmp_path / "u.parquet", tmp_path, group="day"
    )
