"""Reviews as every source gives them, before aspects have numbers and words have tokens. No torch here."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sweeper.task import BadFile, Fault, Splits, UserError, facts_of_skipped, fault_of
from sweeper_tasks.sentiment.polarities import NOT_NAMED, SPLITS, Labels
from sweeper_tasks.sentiment.words import plain, refuse_unknown

NEEDS_TEXT = "a review needs text"

Entry = TypeVar("Entry")
Made = TypeVar("Made")


class BadReviewError(ValueError):
    """What is there instead of a review, the rule that it breaks, and words that mean no polarity."""

    def __init__(self, got: str, rule: str, words: Sequence[str] = ()) -> None:
        self.got, self.rule, self.words = got, rule, words
        super().__init__(f"got {got}; expected: {rule}")


@dataclass(frozen=True)
class Review:
    """A text and the polarity (0, 1, 2) of each aspect that it names."""

    text: str
    opinions: dict[str, int]


class Placed(NamedTuple):
    """A review with what decides on its split: its file's role, the cell of `data.split`, its group."""

    review: Review
    role: str = "table"
    column: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Collection:
    """The reviews of each split; whether they were observed; what else a report needs of their source."""

    splits: dict[str, list[Review]]
    real: bool
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Unusable:
    """What cannot be used of a source, and the words in it that mean no polarity, by their number."""

    entries: list[BadFile] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)


def usable(
    entries: Iterable[tuple[str, Entry]], make: Callable[[Entry], Made], unusable: Unusable
) -> list[Made]:
    """What `make` makes of named entries; those where it raises BadReviewError are added to `unusable`."""
    made = []
    for name, entry in entries:
        try:
            made.append(make(entry))
        except BadReviewError as error:
            unusable.entries.append(BadFile(name, error.got, error.rule))
            unusable.words.update(map(plain, error.words))
    return made


def aspects_of(reviews: Iterable[Review]) -> tuple[str, ...]:
    """The aspects that these reviews name, in alphabetical order."""
    return tuple(sorted({aspect for review in reviews for aspect in review.opinions}))


def labels_of(reviews: Sequence[Review], aspects: Sequence[str]) -> Labels:
    """[n, A] the polarity of each aspect, -1 where the review does not name it."""
    rows = [[review.opinions.get(aspect, NOT_NAMED) for aspect in aspects] for review in reviews]
    return np.array(rows, dtype=np.int8).reshape(len(reviews), len(aspects))


def split_reviews(splits: Splits, found: Sequence[Placed]) -> dict[str, list[Review]]:
    """The reviews by split: as a file or a column says, else drawn, rare polarities shared out evenly.

    Raises UserError where that cannot be.
    """
    column = [entry.column for entry in found] if splits.column is not None else None
    groups = [entry.group for entry in found] if any(entry.group is not None for entry in found) else None
    codes = splits.assign([entry.role for entry in found], _rarest(found), groups, column)
    return {
        split: [entry.review for entry, code in zip(found, codes, strict=True) if code == number]
        for number, split in enumerate(SPLITS)
    }


def _rarest(found: Sequence[Placed]) -> NDArray[np.int64]:
    """[n] of the polarities that a review holds the rarest of all reviews; -1 where it names no aspect."""
    times = Counter(c for entry in found for c in entry.review.opinions.values())
    rarest = [min(entry.review.opinions.values(), key=lambda c: (times[c], c), default=-1) for entry in found]
    return np.array(rarest, dtype=np.int64)


def refuse_unless(skip_bad: bool, unusable: Unusable, source: str, advice: str = "") -> dict[str, Any]:
    """What was left out, as a fact.

    Raises UserError where nothing may be left out, and where more than a few opinions are in words without a
    meaning; `advice` is what else may be wrong there.
    """
    refuse_unknown(unusable.words, source, advice)
    if unusable.entries and not skip_bad:
        raise UserError(fault_of(unusable.entries, source, "review"))
    return {"skipped": facts_of_skipped(unusable.entries)}


def refuse_empty(splits: dict[str, list[Review]], source: str) -> None:
    """Raises UserError with all splits that have no review, or no training review with an opinion."""
    faults = [
        Fault(source, f"got no usable review for {split}; expected some in each split")
        for split in SPLITS
        if not splits[split]
    ]
    if not faults and not aspects_of(splits["train"]):
        faults = [Fault(source, "got no training review that names an aspect; expected some")]
    if faults:
        raise UserError(faults)
