"""`data=sentiment/absa_csv`: any table with one review a row and one column an aspect.

A cell of an aspect's column holds one of `data.words`. Splits are named in the column `data.split`, or drawn.
"""

from collections.abc import Sequence
from pathlib import Path

from sweeper.task import Fault, UserError
from sweeper_tasks.sentiment.column_faults import faults_of_columns
from sweeper_tasks.sentiment.csv_rows import Row, rows_of
from sweeper_tasks.sentiment.data_config import AbsaCsv
from sweeper_tasks.sentiment.polarities import POLARITIES, SPLITS
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
from sweeper_tasks.sentiment.source import Source

VERSION = "1"
KNOWN_WORD = "a cell of an aspect holds one of data.words"
KNOWN_SPLIT = "a cell of data.split holds train, val or test"


def source(data: AbsaCsv) -> Source:
    """The table. Raises UserError where there is none."""
    if data.path is None or not Path(data.path).is_file():
        advice = "Name the .csv file with one review a row: data.path=..."
        got = "nothing" if data.path is None else f"'{data.path}'"
        raise UserError(Fault("data.path", f"got {got}; expected a file", advice))
    file = Path(data.path)
    return Source(VERSION, lambda: _read(data, file), file.parent, [file])


def review_of(data: AbsaCsv, aspects: Sequence[str], cells: dict[str, str]) -> tuple[str, Review]:
    """The split of a row, "" where it is drawn, and its review. Raises BadReviewError."""
    split, text = cells[data.split].strip() if data.split else "", cells[data.text].strip()
    if data.split and split not in SPLITS:
        raise BadReviewError(f"'{split}'", KNOWN_SPLIT)
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    meanings, words = _meanings(data), {aspect: cells[aspect].strip().lower() for aspect in aspects}
    if unknown := [aspect for aspect, word in words.items() if word not in meanings]:
        raise BadReviewError(f"'{cells[unknown[0]]}' in column '{unknown[0]}'", KNOWN_WORD)
    found = {aspect: meanings[word] for aspect, word in words.items()}
    return split, Review(text, {aspect: c for aspect, c in found.items() if c is not None})


def _meanings(data: AbsaCsv) -> dict[str, int | None]:
    """The polarity of each word, in small letters; None where it says that the aspect is not named."""
    named = {word.lower(): c for c, name in enumerate(POLARITIES) for word in getattr(data.words, name)}
    return named | {word.lower(): None for word in data.words.not_named}


def _read(data: AbsaCsv, file: Path) -> Collection:
    required = (data.text, *(data.aspects or ()), *data.drop, *((data.split,) if data.split else ()))
    rows, cut = rows_of(file, required, data)
    aspects = _aspects(data, file, rows)
    if faults := faults_of_columns(data, aspects, _meanings(data), [cells for _, cells in rows], str(file)):
        raise UserError(faults)
    found, unusable = usable(rows, lambda cells: review_of(data, aspects, cells))
    skipped = refuse_unless(data.skip_bad, cut + unusable, str(file))
    splits = _splits(data, found)
    refuse_empty(splits, str(file))
    return Collection(splits, real=True, facts=skipped)


def _aspects(data: AbsaCsv, file: Path, rows: list[Row]) -> tuple[str, ...]:
    """The columns that are named, or all that have no other role."""
    if data.aspects is not None:
        return data.aspects
    others = {data.text, data.split, *data.drop}
    found = tuple(name for name in (rows[0][1] if rows else {}) if name not in others)
    if not found:
        raise UserError(Fault(str(file), "got no column of an aspect; expected at least one"))
    return found


def _splits(data: AbsaCsv, found: list[tuple[str, Review]]) -> dict[str, list[Review]]:
    drawn = drawn_split(len(found), data.val_rate, data.test_rate, data.split_seed)
    where = [split for split, _ in found] if data.split else drawn
    return {s: [review for (_, review), mine in zip(found, where, strict=True) if mine == s] for s in SPLITS}
