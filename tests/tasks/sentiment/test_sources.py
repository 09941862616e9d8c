"""Reviews from files: what is read, how it is split, and all that can be wrong, each named with its rule."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.sentiment.cells import cell_lines, cell_warnings
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.data import prepare
from tests.tasks.sentiment.tiny import FILES, tiny_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "sentiment"
WORDS = {
    "positive": ["positive", "1"],
    "negative": ["negative", "-1"],
    "neutral": ["neutral", "0"],
    "not_named": ["", "nan"],
}
CSV = FILES | {
    "name": "sentiment/absa_csv",
    **dict.fromkeys(("encoding", "separator", "comment", "header", "columns", "table")),
    "text": "text",
    "aspects": None,
    "drop": ["id"],
    "words": WORDS,
    "split": None,
    "val_rate": 0.2,
    "test_rate": 0.3,
    "split_seed": 0,
}
XML = FILES | {
    "name": "sentiment/semeval_xml",
    "train_file": "train.xml",
    "test_file": "test.xml",
    "val_rate": 0.25,
    "split_seed": 0,
}
VISFD = FILES | {"name": "sentiment/visfd"}
Write = Callable[..., Path]


def config_for(section: dict[str, Any], path: Path | None, **changes: Any) -> SentimentConfig:
    sections = tiny_config().model_dump()
    data = section | {"path": None if path is None else str(path)} | changes
    return SentimentConfig.model_validate(sections | {"data": data})


def faults(config: SentimentConfig, tmp_path: Path) -> str:
    with pytest.raises(UserError, match=r"expected|cannot be used") as caught:
        prepare(config, tmp_path / "cache")
    return str(caught.value)


def labels(prepared: Prepared, split: str) -> list[list[int]]:
    found: list[list[int]] = prepared.array(f"{split}_labels").tolist()
    return found


@pytest.fixture
def visfd(tmp_path: Path) -> Write:
    """`visfd(train, dev, test)`: the three files with these rows of comment and label."""

    def write(*splits: list[tuple[str, str]]) -> Path:
        folder = tmp_path / "visfd"
        folder.mkdir(exist_ok=True)
        for name, rows in zip(("Train", "Dev", "Test"), splits, strict=True):
            lines = [f'{i},"{comment}",5,1/1/2020,{label}' for i, (comment, label) in enumerate(rows)]
            text = "\n".join(["index,comment,n_star,date_time,label", *lines]) + "\n"
            (folder / f"{name}.csv").write_text(text, encoding="utf-8-sig")
        return folder

    return write


GOOD = [("pin tốt", "{BATTERY#Positive};{PRICE#Neutral};"), ("máy\nxấu", "{DESIGN#Negative};{OTHERS};")]


def test_visfd_is_read_with_its_own_split(visfd: Write, tmp_path: Path) -> None:
    """Aspects in alphabetical order: BATTERY, DESIGN, PRICE; OTHERS has no polarity."""
    folder = visfd(GOOD, GOOD[:1], [*GOOD, ("ok", "")])
    found = prepare(config_for(VISFD, folder), tmp_path / "cache")
    assert found.facts["aspects"] == ["BATTERY", "DESIGN", "PRICE"]
    assert labels(found, "train") == [[0, -1, 2], [-1, 1, -1]]
    assert labels(found, "test")[2] == [-1, -1, -1]
    assert found.facts["rows"] == {"train": 2, "val": 1, "test": 3}
    assert found.facts["without_polarity"] == {"OTHERS": 2}
    assert found.facts["seen_in_training"] == {"val": 1, "test": 2}
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
    assert "a polarity is Positive, Negative or Neutral: Train.csv row 4 ('Good')" in told
    assert "a label names an aspect once: Train.csv row 6" in told
    assert "Train.csv row 5 ('BATTERY#Positive'), Train.csv row 7" in told
    assert "and 2 more" in told
    assert "data.skip_bad=true" in told


def test_bad_rows_are_left_out_and_counted_on_request(visfd: Write, tmp_path: Path) -> None:
    folder = visfd([*GOOD, ("", "{BATTERY#Positive};")], GOOD, GOOD)
    found = prepare(config_for(VISFD, folder, skip_bad=True), tmp_path / "cache")
    assert found.facts["rows"]["train"] == 2
    assert found.facts["skipped"] == {"a review needs text": {"n": 1, "first": ["Train.csv row 3"]}}


def test_an_aspect_that_training_does_not_name_is_left_out_and_counted(visfd: Write, tmp_path: Path) -> None:
    folder = visfd(GOOD, GOOD, [*GOOD, ("loa to", "{SOUND#Positive};{BATTERY#Negative};")])
    found = prepare(config_for(VISFD, folder), tmp_path / "cache")
    assert found.facts["never_trained"] == {"SOUND": 1}
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
        (lambda f: (f / "Dev.csv").write_text("comment,label\na\n"), "Dev.csv row 1 (1 instead of 2)"),
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


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_column_that_is_no_aspect_is_told_as_a_column(table: Path, tmp_path: Path, skip_bad: bool) -> None:
    """Of the numbers 0 to 39 in `id`, 0 and 1 happen to be words."""
    told = faults(config_for(CSV, table, drop=[], skip_bad=skip_bad), tmp_path).split("\n")
    assert told == [
        f"{table}, column 'id': got 38 of 40 cells that are none of data.words, such as '2'; expected an "
        "aspect. It looks like none: data.drop=[id], or are data.words right?"
    ]
    (line,) = faults(config_for(CSV, table, aspects=["staff", "id"]), tmp_path).split("\n")
    assert line.endswith("take it out of data.aspects, or are data.words right?")


def test_half_of_a_column_may_be_mistakes(table: Path, tmp_path: Path) -> None:
    """Twenty of forty cells are unknown words, and are told row by row; one more, and the column is."""
    words = WORDS | {"positive": ["1"], "neutral": ["0"]}
    row_by_row = faults(config_for(CSV, table, words=words), tmp_path)
    assert "got 20 reviews that cannot be used" in row_by_row
    table.write_text(table.read_text().replace("review 1 x,-1", "review 1 x,bad"))
    assert "column 'food': got 21 of 40 cells" in faults(config_for(CSV, table, words=words), tmp_path)


def test_words_that_most_rows_have_somewhere_are_told_as_words(table: Path, tmp_path: Path) -> None:
    """`mixed` stands in the food of every second row and in the staff of three others: 23 of 40."""
    rows = [f"{i},text {i},{'1' if i % 2 else 'mixed'},{'meh' if i in (1, 3, 5) else '1'}" for i in range(40)]
    table.write_text("\n".join(["id,text,food,staff", *rows]))
    (line,) = faults(config_for(CSV, table), tmp_path).split("\n")
    assert line.startswith(
        f"data.words: got 23 of 40 rows of {table} with other words: 'mixed' (20), 'meh' (3);"
    )


def test_columns_in_another_role_are_told_as_columns_too(table: Path, tmp_path: Path) -> None:
    table.write_text("\n".join(["id,text,note,food", *(f"{i},review {i},,1" for i in range(40))]))
    told = faults(config_for(CSV, table, text="note", split="id", aspects=["food"]), tmp_path).split("\n")
    assert told == [
        f"{table}, column 'note': got nothing in 40 of 40 cells; expected the text of a review. Is "
        "data.text the right column?",
        f"{table}, column 'id': got 40 of 40 cells such as '0'; expected train, val or test. Is "
        "data.split the right column?",
    ]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator_is_found(table: Path, tmp_path: Path, mark: str) -> None:
    before = prepare(config_for(CSV, table), tmp_path / "cache")
    table.write_text(table.read_text().replace(",", mark))
    after = prepare(config_for(CSV, table), tmp_path / "cache")
    assert after.facts == before.facts


def test_a_table_is_recognised_by_its_bytes(table: Path, tmp_path: Path) -> None:
    before = prepare(config_for(CSV, table), tmp_path / "cache")
    text = table.read_text()
    for raw in (gzip.compress(text.encode()), text.encode("utf-16"), text.encode("utf-8-sig")):
        table.write_bytes(raw)
        assert prepare(config_for(CSV, table), tmp_path / "cache").facts == before.facts
    table.write_bytes(b"<!doctype html><html>Sign in</html>")
    assert "got a web page, perhaps a message or a form to sign in" in faults(
        config_for(CSV, table), tmp_path
    )


def opinions_2014(*pairs: tuple[str, str]) -> str:
    inner = "".join(f'<aspectCategory category="{c}" polarity="{p}"/>' for c, p in pairs)
    return f"<aspectCategories>{inner}</aspectCategories>"


def opinions_2016(*pairs: tuple[str, str]) -> str:
    inner = "".join(f'<Opinion target="x" category="{c}" polarity="{p}"/>' for c, p in pairs)
    return f"<Opinions>{inner}</Opinions>"


def write_xml(folder: Path, file: str, sentences: list[str], year: int = 2014) -> None:
    folder.mkdir(exist_ok=True)
    inner = "".join(
        f'<sentence id="s{i}"><text>words {i}</text>{opinions}</sentence>'
        for i, opinions in enumerate(sentences)
    )
    root = f"<sentences>{inner}</sentences>"
    whole = root if year == 2014 else f"<Reviews><Review rid='1'>{root}</Review></Reviews>"
    (folder / file).write_text(f'<?xml version="1.0" encoding="UTF-8"?>{whole}')


@pytest.mark.parametrize(("year", "opinions"), [(2014, opinions_2014), (2016, opinions_2016)])
def test_both_years_of_semeval_are_read(tmp_path: Path, year: int, opinions: Callable[..., str]) -> None:
    """An aspect with two polarities or a conflict counts as not named; the same polarity twice is one."""
    good = opinions(("food", "positive"), ("staff", "negative"))
    unclear = opinions(("food", "conflict"), ("staff", "positive"), ("staff", "negative"))
    twice = opinions(("food", "neutral"), ("food", "neutral"))
    folder = tmp_path / "semeval"
    write_xml(folder, "train.xml", [good] * 8, year)
    write_xml(folder, "test.xml", [good, unclear, twice, ""], year)
    found = prepare(config_for(XML, folder), tmp_path / "cache")
    assert found.facts["aspects"] == ["food", "staff"]
    assert found.facts["rows"] == {"train": 6, "val": 2, "test": 4}
    assert labels(found, "test") == [[0, 1], [-1, -1], [2, -1], [-1, -1]]
    assert found.facts["aspects_without_one_polarity"] == 2


def test_sentences_out_of_scope_are_left_out(tmp_path: Path) -> None:
    folder, good = tmp_path / "semeval", opinions_2016(("food", "positive"))
    for file in ("train.xml", "test.xml"):
        write_xml(folder, file, [good] * 8, 2016)
    text = (folder / "test.xml").read_text().replace('id="s3"', 'id="s3" OutOfScope="TRUE"')
    (folder / "test.xml").write_text(text)
    assert prepare(config_for(XML, folder), tmp_path / "cache").facts["rows"]["test"] == 7


def test_bad_sentences_and_files_are_named(tmp_path: Path) -> None:
    folder, good = tmp_path / "semeval", opinions_2014(("food", "positive"))
    write_xml(folder, "train.xml", [good] * 8)
    write_xml(folder, "test.xml", [good, opinions_2014(("food", "great")), opinions_2014(("", "neutral"))])
    told = faults(config_for(XML, folder), tmp_path)
    assert "test.xml sentence s1 ('great')" in told
    assert "an opinion has a category and a polarity: test.xml sentence s2" in told
    write_xml(folder, "test.xml", ["<aspectTerms/>"])
    assert "got 1 sentences without categories; expected aspectCategory" in faults(
        config_for(XML, folder), tmp_path
    )
    (folder / "test.xml").write_text("<sentences><sentence>")
    assert "expected an XML file. Is it complete?" in faults(config_for(XML, folder), tmp_path)


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
    assert facts["never_trained"] == {}
