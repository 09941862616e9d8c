"""`data=sentiment/synthetic_reviews`: reviews of telephones, written by a grammar.

A review names some of 11 aspects, about three, and has one opinion of each: in words that fit any aspect or
in words of its own, with or without negation, in any order, between remarks that say nothing; then letters
are swapped, lost or doubled. Polarities have `data.shares` over all aspects together; some aspects are liked
more than others. A review depends on the generator's seed, its split and its position only, so a larger split
begins with the reviews of a smaller one; one of val or test whose text stands in an earlier split already is
written anew. All seeds of a study share them.
"""

from itertools import count
from random import Random

from sweeper_tasks.sentiment.data_config import SyntheticReviews
from sweeper_tasks.sentiment.phrases import (
    ASPECTS,
    CONNECTORS,
    FILLERS,
    NEGATED,
    NEGATIVE,
    NEUTRAL,
    PLAIN,
    POSITIVE,
    Aspect,
)
from sweeper_tasks.sentiment.polarities import N_POLARITIES, SPLITS
from sweeper_tasks.sentiment.reviews import Collection, Review
from sweeper_tasks.sentiment.source import Source

GENERATOR_VERSION = "2"
"""Part of the digest; goes up with every change of what is written."""
WORDS = (POSITIVE, NEGATIVE, NEUTRAL)
OWN_RATE = 0.4
FILLER_RATE = 0.5
_LIKED_ON_AVERAGE = sum(a.named_rate * a.liked for a in ASPECTS) / sum(a.named_rate for a in ASPECTS)


def source(data: SyntheticReviews) -> Source:
    """The grammar."""
    return Source(GENERATOR_VERSION, lambda: _read(data))


def review(data: SyntheticReviews, split: str, i: int, attempt: int = 0) -> Review:
    """Review i of a split, as it is written first or anew."""
    stream = Random(f"{data.generator_seed}/{split}/{i}" + (f"/{attempt}" if attempt else ""))
    named = _named(stream)
    opinions = {a.name: _polarity(data, a, stream) for a in named}
    clauses = [_clause(a, opinions[a.name], data.negation_rate, stream) for a in named]
    if stream.random() < FILLER_RATE:
        clauses.insert(stream.randrange(len(clauses) + 1), stream.choice(FILLERS))
    text = clauses[0] + "".join(stream.choice(CONNECTORS) + clause for clause in clauses[1:])
    return Review(" ".join(misspelt(word, data.typo_rate, stream) for word in text.split()), opinions)


def shares_of(data: SyntheticReviews, aspect: Aspect) -> tuple[float, float, float]:
    """The shares of the polarities of one aspect: what it is liked more, it is disliked less.

    Over all aspects, each as often as it is named, they are `data.shares`.
    """
    positive, negative, neutral = data.shares
    more = min(max(aspect.liked - _LIKED_ON_AVERAGE, -positive), negative)
    return positive + more, negative - more, neutral


def misspelt(word: str, rate: float, stream: Random) -> str:
    """The word, or with this rate a word with two letters swapped, one lost or one doubled."""
    if len(word) < 4 or stream.random() >= rate:
        return word
    i = stream.randrange(len(word) - 1)
    return stream.choice(
        (
            word[:i] + word[i + 1] + word[i] + word[i + 2 :],
            word[:i] + word[i + 1 :],
            word[: i + 1] + word[i:],
        )
    )


def _read(data: SyntheticReviews) -> Collection:
    splits: dict[str, list[Review]] = {}
    for split, n in zip(SPLITS, (data.n_train, data.n_val, data.n_test), strict=True):
        known = {one.text.casefold() for reviews in splits.values() for one in reviews}
        splits[split] = [_unknown(data, split, i, known) for i in range(n)]
    return Collection(splits, real=False)


def _unknown(data: SyntheticReviews, split: str, i: int, known: set[str]) -> Review:
    written = (review(data, split, i, attempt) for attempt in count())
    return next(one for one in written if one.text.casefold() not in known)


def _named(stream: Random) -> list[Aspect]:
    """At least one aspect, in the order in which they are written."""
    while True:
        if named := [aspect for aspect in ASPECTS if stream.random() < aspect.named_rate]:
            stream.shuffle(named)
            return named


def _polarity(data: SyntheticReviews, aspect: Aspect, stream: Random) -> int:
    return stream.choices(range(N_POLARITIES), weights=shares_of(data, aspect))[0]


def _clause(aspect: Aspect, polarity: int, negation_rate: float, stream: Random) -> str:
    if stream.random() < negation_rate:
        phrase = stream.choice(NEGATED[polarity])
    elif stream.random() < OWN_RATE:
        phrase = stream.choice(aspect.own[polarity])
    else:
        phrase = stream.choice(PLAIN[polarity])
    phrase = phrase.replace("* +", stream.choice(POSITIVE)).replace("* -", stream.choice(NEGATIVE))
    return phrase.replace("*", stream.choice(WORDS[polarity])).replace("N", stream.choice(aspect.nouns))
