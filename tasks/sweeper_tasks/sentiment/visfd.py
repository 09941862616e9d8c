"""`data=sentiment/visfd`: UIT-ViSFD, Vietnamese reviews of smartphones, with its own split.

`Train.csv`, `Dev.csv` and `Test.csv` have the columns `comment` and `label`; a label is
`{CAMERA#Positive};{BATTERY#Negative};{OTHERS};`. `OTHERS` has no polarity, so that there is nothing to learn
of it here; how often it stands there is a fact.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sweeper.task import BadFile
from sweeper_tasks.sentiment.csv_rows import rows_of
from sweeper_tasks.sentiment.data_config import Visfd
from sweeper_tasks.sentiment.polarities import POLARITIES, SPLITS
from sweeper_tasks.sentiment.reviews import (
    NEEDS_TEXT,
    BadReviewError,
    Collection,
    Review,
    refuse_empty,
    refuse_unless,
    usable,
)
from sweeper_tasks.sentiment.source import Source, existing

VERSION = "1"
FILES = ("Train.csv", "Dev.csv", "Test.csv")
WRITTEN_SO = "a label is {ASPECT#Polarity}; or {ASPECT}; several times, or nothing"
KNOWN_POLARITY = "a polarity is Positive, Negative or Neutral"
ONE_OPINION = "a label names an aspect once"


def source(data: Visfd) -> Source:
    """The three files. Raises UserError where one is missing."""
    what = "the three files of UIT-ViSFD, which its authors publish on GitHub as LuongPhan/UIT-ViSFD"
    root, files = existing(data.path, FILES, what)
    return Source(VERSION, lambda: _read(data, root, files), root, files)


def review_of(cells: dict[str, str]) -> Review:
    """The review of a row. Raises BadReviewError."""
    text, opinions = cells["comment"].strip(), _opinions(cells["label"])
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    return Review(text, opinions)


def _opinions(label: str) -> dict[str, int]:
    items = [item.strip() for item in label.split(";") if item.strip()]
    if not all(re.fullmatch(r"\{[^{}#]+(#[^{}#]+)?\}", item) for item in items):
        raise BadReviewError(f"'{label}'", WRITTEN_SO)
    pairs = [item[1:-1].split("#") for item in items if "#" in item]
    if unknown := [polarity for _, polarity in pairs if polarity.lower() not in POLARITIES]:
        raise BadReviewError(f"'{unknown[0]}'", KNOWN_POLARITY)
    opinions = {aspect: POLARITIES.index(polarity.lower()) for aspect, polarity in pairs}
    if len(opinions) < len(pairs):
        raise BadReviewError(f"'{label}'", ONE_OPINION)
    return opinions


def _read(data: Visfd, root: Path, files: Sequence[Path]) -> Collection:
    splits: dict[str, list[Review]] = {}
    bad: list[BadFile] = []
    without: Counter[str] = Counter()
    for split, file in zip(SPLITS, files, strict=True):
        rows, cut = rows_of(file, ("comment", "label"))
        splits[split], unusable = usable(rows, review_of)
        bad += cut + unusable
        without.update(name for _, cells in rows for name in re.findall(r"\{([^#{}]*)\}", cells["label"]))
    skipped = refuse_unless(data.skip_bad, bad, str(root))
    refuse_empty(splits, str(root))
    return Collection(splits, real=True, facts=skipped | {"without_polarity": dict(without)})
