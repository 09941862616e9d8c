"""SemEval's files as people have them: years, encodings, entities, capitals, missing labels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper_tasks.sentiment import semeval_xml
from sweeper_tasks.sentiment.data import prepare
from tests.tasks.sentiment.test_sources import XML, config_for, faults, labels, read

Write = Callable[..., str]


def opinions_2014(*pairs: tuple[str, str]) -> str:
    inner = "".join(f'<aspectCategory category="{c}" polarity="{p}"/>' for c, p in pairs)
    return f"<aspectCategories>{inner}</aspectCategories>"


def opinions_2016(*pairs: tuple[str, str]) -> str:
    inner = "".join(f'<Opinion target="x" category="{c}" polarity="{p}"/>' for c, p in pairs)
    return f"<Opinions>{inner}</Opinions>"


def write_xml(folder: Path, file: str, sentences: list[str], year: int = 2014) -> None:
    folder.mkdir(exist_ok=True)
    inner = "".join(
        f'<sentence id="s{i}"><text>words {file} {i}</text>{opinions}</sentence>'
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
    write_xml(folder, "test.xml", ['<aspectTerms><aspectTerm term="x" polarity="positive"/></aspectTerms>'])
    assert "Files with aspect terms only (2014, laptops)" in faults(config_for(XML, folder), tmp_path)
    (folder / "test.xml").write_text("<sentences><sentence>")
    assert "expected an XML file. Is it complete?" in faults(config_for(XML, folder), tmp_path)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("<sentences><sentence><text>I <3 it</text></sentence></sentences>", "is written &lt;"),
        ("<sentences><sentence><text>salt & oil</text></sentence></sentences>", "is written &amp;"),
        ("<sentences><sentence><text>a\x1fb</text></sentence></sentences>", "no control characters"),
        ("<sentences><sentence><text>a&#x1F;b</text></sentence></sentences>", "no control characters"),
        ("<sentences><text>caf&#233;</sentence></sentences>", "Is it complete?"),
        ("<sentences/>\n<sentences/>", "make a file of each"),
        ('\n<?xml version="1.0"?><sentences/>', "not even an empty line"),
    ],
)
def test_what_is_wrong_with_xml_is_said(content: str, advice: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_xml(folder, "train.xml", [opinions_2014(("food", "positive"))] * 8)
    (folder / "test.xml").write_text(content)
    assert advice in faults(config_for(XML, folder), tmp_path)


BOTH = [opinions_2014(("food", "positive")), opinions_2014(("food", "negative"))]
CAFE = "caf\u00e9 \u2013 ok"


def save(folder: Path, text: str, head: str, encoding: str) -> None:
    """Training and test file, 20 and 6 sentences with this text in them, in bytes of this encoding."""
    folder.mkdir(exist_ok=True)
    for file, n in (("train.xml", 20), ("test.xml", 6)):
        inner = "".join(
            f'<sentence id="{i}"><text>{text} {file} {i}</text>{BOTH[i % 2]}</sentence>' for i in range(n)
        )
        (folder / file).write_bytes(f"{head}<sentences>{inner}</sentences>".encode(encoding))


def texts(folder: Path) -> set[str]:
    """What the sentences say, without their file and number."""
    splits = semeval_xml.source(config_for(XML, folder).data).read().splits  # type: ignore[arg-type]
    return {" ".join(review.text.split()[:-2]) for reviews in splits.values() for review in reviews}


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>'


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        (declared("utf-8"), "utf-8-sig"),
        (declared("ISO-8859-1"), "utf-8-sig"),
        (declared("UTF-16"), "utf-16"),
        (declared("UTF-16BE"), "utf-16-be"),
        (declared("utf-16"), "utf-8"),
        (declared("windows-1252"), "cp1252"),
        (declared("ISO-8859-1"), "cp1252"),
        ("<?xml version='1.0' encoding='koi8-u'?>", "koi8-u"),
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_has(tmp_path: Path, head: str, encoding: str) -> None:
    """A mark at the beginning counts more than what is declared, and so does what can be read as ASCII.

    Windows' quotation marks and dashes in a file that declares Latin-1 are read as what they are.
    """
    text = CAFE if not encoding.startswith("koi8") else "\u043a\u0430\u0444\u0435"
    save(tmp_path / "x", text, head, encoding)
    assert texts(tmp_path / "x") == {text}


@pytest.mark.parametrize(
    ("head", "encoding", "told"),
    [
        (declared("utf-8"), "cp1252", "that is no UTF-8; expected a text file in UTF-8. It declares utf-8"),
        (declared("ISO-8859-1"), "utf-8", "got text in UTF-8 in a file that declares ISO-8859-1"),
        (declared("klingon"), "utf-8", "got the declared encoding 'klingon', which is not known"),
        (declared("rot13"), "utf-8", "got the declared encoding 'rot13', which is not known"),
    ],
)
def test_a_declaration_that_cannot_be_true_is_one_line(
    tmp_path: Path, head: str, encoding: str, told: str
) -> None:
    save(tmp_path / "x", CAFE, head, encoding)
    (line,) = faults(config_for(XML, tmp_path / "x"), tmp_path).split("\n")
    assert told in line


@pytest.mark.parametrize(
    ("head", "text", "read_as"),
    [
        ("", "fish&nbsp;chips &eacute;t&eacute; &amp; &lt;3 &#233;", "fish chips \u00e9t\u00e9 & <3 \u00e9"),
        ('<!DOCTYPE sentences [<!ENTITY eur "Euro">]>', "ten &eur;", "ten Euro"),
        ('<!DOCTYPE sentences SYSTEM "semeval.dtd">', "ten &euro;", "ten \u20ac"),
        ("", "<![CDATA[fish & chips]]>", "fish & chips"),
    ],
)
def test_named_letters_are_read(tmp_path: Path, head: str, text: str, read_as: str) -> None:
    save(tmp_path / "x", text, head, "utf-8")
    assert texts(tmp_path / "x") == {read_as}


BOMB = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


@pytest.mark.parametrize(
    ("head", "text", "told"),
    [
        ('<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;", "undefined entity"),
        (f'<!DOCTYPE s [<!ENTITY l0 "ha">{BOMB}]>', "&l9;", "amplification"),
        ("", "fish & chips", "In XML an & of the text is written &amp;"),
        ("id,text\n", "1,good", "does not begin with <"),
    ],
)
def test_what_is_no_sound_xml_is_one_line(tmp_path: Path, head: str, text: str, told: str) -> None:
    """Other files are not opened, and what grows without measure is not expanded."""
    save(tmp_path / "x", text, head, "utf-8")
    (line,) = faults(config_for(XML, tmp_path / "x"), tmp_path).split("\n")
    assert told in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "got an empty file; expected an XML file"),
        ("<sentences/>", "got no sentence, but sentences; expected <sentence> with <text>"),
        ("<html><body/></html>", "got no sentence, but body, html"),
        (
            "<sentences><sentence><text>a</text></sentence></sentences>",
            'It has no labels: the file that has them is called "gold"',
        ),
    ],
)
def test_a_file_without_what_is_needed_is_named(tmp_path: Path, content: str, told: str) -> None:
    save(tmp_path / "x", "fine", "", "utf-8")
    (tmp_path / "x" / "test.xml").write_text(content)
    (line,) = faults(config_for(XML, tmp_path / "x"), tmp_path).split("\n")
    assert line.startswith(str(tmp_path / "x" / "test.xml"))
    assert told in line


def test_capitals_and_blanks_do_not_matter_and_other_words_are_refused_by_count(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    words = ["Positive", " POSITIVE ", "Negative", "Conflict"]
    write_xml(folder, "train.xml", [opinions_2014(("food", words[i % 4])) for i in range(40)])
    write_xml(folder, "test.xml", [opinions_2014(("food", word)) for word in ("NEUTRAL", "positive")])
    found = read(XML, folder, tmp_path)
    assert labels(found, "test") == [[2], [0]]
    assert found.facts["aspects_without_one_polarity"] == 10
    write_xml(folder, "train.xml", [opinions_2014(("food", str(i % 3))) for i in range(40)])
    told = faults(config_for(XML, folder, skip_bad=True), tmp_path)
    assert "got 40 opinions" in told
    assert "in other words: '0' (14), '1' (13), '2' (13)" in told
    words_of = {"positive": [2], "negative": [0], "neutral": [1], "not_named": ["conflict"]}
    write_xml(folder, "test.xml", [opinions_2014(("food", "2.0"))])
    assert labels(read(XML, folder, tmp_path, words=words_of), "test") == [[0]]


def reviews(n: int, per_review: int, is_whole: bool = False) -> str:
    """`n` reviews of some sentences, with opinions at each sentence or at the whole review."""
    made = []
    for r in range(n):
        opinions = opinions_2016(("FOOD#QUALITY", ("positive", "negative")[r % 2]))
        inner = "".join(
            f'<sentence id="{r}:{i}"><text>meal {r} part {i}</text>{"" if is_whole else opinions}</sentence>'
            for i in range(per_review)
        )
        end = opinions if is_whole else ""
        made.append(f'<Review rid="{r}"><sentences>{inner}</sentences>{end}</Review>')
    return f"<Reviews>{''.join(made)}</Reviews>"


def test_sentences_of_one_review_are_in_one_split_and_a_test_split_is_drawn(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "train.xml").write_text(reviews(40, 5))
    config = config_for(XML, folder, files={"train": "train.xml"})
    splits = semeval_xml.source(config.data).read().splits  # type: ignore[arg-type]
    owners = {split: {review.text.split()[1] for review in some} for split, some in splits.items()}
    assert {split: len(some) for split, some in splits.items()} == {"train": 100, "val": 50, "test": 50}
    assert {split: len(some) for split, some in owners.items()} == {"train": 20, "val": 10, "test": 10}


def test_whole_reviews_are_read_as_one_text(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "train.xml").write_text(reviews(20, 3, is_whole=True))
    config = config_for(XML, folder, files={"train": "train.xml"})
    splits = semeval_xml.source(config.data).read().splits  # type: ignore[arg-type]
    assert sum(len(some) for some in splits.values()) == 20
    assert {len(review.text.split()) for some in splits.values() for review in some} == {12}


def test_several_files_are_named_by_a_pattern_and_namespaces_do_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    write_xml(folder, "a_train.xml", BOTH * 4)
    write_xml(folder, "b_train.xml", BOTH * 4)
    write_xml(folder, "test.xml", BOTH)
    spaced = (folder / "b_train.xml").read_text().replace("<sentences>", '<sentences xmlns="urn:semeval">')
    (folder / "b_train.xml").write_text(spaced)
    found = read(XML, folder, tmp_path, files={"train": "*_train.xml", "test": "test.xml"})
    assert found.facts["rows"] == {"train": 12, "val": 4, "test": 2}


def test_a_file_instead_of_its_folder_is_told(tmp_path: Path) -> None:
    save(tmp_path / "x", "fine", "", "utf-8")
    told = faults(config_for(XML, tmp_path / "x" / "train.xml"), tmp_path)
    assert "a file; expected the folder that it is in. Name the file in data.files.train" in told
