"""`data=sentiment/semeval_xml`: sentences of SemEval 2014 task 4 (categories) or 2016 task 5 (sentences).

2014: `<sentence><text/><aspectCategories><aspectCategory category= polarity=/>`.
2016: `<sentence><text/><Opinions><Opinion category= polarity=/>`, categories such as `FOOD#QUALITY`.

A sentence is a review. An aspect with several polarities, or with the polarity `conflict`, has none of the
three: it counts as not named, and how often this happens is a fact. Sentences that are marked as out of scope
(2016) are left out. Validation is drawn from the training file.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sweeper.task import Fault, UserError
from sweeper_tasks.sentiment.data_config import SemEvalXml
from sweeper_tasks.sentiment.polarities import POLARITIES
from sweeper_tasks.sentiment.reviews import (
    NEEDS_TEXT,
    BadReviewError,
    Collection,
    Review,
    drawn_split,
    refuse_empty,
    refuse_unless,
    usable,
)
from sweeper_tasks.sentiment.source import Source, existing, text_of

VERSION = "1"
CONFLICT = "conflict"
KNOWN_POLARITY = "a polarity is positive, negative, neutral or conflict"
NAMED = "an opinion has a category and a polarity"


def source(data: SemEvalXml) -> Source:
    """The training and the test file. Raises UserError where one is missing."""
    what = "the .xml files, named in data.train_file and data.test_file; the tasks' web pages publish them"
    root, files = existing(data.path, (data.train_file, data.test_file), what)
    return Source(VERSION, lambda: _read(data, root, files), root, files)


def review_of(sentence: Element) -> tuple[Review, int]:
    """The review of a sentence, and how many of its aspects have no one polarity. Raises BadReviewError."""
    text = (sentence.findtext("text") or "").strip()
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    found: dict[str, set[str]] = defaultdict(set)
    for opinion in _opinions(sentence):
        category, polarity = opinion.get("category"), opinion.get("polarity")
        if not category or not polarity:
            raise BadReviewError(f"'{category}', '{polarity}'", NAMED)
        if polarity not in (*POLARITIES, CONFLICT):
            raise BadReviewError(f"'{polarity}'", KNOWN_POLARITY)
        found[category].add(polarity)
    one = {aspect: polarity for aspect, (polarity, *others) in found.items() if not others}
    clear = {aspect: POLARITIES.index(polarity) for aspect, polarity in one.items() if polarity != CONFLICT}
    return Review(text, clear), len(found) - len(clear)


def _opinions(sentence: Element) -> list[Element]:
    return [*sentence.iterfind("aspectCategories/aspectCategory"), *sentence.iterfind("Opinions/Opinion")]


def _read(data: SemEvalXml, root: Path, files: Sequence[Path]) -> Collection:
    found, bad, n_conflicts = [], [], 0
    for file in files:
        made, unusable = usable(_sentences(file), review_of)
        found.append([review for review, _ in made])
        n_conflicts += sum(n for _, n in made)
        bad += unusable
    skipped = refuse_unless(data.skip_bad, bad, str(root))
    train, test = found
    where = drawn_split(len(train), data.val_rate, 0, data.split_seed)
    splits = {s: [r for r, mine in zip(train, where, strict=True) if mine == s] for s in ("train", "val")}
    splits["test"] = test
    refuse_empty(splits, str(root))
    return Collection(splits, real=True, facts=skipped | {"aspects_without_one_polarity": n_conflicts})


def _sentences(file: Path) -> list[tuple[str, Element]]:
    """All sentences of the file by name. Raises UserError where it holds none with an opinion."""
    try:
        tree = ElementTree.fromstring(text_of(file))
    except ElementTree.ParseError as error:
        problem = f"got {error}; expected an XML file"
        raise UserError(Fault(str(file), problem, "Is it complete?")) from None
    sentences = [sentence for sentence in tree.iter("sentence") if sentence.get("OutOfScope") != "TRUE"]
    if not any(_opinions(sentence) for sentence in sentences):
        problem = f"got {len(sentences)} sentences without categories; expected aspectCategory or Opinion"
        advice = "Files with aspect terms only (2014, laptops) or without labels are of no use here"
        raise UserError(Fault(str(file), problem, advice))
    return [(_name(file, sentence, i), sentence) for i, sentence in enumerate(sentences, start=1)]


def _name(file: Path, sentence: Element, i: int) -> str:
    return f"{file.name} sentence {sentence.get('id') or i}"
