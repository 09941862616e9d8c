"""Reviews as every source gives them, before aspects have numbers and words have tokens. No torch here."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from sweeper.task import BadFile, Fault, UserError, facts_of_skipped, fault_of
from sweeper_tasks.sentiment.polarities import NOT_NAMED, SPLITS, Labels

NEEDS_TEXT = "a review needs text"

Entry = TypeVar("Entry")
Made = TypeVar("Made")


class BadReviewError(ValueError):
    """What is there instead of a review, and the rule that it breaks."""

    def __init__(self, got: str, rule: str) -> None:
        self.got, self.rule = got, rule
        super().__init__(f"got {got}; expected: {rule}")


@dataclass(frozen=True)
class Review:
    """A text and the polarity (0, 1, 2) of each aspect that it names."""

    text: str
    opinions: dict[str, int]


@dataclass(frozen=True)
class Collection:
    """The reviews of each split; whether they were observed; what else a report needs of their source."""

    splits: dict[str, list[Review]]
    real: bool
    facts: dict[str, Any] = field(default_factory=dict)


def usable(
    entries: Iterable[tuple[str, Entry]], make: Callable[[Entry], Made]
) -> tuple[list[Made], list[BadFile]]:
    """What `make` makes of named entries, and what is wrong with those where it raises BadReviewError."""
    made, bad = [], []
    for name, entry in entries:
        try:
            made.append(make(entry))
        except BadReviewError as error:
            bad.append(BadFile(name, error.got, error.rule))
    return made, bad


def aspects_of(reviews: Iterable[Review]) -> tuple[str, ...]:
    """The aspects that these reviews name, in alphabetical order."""
    return tuple(sorted({aspect for review in reviews for aspect in review.opinions}))


def labels_of(reviews: Sequence[Review], aspects: Sequence[str]) -> Labels:
    """[n, A] the polarity of each aspect, -1 where the review does not name it."""
    rows = [[review.opinions.get(aspect, NOT_NAMED) for aspect in aspects] for review in reviews]
    return np.array(rows, dtype=np.int8).reshape(len(reviews), len(aspects))


def never_trained(collection: Collection, aspects: Sequence[str]) -> dict[str, int]:
    """Aspects that no training review names, and how often the other splits do: nothing can learn them."""
    named = (aspect for reviews in collection.splits.values() for r in reviews for aspect in r.opinions)
    return dict(Counter(aspect for aspect in named if aspect not in aspects))


def seen_in_training(splits: dict[str, list[Review]]) -> dict[str, int]:
    """How many texts of val and test are in the training split too."""
    texts = {review.text for review in splits["train"]}
    return {split: sum(review.text in texts for review in splits[split]) for split in SPLITS[1:]}


def drawn_split(n: int, val_rate: float, test_rate: float, seed: int) -> list[str]:
    """[n] a split for each review: drawn by the seed, with the rates met as nearly as whole numbers allow."""
    n_val, n_test = round(val_rate * n), round(test_rate * n)
    names = ["val"] * n_val + ["test"] * n_test + ["train"] * (n - n_val - n_test)
    return [str(name) for name in np.random.default_rng(seed).permutation(names)]


def refuse_unless(skip_bad: bool, bad: list[BadFile], source: str) -> dict[str, Any]:
    """What was left out, as a fact. Raises UserError where nothing may be left out."""
    if bad and not skip_bad:
        raise UserError(fault_of(bad, source, "review"))
    return {"skipped": facts_of_skipped(bad)}


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
