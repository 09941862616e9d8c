"""Reviews from files: what is read, how it is split, and all that can be wrong, each named with its rule."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow.parquet import read_schema as schema_of

from sweeper.errors import UserError
from sweeper.task import Prepared, content_warnings
from sweeper_tasks.sentiment import absa_csv
from sweeper_tasks.sentiment.cells import cell_lines, cell_warnings
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.data import prepare
from sweeper_tasks.sentiment.words import plain
from tests.tasks.sentiment.tiny import FILES, tiny_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "sentiment"
WORDS = {
    "positive": ["positive", "1"],
    "negative": ["negative", "-1"],
    "neutral": ["neutral", "0"],
    "not_named": ["nan"],
}
RATES = {"val_rate": 0.25, "test_rate": 0.25, "split_seed": 0}
PLAIN = {name: [name] for name in ("positive", "negative", "neutral")}
CSV = FILES | {
    "name": "sentiment/absa_csv",
    "text": "text",
    "aspects": None,
    "drop": ["id"],
    "words": WORDS,
    "files": None,
    "encoding": None,
    "separator": None,
    "comment": None,
    "header": None,
    "columns": None,
    "table": None,
    "split": None,
    "group": None,
    "val_rate": 0.2,
    "test_rate": 0.3,
    "split_seed": 0,
}
XML = (
    FILES
    | RATES
    | {
        "name": "sentiment/semeval_xml",
        "files": {"train": "train.xml", "test": "test.xml"},
        "words": PLAIN | {"not_named": ["conflict"]},
    }
)
VISFD = (
    FILES
    | RATES
    | {
        "name": "sentiment/visfd",
        "files": {"train": "Train.csv", "val": "Dev.csv", "test": "Test.csv"},
        "words": PLAIN | {"not_named": []},
    }
)
Write = Callable[..., Path]


def config_for(section: dict[str, Any], path: Path | None, **changes: Any) -> SentimentConfig:
    sections = tiny_config().model_dump()
    data = section | {"path": None if path is None else str(path)} | changes
    return SentimentConfig.model_validate(sections | {"data": data})


def faults(config: SentimentConfig, tmp_path: Path) -> str:
    with pytest.raises(UserError, match=r"expected|cannot be used") as caught:
        prepare(config, tmp_path / "cache")
    return str(caught.value)


def warned(prepared: Prepared) -> list[str]:
    """What a study warns of in these data."""
    return [*content_warnings(prepared.facts), *tiny_config().warnings(prepared.facts)]


def read(section: dict[str, Any], path: Path, tmp_path: Path, **changes: Any) -> Prepared:
    return prepare(config_for(section, path, **changes), tmp_path / "cache")


def labels(prepared: Prepared, split: str) -> list[list[int]]:
    found: list[list[int]] = prepared.array(f"{split}_labels").tolist()
    return found


@pytest.fixture
def visfd(tmp_path: Path) -> Write:
    """`visfd(train, dev, test)`: the three files with these rows of comment and label.

    A comment ends with the name of its split, unless `as_they_are`.
    """

    def write(*splits: list[tuple[str, str]], as_they_are: bool = False) -> Path:
        folder = tmp_path / "visfd"
        folder.mkdir(exist_ok=True)
        for name, rows in zip(("Train", "Dev", "Test"), splits, strict=True):
            end = "" if as_they_are else f" {name}"
            texts = [(comment and f"{comment}{end}", label) for comment, label in rows]
            lines = [f'{i},"{comment}",5,1/1/2020,{label}' for i, (comment, label) in enumerate(texts)]
            text = "\n".join(["index,comment,n_star,date_time,label", *lines]) + "\n"
            (folder / f"{name}.csv").write_text(text, encoding="utf-8-sig")
        return folder

    return write


GOOD = [("pin tốt", "{BATTERY#Positive};{PRICE#Neutral};"), ("máy\nxấu", "{DESIGN#Negative};{OTHERS};")]


def test_visfd_is_read_with_its_own_split(visfd: Write, tmp_path: Path) -> None:
    """Aspects in alphabetical order: BATTERY, DESIGN, PRICE; OTHERS has no polarity."""
    folder = visfd(GOOD, GOOD[:1], [*GOOD, ("ok", "")])
    found = prepare(config_for(VISFD, folder), tmp_path / "cache")
    assert found.facts["contents"]["rows"] == {"train": 2, "val": 1, "test": 3}
    assert found.facts["aspects"] == ["BATTERY", "DESIGN", "PRICE"]
    assert labels(found, "train") == [[0, -1, 2], [-1, 1, -1]]
    assert labels(found, "test")[2] == [-1, -1, -1]
    assert found.facts["rows"] == {"train": 2, "val": 1, "test": 3}
    assert found.facts["without_polarity"] == {"OTHERS": 2}
    assert found.real


def test_all_bad_rows_are_told_at_once_by_rule_with_counts_and_names(visfd: Write, tmp_path: Path) -> None:
    bad = [
        ("", "{BATTERY#Positive};"),
        ("a", "{BATTERY#Good};"),
        ("b", "BATTERY#Positive"),
        ("c", "{BATTERY#Positive};{BATTERY#Negative};"),
        *[("d", "{#Positive}")] * 6,
    ]
    folder = visfd([*GOOD, *bad], GOOD, GOOD)
    told = faults(config_for(VISFD, folder), tmp_path)
    assert "got 10 reviews that cannot be used" in told
    assert "a review needs text: Train.csv row 3 ('')" in told
    assert "a polarity is one of data.words: Train.csv row 4 ('Good')" in told
    assert "a label names an aspect once: Train.csv row 6" in told
    assert "Train.csv row 5 ('BATTERY#Positive'), Train.csv row 7" in told
    assert "and 2 more" in told
    assert "data.skip_bad=true" in told


def test_bad_rows_are_left_out_and_counted_on_request(visfd: Write, tmp_path: Path) -> None:
    folder = visfd([*GOOD, ("", "{BATTERY#Positive};")], GOOD, GOOD)
    found = prepare(config_for(VISFD, folder, skip_bad=True), tmp_path / "cache")
    assert found.facts["rows"]["train"] == 2
    assert found.facts["skipped"] == {
        "a review needs text": {"n": 1, "first": ["Train.csv row 3"], "got": {"''": 1}}
    }


def test_an_aspect_that_training_does_not_name_is_left_out_and_counted(visfd: Write, tmp_path: Path) -> None:
    folder = visfd(GOOD, GOOD, [*GOOD, ("loa to", "{SOUND#Positive};{BATTERY#Negative};")])
    found = prepare(config_for(VISFD, folder), tmp_path / "cache")
    assert any("got no training example of aspect SOUND (0 on val, 1 on test)" in w for w in warned(found))
    assert labels(found, "test")[2] == [1, -1, -1]


def test_the_digest_knows_what_files_hold_not_where_they_lie(visfd: Write, tmp_path: Path) -> None:
    folder = visfd(GOOD, GOOD, GOOD)
    one = prepare(config_for(VISFD, folder), tmp_path / "cache").digest
    moved = folder.rename(tmp_path / "moved")
    assert prepare(config_for(VISFD, moved), tmp_path / "cache").digest == one
    (moved / "Dev.csv").write_text((moved / "Dev.csv").read_text().replace("Negative", "Neutral"))
    assert prepare(config_for(VISFD, moved), tmp_path / "cache").digest != one


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "Dev.csv").unlink(), "without Dev.csv; expected Train.csv, Dev.csv, Test.csv in it"),
        (
            lambda f: (f / "Dev.csv").write_bytes(b"index,comment\xff"),
            "Dev.csv, line 1: got byte 0xff at character 14, which is not UTF-8",
        ),
        (lambda f: (f / "Dev.csv").write_text(""), "Dev.csv: got an empty file; expected a table"),
        (lambda f: (f / "Dev.csv").write_text("coment,label\n"), "did you mean 'coment'?"),
        (lambda f: (f / "Dev.csv").write_text('comment,label\n"a,{B#Positive}'), "Is a quotation mark miss"),
        (lambda f: (f / "Dev.csv").write_text("comment,label\n"), "got no usable review for val"),
        (
            lambda f: (f / "Dev.csv").write_text("comment,label\nb,{PRICE#Positive};\na\n"),
            "Dev.csv row 2 (1 instead of 2)",
        ),
    ],
)
def test_a_damaged_file_is_named(
    visfd: Write, tmp_path: Path, damage: Callable[[Path], Any], told: str
) -> None:
    folder = visfd(GOOD, GOOD, GOOD)
    damage(folder)
    assert told in faults(config_for(VISFD, folder), tmp_path)


def test_a_folder_must_be_named(tmp_path: Path) -> None:
    assert "data.path: got nothing; expected a folder" in faults(config_for(VISFD, None), tmp_path)
    assert "data.path: got nothing; expected a file" in faults(config_for(CSV, None), tmp_path)


def test_without_a_cell_with_enough_examples_there_is_no_macro_f1(visfd: Write, tmp_path: Path) -> None:
    config = config_for(VISFD, visfd(GOOD, GOOD, GOOD), min_support=5)
    assert "data.min_support: got 5; expected at most 1, the most examples of a cell in train" in faults(
        config, tmp_path
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """40 good rows; the food of row i is good, bad, neither or not named in turn."""
    words = ["positive", "-1", "Neutral", ""]
    rows = [f"{i},review {i} x,{words[i % 4]},1" for i in range(40)]
    file = tmp_path / "reviews.csv"
    file.write_text("\n".join(["id,text,food,staff", *rows]))
    return file


def test_a_table_has_an_aspect_a_column_and_is_split_by_its_rates(table: Path, tmp_path: Path) -> None:
    found = prepare(config_for(CSV, table), tmp_path / "cache")
    assert found.facts["aspects"] == ["food", "staff"]
    assert found.facts["rows"] == {"train": 20, "val": 8, "test": 12}
    together = [row for split in ("train", "val", "test") for row in labels(found, split)]
    assert sorted(together) == sorted([[0, 0], [1, 0], [2, 0], [-1, 0]] * 10)
    other = prepare(config_for(CSV, table, split_seed=1), tmp_path / "cache")
    assert labels(other, "test") != labels(found, "test")


def test_a_column_may_name_the_splits_and_columns_may_be_chosen(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    splits = ["where", *(["train", "val", "test", "train"] * 10)]
    table.write_text("\n".join(f"{line},{split}" for line, split in zip(lines, splits, strict=True)))
    config = config_for(CSV, table, split="where", aspects=["food"], drop=[])
    found = prepare(config, tmp_path / "cache")
    assert found.facts["aspects"] == ["food"]
    assert {split: labels(found, split) for split in ("val", "test")} == {
        "val": [[1]] * 10,
        "test": [[2]] * 10,
    }


def test_what_a_table_says_wrong_is_named_with_its_column(table: Path, tmp_path: Path) -> None:
    table.write_text(
        table.read_text().replace("0,review 0 x,positive", "0,review 0 x,good").replace("3 x", "")
    )
    told = faults(config_for(CSV, table), tmp_path)
    assert "got 1 review that cannot be used" in told
    assert "a cell of an aspect holds one of data.words: reviews.csv row 1 ('good' in column 'food')" in told
    named = faults(config_for(CSV, table, aspects=["fod"], text="Text"), tmp_path)
    assert "got no column 'Text'; expected one. It has id, text, food, staff; did you mean 'text'?" in named
    assert "got no column 'fod'" in named
    assert "got no column of an aspect" in faults(
        config_for(CSV, table, drop=["id", "food", "staff"]), tmp_path
    )


def test_a_table_that_is_a_header_only_lacks_rows_not_aspects(table: Path, tmp_path: Path) -> None:
    table.write_text(f"{table.read_text().splitlines()[0]}\n")
    told = faults(config_for(CSV, table), tmp_path)
    assert told == f"{table}: got no rows; expected at least one below the header"


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_column_that_is_no_aspect_is_told_as_a_column(table: Path, tmp_path: Path, skip_bad: bool) -> None:
    """Of the numbers 0 to 39 in `id`, 0 and 1 happen to be words."""
    told = faults(config_for(CSV, table, drop=[], skip_bad=skip_bad), tmp_path).split("\n")
    assert told == [
        f"{table}, column 'id': got 38 of 40 cells that are none of data.words, such as '2'; expected an "
        "aspect. It looks like none: 'data.drop=[id]', or are data.words right?"
    ]
    (line,) = faults(config_for(CSV, table, aspects=["staff", "id"]), tmp_path).split("\n")
    assert line.endswith("take it out of data.aspects, or are data.words right?")


def test_a_few_cells_may_be_mistakes(table: Path, tmp_path: Path) -> None:
    """Five of forty cells are told row by row; a sixth, and their words are, with their numbers."""
    rows = [f"{i},text {i},{'meh' if i < 5 else '1'},{'-1' if i % 2 else '1'}" for i in range(40)]
    table.write_text("\n".join(["id,text,food,staff", *rows]))
    assert "got 5 reviews that cannot be used" in faults(config_for(CSV, table), tmp_path)
    assert prepare(config_for(CSV, table, skip_bad=True), tmp_path / "cache").facts["skipped"] == {
        "a cell of an aspect holds one of data.words": {
            "n": 5,
            "first": [f"reviews.csv row {i}" for i in range(1, 6)],
            "got": {"'meh' in column 'food'": 5},
        }
    }
    table.write_text(
        table.read_text().replace("9 text 9,1", "9 text 9,so so").replace("9,text 9,1", "9,text 9,bad")
    )
    told = faults(config_for(CSV, table, skip_bad=True), tmp_path)
    assert told.startswith(
        f"data.words: got 6 opinions of {table} in other words: 'meh' (5), 'bad' (1); expected"
    )


def test_words_that_many_rows_have_somewhere_are_told_as_words(table: Path, tmp_path: Path) -> None:
    """`mixed` stands in the food of every second row and in the staff of three others: 23 of 40."""
    rows = [f"{i},text {i},{'1' if i % 2 else 'mixed'},{'meh' if i in (1, 3, 5) else '1'}" for i in range(40)]
    table.write_text("\n".join(["id,text,food,staff", *rows]))
    (line,) = faults(config_for(CSV, table), tmp_path).split("\n")
    assert line == (
        f"data.words: got 23 opinions of {table} in other words: 'mixed' (20), 'meh' (3); expected at most "
        "5, whatever data.skip_bad. Add each to its polarity, or to data.words.not_named where it gives no "
        "opinion. They stand in 'food', 'staff': where one is no aspect, name it in data.drop"
    )


NUMBERS: dict[str, list[Any]] = {"positive": ["positive"], "negative": ["negative"], "neutral": ["neutral"]}


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize(
    "coding",
    [("0", "1", "2"), ("-1", "0", "1"), ("1.0", "0.0", "-1.0"), ("1", "3", "5"), ("0", "4", "2")],
)
def test_numbers_are_no_polarities_unless_the_user_says_so(
    table: Path, tmp_path: Path, coding: tuple[str, ...], skip_bad: bool
) -> None:
    rows = [f"{i},text {i},{coding[i % 3]},positive" for i in range(42)]
    table.write_text("\n".join(["id,text,food,staff", *rows]))
    told = faults(config_for(CSV, table, words=NUMBERS | {"not_named": []}, skip_bad=skip_bad), tmp_path)
    assert (
        f"got 42 opinions of {table} in other words: '{plain(coding[0])}' (14), '{plain(coding[1])}' (14)"
        in told
    )
    assert "What a number means is yours to say, such as data.words.positive=[1]" in told
    said = {
        name: [*words, float(number)] for (name, words), number in zip(NUMBERS.items(), coding, strict=True)
    }
    found = prepare(config_for(CSV, table, words=said | {"not_named": []}), tmp_path / "cache")
    assert np.sum(found.facts["counts"]["train"], axis=0).min() >= 6


def test_words_are_compared_by_value(table: Path, tmp_path: Path) -> None:
    """As other programs write a table: 1.0, blanks, a minus sign, capitals; empty is not named."""
    rows = [
        f"{i},text {i},{cell},1"
        for i, cell in enumerate([" 1.0 ", "+1", "\u22121", "-1.0", "NEUTRAL ", ""] * 7)
    ]
    table.write_text("\n".join(["id,text,food,staff", *rows]), encoding="utf-8")
    found = prepare(config_for(CSV, table), tmp_path / "cache")
    together = [row[0] for split in ("train", "val", "test") for row in labels(found, split)]
    assert [together.count(c) for c in (0, 1, 2, -1)] == [14, 14, 7, 7]


def test_one_polarity_alone_is_no_question(table: Path, tmp_path: Path) -> None:
    """The same data do for learning which aspects are named."""
    table.write_text(
        "\n".join(["id,text,food,staff", *(f"{i},text {i},1,{'1' * (i % 2)}" for i in range(40))])
    )
    facts = prepare(config_for(CSV, table), tmp_path / "cache").facts
    (fault,) = tiny_config().faults(facts)
    assert "opinions in training, all of them positive; expected two polarities" in str(fault)
    assert tiny_config(absent="class").faults(facts) == []


def test_a_polarity_or_an_aspect_without_a_training_example_is_a_warning(
    visfd: Write, tmp_path: Path
) -> None:
    folder = visfd(GOOD, GOOD, [*GOOD, ("neu", "{BATTERY#Negative};{SOUND#Positive};")])
    assert not any(
        "no training example of polarity" in line for line in warned(read(VISFD, folder, tmp_path))
    )
    two = [("tốt", "{BATTERY#Positive};"), ("xấu", "{BATTERY#Positive};{PRICE#Neutral};")]
    told = warned(read(VISFD, visfd(two, two, [*two, *GOOD]), tmp_path))
    assert any(
        "got no training example of polarity negative (0 on val, 1 on test), aspect DESIGN (0 on val" in line
        for line in told
    )


def test_aspects_that_differ_in_capitals_only_are_a_warning(visfd: Write, tmp_path: Path) -> None:
    folder = visfd([*GOOD, ("a", "{battery#Negative};")], GOOD, GOOD)
    (told,) = [line for line in warned(read(VISFD, folder, tmp_path)) if "capitals" in line]
    assert "'BATTERY' and 'battery'. Each counts on its own" in told


def test_texts_that_stand_in_training_too_are_counted(visfd: Write, tmp_path: Path) -> None:
    folder = visfd([*GOOD, ("a", "{PRICE#Neutral};")], GOOD, [*GOOD, ("b", "")], as_they_are=True)
    told = warned(read(VISFD, folder, tmp_path))
    assert any("2 of 3 reviews of test (66.7%) that stand in train" in line for line in told)


def test_the_same_texts_as_two_splits_are_refused(visfd: Write, tmp_path: Path) -> None:
    folder = visfd(GOOD, [("x", "{PRICE#Neutral};")], GOOD[::-1], as_they_are=True)
    told = faults(config_for(VISFD, folder), tmp_path)
    assert "got the same 2 reviews in train as in test" in told
    assert "leave data.files.val or data.files.test out (null)" in told


def test_columns_in_another_role_are_told_as_columns_too(table: Path, tmp_path: Path) -> None:
    table.write_text("\n".join(["id,text,note,food", *(f"{i},review {i},,1" for i in range(40))]))
    told = faults(config_for(CSV, table, text="note", aspects=["food"]), tmp_path)
    assert told == (
        f"{table}, column 'note': got nothing in 40 of 40 cells; expected the text of a review. Is "
        "data.text the right column?"
    )
    told = faults(config_for(CSV, table, split="id", aspects=["food"]), tmp_path)
    assert "column 'id': got another word in 40 rows (first: 1); expected train, val or test" in told


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator_is_found_out(table: Path, tmp_path: Path, mark: str) -> None:
    plain = labels(read(CSV, table, tmp_path), "train")
    table.write_text(table.read_text().replace(",", mark))
    assert labels(read(CSV, table, tmp_path), "train") == plain


@pytest.mark.parametrize("form", ["gz", "utf-16", "parquet", "comma behind"])
def test_a_table_is_read_by_what_it_is(table: Path, tmp_path: Path, form: str) -> None:
    """Packed, saved by Excel as Unicode, a Parquet file that is called .csv, a comma behind each row."""
    plain, text = labels(read(CSV, table, tmp_path), "train"), table.read_text()
    if form == "gz":
        table.write_bytes(gzip.compress(text.encode()))
    elif form == "utf-16":
        table.write_text(text, encoding="utf-16")
    elif form == "parquet":
        pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False).to_parquet(table)
    else:
        table.write_text("\n".join(f"{line}," for line in text.splitlines()))
    assert labels(read(CSV, table, tmp_path), "train") == plain


def test_a_table_without_a_header_has_its_names_from_the_user(table: Path, tmp_path: Path) -> None:
    plain = labels(read(CSV, table, tmp_path), "train")
    table.write_text("\n".join(table.read_text().splitlines()[1:]))
    names = {"header": False, "columns": ["id", "text", "food", "staff"]}
    assert labels(read(CSV, table, tmp_path, **names), "train") == plain


def test_splits_are_files_or_drawn_from_the_training_file(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, part in (("a1.csv", lines[1:15]), ("a2.csv", lines[15:31]), ("b.csv", lines[31:])):
        (folder / name).write_text("\n".join([lines[0], *part]))
    found = read(CSV, folder, tmp_path, files={"train": "a*.csv", "test": "b.csv"})
    assert found.facts["rows"] == {"train": 24, "val": 6, "test": 10}
    drawn = read(CSV, folder, tmp_path, files={"train": "a*.csv"})
    assert drawn.facts["rows"] == {"train": 16, "val": 6, "test": 8}
    told = faults(
        config_for(CSV, folder, files={"train": "a*.csv", "val": "b.csv", "test": "b.csv"}), tmp_path
    )
    assert "got the same 10 reviews in val as in test" in told
    told = faults(config_for(CSV, folder, files={"train": "c.csv"}), tmp_path)
    assert "without c.csv; expected c.csv in it" in told
    assert "'data.files={train:a.csv,test:b.csv}'" in faults(config_for(CSV, folder), tmp_path)


def test_rates_mean_nothing_where_nothing_is_drawn() -> None:
    files = {"train": "a.csv", "val": "b.csv", "test": "c.csv"}
    rates = {"data.val_rate", "data.test_rate", "data.split_seed"}
    inactive = config_for(CSV, None, files=files).inactive(10)
    assert inactive & rates == rates
    assert config_for(CSV, None).inactive(10) & rates == set()
    assert config_for(XML, None).inactive(10) & rates == {"data.test_rate"}


def test_groups_are_not_cut_apart(tmp_path: Path) -> None:
    """60 reviews by 20 customers, three each."""
    file = tmp_path / "reviews.csv"
    rows = [f"c{i // 3},review {i} by {i // 3},{(1, -1)[i // 3 % 2]}" for i in range(60)]
    file.write_text("\n".join(["who,text,food", *rows]))
    source = absa_csv.source(config_for(CSV, file, drop=[], group="who").data)  # type: ignore[arg-type]
    customers = {
        split: {review.text.split()[-1] for review in reviews}
        for split, reviews in source.read().splits.items()
    }
    assert sum(len(some) for some in customers.values()) == 20
    assert min(len(some) for some in customers.values()) >= 3


@pytest.mark.skipif(not REAL.exists(), reason="needs shared/data beside the checkout")
def test_the_real_reviews_load_with_their_documented_counts(tmp_path: Path) -> None:
    facts = prepare(config_for(VISFD, REAL, vocabulary_size=300, min_support=20), tmp_path).facts
    assert facts["rows"] == {"train": 7786, "val": 1112, "test": 2224}
    assert len(facts["aspects"]) == 10
    assert facts["without_polarity"] == {"OTHERS": 1694 + 251 + 513}
    assert facts["counts"]["test"][facts["aspects"].index("PRICE")] == [162, 79, 328]
    assert cell_lines(facts)[1:] == [
        "test: macro_f1 averages over 26 of 30 cells; fewer than 20 examples: SCREEN neutral (17), "
        "STORAGE positive (18), STORAGE negative (6), STORAGE neutral (3)",
        "in macro_f1 on test but not on val: DESIGN neutral, SER&ACC neutral",
    ]
    assert cell_warnings(facts) == []
    assert not [line for line in content_warnings(facts, ()) if "no training example" in line]


def test_a_separator_behind_every_row_is_named(table: Path, tmp_path: Path) -> None:
    first, *rows = table.read_text().splitlines()
    table.write_text("\n".join([first, *(f"{row}," for row in rows)]))
    assert "got a comma behind every row and none behind the header" in faults(
        config_for(CSV, table), tmp_path
    )


def test_the_index_of_pandas_is_no_aspect(table: Path, tmp_path: Path) -> None:
    whole = pd.read_csv(table, dtype=str, keep_default_na=False)
    whole.sample(frac=1, random_state=0).to_parquet(file := tmp_path / "shuffled.parquet")
    assert "__index_level_0__" in schema_of(file).names
    assert read(CSV, file, tmp_path).facts["aspects"] == ["food", "staff"]


def test_an_aspect_of_one_file_only_is_refused_unless_it_is_dropped(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:31]))
    for name, part in (("b1.csv", lines[31:36]), ("b2.csv", lines[36:])):
        (tmp_path / name).write_text("\n".join([f"{lines[0]},price", *(f"{row},1" for row in part)]))
    for test in ("b1.csv", "b*.csv"):
        files = {"train": "a.csv", "test": test}
        told = faults(config_for(CSV, tmp_path, files=files), tmp_path)
        assert "a.csv row 1: got no column 'price', which other files have" in told
        found = read(CSV, tmp_path, tmp_path, files=files, drop=["id", "price"])
        assert found.facts["aspects"] == ["food", "staff"]
    files = {"train": "b*.csv", "test": "a.csv"}
    (tmp_path / "b2.csv").write_text("\n".join([lines[0], *lines[36:]]))
    assert "b2.csv row 1: got no column 'price'" in faults(config_for(CSV, tmp_path, files=files), tmp_path)
    wrong = faults(config_for(CSV, tmp_path, files=files, drop=["id", "pric"]), tmp_path)
    assert "data.drop: got 'pric'; expected a column of the files; did you mean 'price'?" in wrong
