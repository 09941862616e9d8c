"""What each split of reviews holds: polarities, aspects, and texts that stand in another split too."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sweeper.task import Contents, Count, copies_of, refuse_copies, text_digests
from sweeper_tasks.sentiment.polarities import POLARITIES
from sweeper_tasks.sentiment.reviews import Review


def contents_of(splits: Mapping[str, Sequence[Review]], way_out: str) -> Contents:
    """Reviews by polarity and aspect, those of val and test that training does not name included.

    Raises UserError where two splits that come with the data are the same texts; `way_out` says what to do.
    """
    digests = {split: text_digests(review.text for review in reviews) for split, reviews in splits.items()}
    if way_out:
        refuse_copies(digests, way_out, "reviews")
    named = {split: Counter(_named(reviews)) for split, reviews in splits.items()}
    opinions = {split: Counter(_opinions(reviews)) for split, reviews in splits.items()}
    aspects = sorted({aspect for counter in named.values() for aspect in counter})
    return Contents(
        noun="reviews",
        rows={split: len(reviews) for split, reviews in splits.items()},
        counts=(
            *(
                Count(kind="polarity", name=name, n={split: opinions[split][c] for split in splits})
                for c, name in enumerate(POLARITIES)
            ),
            *(
                Count(kind="aspect", name=name, n={s: named[s][name] for s in splits}, role="known")
                for name in aspects
            ),
        ),
        copies=copies_of(digests),
    )


def _named(reviews: Sequence[Review]) -> Iterable[str]:
    return (aspect for review in reviews for aspect in review.opinions)


def _opinions(reviews: Sequence[Review]) -> Iterable[int]:
    """The polarities that a review holds, each once: how many reviews hold it is counted."""
    return (polarity for review in reviews for polarity in set(review.opinions.values()))
