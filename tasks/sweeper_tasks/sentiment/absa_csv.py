"""`data=sentiment/absa_csv`: any table with one review a row and one column an aspect.

A cell of an aspect's column holds one of `data.words`, or nothing. Splits are files (`data.files`), named in
the column `data.split`, or drawn; with `data.group` whole groups are drawn.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sweeper.task import Fault, UserError, did_you_mean, placed
from sweeper_tasks.sentiment.column_faults import faults_of_columns
from sweeper_tasks.sentiment.csv_rows import Row, rows_of
from sweeper_tasks.sentiment.data_config import AbsaCsv
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

VERSION = "3"
KNOWN_WORD = "a cell of an aspect holds one of data.words"


def source(data: AbsaCsv) -> Source:
    """The table, or those of the splits. Raises UserError where there is none."""
    if data.files is not None:
        root, files = existing(data.path, data.files, "the .csv files named in data.files")
        return Source(
            VERSION, lambda: _read(data, files, str(root)), root, all_of(files), data.splits.way_out()
        )
    file = placed(data.path)
    if data.path is None or not file.is_file():
        raise UserError(_no_file(data.path, file))
    return Source(
        VERSION, lambda: _read(data, {"table": [file]}, str(file)), file.parent, [file], data.splits.way_out()
    )


def _no_file(path: str | None, file: Path) -> Fault:
    advice = "Name the .csv file with one review a row: data.path=..."
    if path is None:
        return Fault("data.path", "got nothing; expected a file", advice)
    if not file.is_dir():
        return Fault("data.path", f"got '{path}'; expected a file", advice)
    advice = f"{advice} Or name the files of the splits in it: 'data.files={{train:a.csv,test:b.csv}}'"
    return Fault("data.path", f"got '{path}', a folder; expected a file", advice)


def review_of(data: AbsaCsv, aspects: Sequence[str], meanings: Meanings, cells: dict[str, str]) -> Review:
    """The review of a row. Raises BadReviewError."""
    text = cells[data.text].strip()
    if unknown := [aspect for aspect in aspects if plain(cells[aspect]) not in meanings]:
        got = f"'{cells[unknown[0]]}' in column '{unknown[0]}'"
        raise BadReviewError(got, KNOWN_WORD, [cells[aspect] for aspect in unknown])
    if not text:
        raise BadReviewError("''", NEEDS_TEXT)
    found = {aspect: meanings[plain(cells[aspect])] for aspect in aspects}
    return Review(text, {aspect: c for aspect, c in found.items() if c is not None})


def _read(data: AbsaCsv, files: dict[str, list[Path]], name: str) -> Collection:
    required = [data.text, *(data.aspects or ())]
    required += [column for column in (data.split, data.group) if column is not None]
    required += data.drop if sum(map(len, files.values())) == 1 else ()
    rows, unusable = {}, Unusable()
    for role, some in files.items():
        rows[role] = [row for file in some for row in _rows_of(data, file, required, unusable)]
    every = [cells for some in rows.values() for _, cells in some]
    if not every and not unusable.entries:
        raise UserError(Fault(name, "got no rows; expected at least one below the header"))
    aspects = _aspects(data, name, every)
    _refuse_other_columns(data, rows, aspects)
    meanings: Meanings = {"": None} | dict(meanings_of(data.words.model_dump()))
    if faults := faults_of_columns(data, aspects, meanings, every, name):
        raise UserError(faults)

    def put(role: str, cells: dict[str, str]) -> Placed:
        column = cells[data.split] if data.split else None
        group = cells[data.group].strip() if data.group else None
        return Placed(review_of(data, aspects, meanings, cells), role, column, group)

    found = [one for role, some in rows.items() for one in usable(some, partial(put, role), unusable)]
    skipped = refuse_unless(data.skip_bad, unusable, name)
    splits = split_reviews(data.splits, found)
    refuse_empty(splits, name)
    return Collection(splits, real=True, facts=skipped)


def _rows_of(data: AbsaCsv, file: Path, required: Sequence[str], unusable: Unusable) -> list[Row]:
    rows, cut = rows_of(file, required, data)
    unusable.entries += cut
    return rows


def _aspects(data: AbsaCsv, name: str, every: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """The columns that are named, or all of any file that have no other role."""
    if data.aspects is not None:
        return data.aspects
    others = {data.text, data.split, data.group, *data.drop}
    tables = dict.fromkeys(tuple(cells) for cells in every)
    found = tuple(dict.fromkeys(column for columns in tables for column in columns if column not in others))
    if not found:
        raise UserError(Fault(name, "got no column of an aspect; expected at least one"))
    return found


def _refuse_other_columns(data: AbsaCsv, rows: dict[str, list[Row]], aspects: Sequence[str]) -> None:
    """Raises UserError where a file lacks a column that is an aspect in another, or all lack one to drop."""
    first: dict[tuple[str, ...], str] = {}
    for row, cells in (entry for some in rows.values() for entry in some):
        first.setdefault(tuple(cells), row)
    every = list(dict.fromkeys(column for columns in first for column in columns))
    faults = [
        Fault(
            row,
            f"got no column '{aspect}', which other files have; expected each aspect in all",
            f"Where it is none, name it in data.drop{did_you_mean(aspect, set(columns) - set(aspects))}",
        )
        for columns, row in first.items()
        for aspect in aspects
        if aspect not in columns
    ]
    faults += [
        Fault("data.drop", f"got '{name}'; expected a column of the files{did_you_mean(name, every)}")
        for name in data.drop
        if first and name not in every
    ]
    if faults:
        raise UserError(faults)
