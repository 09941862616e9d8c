"""Rows that stand in more than one split: counted, and refused where two splits are the same rows.

A task gives a digest for each row of each split; two rows are copies where their digests are equal. What is
known by heart looks like skill. Nothing here imports torch.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.criteria import SPLITS
from sweeper.errors import Fault, UserError

Digests = NDArray[np.uint64]
"""[n] one number a row."""

MOST = 1 << 23
"""Digests that are compared at most; of more rows a share is looked at, chosen by the digest itself."""
CHUNK = 1 << 16
_FACTOR, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def row_digests(*columns: NDArray[Any]) -> Digests:
    """Of the rows of arrays [n] or [n, k], all of them together: equal where every number is equal."""
    n = len(columns[0])
    digests = np.zeros(n, dtype=np.uint64)
    for start in range(0, n, CHUNK):
        rows = slice(start, start + CHUNK)
        parts = [np.asarray(column[rows]).reshape(min(CHUNK, n - start), -1) for column in columns]
        digests[rows] = _mixed(column for part in parts for column in part.T)
    return digests


def _mixed(columns: Iterable[NDArray[Any]]) -> Digests:
    """[n] by splitmix64's finaliser, one column after the other."""
    digest: Any = np.uint64(1)
    with np.errstate(over="ignore"):
        for column in columns:
            digest = (digest ^ _bits(column)) * _FACTOR
            digest = (digest ^ (digest >> np.uint64(29))) * _MIXER
            digest = digest ^ (digest >> np.uint64(32))
    return np.asarray(digest, dtype=np.uint64)


def _bits(column: NDArray[Any]) -> Digests:
    if column.dtype.kind == "f":
        return (column.astype(np.float64) + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    return column.astype(np.int64).view(np.uint64)


def text_digests(texts: Iterable[str]) -> Digests:
    """Of texts: equal where they differ in capitals, spaces and the form of accents only."""
    return _digests(" ".join(unicodedata.normalize("NFKC", t).casefold().split()).encode() for t in texts)


def picture_digests(pictures: NDArray[Any]) -> Digests:
    """Of pictures [n, ...] by their pixels, so that a file saved again without loss is a copy."""
    return _digests(np.ascontiguousarray(picture).tobytes() for picture in pictures)


def _digests(contents: Iterable[bytes]) -> Digests:
    raw = b"".join(hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return np.frombuffer(raw, dtype=np.uint64)


def copies_of(digests: Mapping[str, Digests]) -> dict[str, dict[str, int]]:
    """By split, how many of its rows stand in an earlier one: `{"test": {"train": 12, "val": 0}, ...}`.

    Of very many rows an estimate: a share of them is looked at.
    """
    some, share = _sample(digests)
    return {
        later: {
            earlier: round(int(np.isin(some[later], some[earlier]).sum()) * share)
            for earlier in SPLITS[: SPLITS.index(later)]
        }
        for later in SPLITS[1:]
    }


def refuse_copies(digests: Mapping[str, Digests], advice: str, noun: str = "rows") -> None:
    """Raises UserError where a split, or two of them together, are exactly the rows of another.

    For splits that come with the data; such as were drawn cannot be one another's copy.
    """
    some, _ = _sample(digests)
    for one, other in _groups():
        a, b = (np.sort(np.concatenate([some[split] for split in group])) for group in (one, other))
        if np.array_equal(a, b) and len(np.unique(a)) > 1:  # blank pictures are no copies of one another
            problem = (
                f"got the same {sum(len(digests[split]) for split in one):,} {noun} in "
                f"{' and '.join(one)} as in {' and '.join(other)}; expected {noun} of its own in each split: "
                "a model is chosen and judged on what it has not seen"
            )
            raise UserError(Fault("data", problem, advice))


def _groups() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each split against each other one, and against both others together."""
    for one, other in combinations(SPLITS, 2):
        yield (one,), (other,)
    for one in SPLITS:
        yield (one,), tuple(split for split in SPLITS if split != one)


def _sample(digests: Mapping[str, Digests]) -> tuple[dict[str, Digests], int]:
    """All digests, or of very many those that a number divides; one of how many that is."""
    share = max(1, -(-sum(map(len, digests.values())) // MOST))
    if share == 1:
        return dict(digests), 1
    return {split: found[found % np.uint64(share) == 0] for split, found in digests.items()}, share
