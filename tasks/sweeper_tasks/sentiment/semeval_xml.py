"""`data=sentiment/semeval_xml`: SemEval 2014 task 4 (categories), 2015 task 12 and 2016 task 5.

2014: `<sentence><text/><aspectCategories><aspectCategory category= polarity=/>`.
2015, 2016: `<Review rid=><sentences><sentence><text/><Opinions><Opinion category= polarity=/>`, categories
such as `FOOD#QUALITY`. 2016, subtask 2: `<Opinions>` of the `<Review>`, whose sentences are one text.

An aspect with several polarities, or with a word of `data.words.not_named` (`conflict`), has none of the
three: it counts as not named, and how often this happens is a fact. Sentences that are marked as out of
scope are left out. Splits without a file are drawn from the training file, whole reviews together where it
tells reviews apart.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from sweeper.task import Fault, UserError
from sweeper_tasks.sentiment.data_config import SemEvalXml
from sweeper_tasks.sentiment.reviews import (
    NEEDS_TEXT,
    BadReviewError,
    Collection,
    Placed,
    Review,
    Unusable,
    refuse_empty,
    refuse_unless,
    split_reviews,
    usable,
)
from sweeper_tasks.sentiment.source import Source, all_of, existing
from sweeper_tasks.sentiment.words import Meanings, meanings_of, plain
from sweeper_tasks.sentiment.xml_text import xml_of

VERSION = "2"
KNOWN_POLARITY = "a polarity is one of data.words"
NAMED = "an opinion has a category and a polarity"
FEWEST_REVIEWS = 10
"""With fewer reviews in the training file its sentences are drawn one by one."""


class Passage(NamedTuple):
    """A sentence, or a whole review: its parts with a text, the opinions, and whose sentence it is."""

    parts: Sequence[Element]
    opinions: Sequence[Element]
    review: str | None


class Opinions(NamedTuple):
    """A review, and how many of its aspects have no one polarity."""

    review: Review
    n_unclear: int
    group: str | None


def source(data: SemEvalXml) -> Source:
    """The files. Raises UserError where one is missing."""
    root, files = existing(data.path, data.files, "the .xml files; the tasks' web pages publish them")
    return Source(VERSION, lambda: _read(data, str(root), files), root, all_of(files), data.splits.way_out())


def opinions_of(passage: Passage, meanings: Meanings) -> Opinions:
    """What a sentence or a whole review says. Raises BadReviewError."""
    text = " ".join(filter(None, (_text(part) for part in passage.parts)))
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    found: dict[str, set[int | None]] = defaultdict(set)
    said = [_said(opinion) for opinion in passage.opinions]
    if unknown := [polarity for _, polarity in said if plain(polarity) not in meanings]:
        raise BadReviewError(f"'{unknown[0]}'", KNOWN_POLARITY, unknown)
    for category, polarity in said:
        found[category].add(meanings[plain(polarity)])
    one = {aspect: polarity for aspect, (polarity, *others) in found.items() if not others}
    clear = {aspect: polarity for aspect, polarity in one.items() if polarity is not None}
    return Opinions(Review(text, clear), len(found) - len(clear), passage.review)


def _text(part: Element) -> str:
    return "".join(next((text for text in part.iterfind("{*}text")), Element("text")).itertext()).strip()


def _said(opinion: Element) -> tuple[str, str]:
    category, polarity = ((opinion.get(name) or "").strip() for name in ("category", "polarity"))
    if not category or not polarity:
        raise BadReviewError(f"'{category}', '{polarity}'", NAMED)
    return category, polarity


def _read(data: SemEvalXml, root: str, files: dict[str, list[Path]]) -> Collection:
    unusable, meanings = Unusable(), meanings_of(data.words.model_dump())
    found = {
        role: usable(
            [entry for file in some for entry in _passages(file)],
            lambda passage: opinions_of(passage, meanings),
            unusable,
        )
        for role, some in files.items()
    }
    skipped = refuse_unless(data.skip_bad, unusable, root)
    n_reviews = len({entry.group for entry in found["train"]})
    is_grouped = n_reviews >= FEWEST_REVIEWS
    placed = [
        Placed(entry.review, role, group=entry.group if is_grouped and role == "train" else None)
        for role, some in found.items()
        for entry in some
    ]
    splits = split_reviews(data.splits, placed)
    refuse_empty(splits, root)
    n_unclear = sum(entry.n_unclear for some in found.values() for entry in some)
    return Collection(splits, real=True, facts=skipped | {"aspects_without_one_polarity": n_unclear})


def _passages(file: Path) -> list[tuple[str, Passage]]:
    """What of the file is judged, by name. Raises UserError where none of it has an opinion."""
    root = xml_of(file)
    whole = root.findall(".//{*}Review")
    if any(_opinions(review) for review in whole):
        passages = [(review, Passage([*_sentences(review)], _opinions(review), None)) for review in whole]
    else:
        owner = {id(sentence): review.get("rid") for review in whole for sentence in _sentences(review)}
        passages = [(s, Passage([s], _opinions(s), owner.get(id(s)))) for s in _sentences(root)]
    if not passages:
        kinds = sorted({element.tag for element in root.iter()})[:5]
        problem = f"got no sentence, but {', '.join(kinds)}; expected <sentence> with <text>"
        raise UserError(Fault(str(file), problem, "Is it a file of SemEval 2014 task 4, 2015 or 2016?"))
    if not any(passage.opinions for _, passage in passages):
        raise UserError(_without_opinions(file, root, len(passages)))
    return [(_name(file, element, i), passage) for i, (element, passage) in enumerate(passages, start=1)]


def _sentences(root: Element) -> Iterator[Element]:
    return (
        s for s in root.iterfind(".//{*}sentence") if s.get("OutOfScope", "").strip().casefold() != "true"
    )


def _opinions(element: Element) -> list[Element]:
    paths = "{*}aspectCategories/{*}aspectCategory", "{*}Opinions/{*}Opinion"
    return [opinion for path in paths for opinion in element.iterfind(path)]


def _without_opinions(file: Path, root: Element, n: int) -> Fault:
    has_terms = root.find(".//{*}aspectTerm") is not None
    problem = f"got {n} sentences without categories; expected aspectCategory or Opinion"
    if has_terms:
        return Fault(str(file), problem, "Files with aspect terms only (2014, laptops) are of no use here")
    advice = (
        'It has no labels: the file that has them is called "gold". Without one, let the split be drawn: '
        "data.files.test=null"
    )
    return Fault(str(file), problem, advice)


def _name(file: Path, element: Element, i: int) -> str:
    kind = "review" if element.get("rid") else "sentence"
    return f"{file.name} {kind} {element.get('id') or element.get('rid') or i}"
