"""`data=sentiment/visfd`: UIT-ViSFD, Vietnamese reviews of smartphones, with its own split.

`Train.csv`, `Dev.csv` and `Test.csv` have the columns `comment` and `label`; a label is
`{CAMERA#Positive};{BATTERY#Negative};{OTHERS};`. `OTHERS` has no polarity, so that there is nothing to learn
of it here; how often it stands there is a fact.
"""

import re
from collections import Counter
from pathlib import Path

from sweeper_tasks.sentiment.csv_rows import rows_of
from sweeper_tasks.sentiment.data_config import Visfd
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

VERSION = "2"
WRITTEN_SO = "a label is {ASPECT#Polarity}; or {ASPECT}; several times, or nothing"
KNOWN_POLARITY = "a polarity is one of data.words"
ONE_OPINION = "a label names an aspect once"


def source(data: Visfd) -> Source:
    """The files. Raises UserError where one is missing."""
    what = "the three files of UIT-ViSFD, which its authors publish on GitHub as LuongPhan/UIT-ViSFD"
    root, files = existing(data.path, data.files, what)
    return Source(VERSION, lambda: _read(data, str(root), files), root, all_of(files), data.splits.way_out())


def review_of(cells: dict[str, str], meanings: Meanings) -> Review:
    """The review of a row. Raises BadReviewError."""
    text, opinions = cells["comment"].strip(), _opinions(cells["label"], meanings)
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    return Review(text, {aspect: polarity for aspect, polarity in opinions.items() if polarity is not None})


def _opinions(label: str, meanings: Meanings) -> dict[str, int | None]:
    items = [item.strip() for item in label.split(";") if item.strip()]
    if not all(re.fullmatch(r"\{[^{}#]+(#[^{}#]+)?\}", item) for item in items):
        raise BadReviewError(f"'{label}'", WRITTEN_SO)
    pairs = [[part.strip() for part in item[1:-1].split("#")] for item in items if "#" in item]
    if unknown := [polarity for _, polarity in pairs if plain(polarity) not in meanings]:
        raise BadReviewError(f"'{unknown[0]}'", KNOWN_POLARITY, unknown)
    opinions = {aspect: meanings[plain(polarity)] for aspect, polarity in pairs}
    if len(opinions) < len(pairs):
        raise BadReviewError(f"'{label}'", ONE_OPINION)
    return opinions


def _read(data: Visfd, root: str, files: dict[str, list[Path]]) -> Collection:
    found: list[Placed] = []
    unusable, meanings = Unusable(), meanings_of(data.words.model_dump())
    without: Counter[str] = Counter()
    for role, file in ((role, file) for role, some in files.items() for file in some):
        rows, cut = rows_of(file, ("comment", "label"))
        unusable.entries += cut
        made = usable(rows, lambda cells: review_of(cells, meanings), unusable)
        found += [Placed(review, role) for review in made]
        without.update(name for _, cells in rows for name in re.findall(r"\{([^#{}]*)\}", cells["label"]))
    skipped = refuse_unless(data.skip_bad, unusable, root)
    splits = split_reviews(data.splits, found)
    refuse_empty(splits, root)
    return Collection(splits, real=True, facts=skipped | {"without_polarity": dict(without)})
