"""Texts as numbers of tokens: a tokenizer trained on the training texts, or an encoder's own. No torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

PADDING, UNKNOWN = "[PAD]", "[UNK]"
SPECIAL = [PADDING, UNKNOWN]
"""Tokens 0 and 1."""
TRAINER = f"1, tokenizers {version('tokenizers')}"
"""Part of the digest; its number goes up with every change of how a tokenizer is trained here."""


@dataclass(frozen=True)
class Tokens:
    """Texts -> their tokens, whole; `shorten` cuts one down to a number of tokens."""

    encode: Callable[[Sequence[str]], Iterator[list[int]]]
    shorten: Callable[[list[int], int], list[int]]
    padding: int
    unknown: int | None
    vocabulary_size: int
    save: Callable[[Path], Any]


def trained_tokens(texts: Sequence[str], vocabulary_size: int, lowercase: bool) -> Tokens:
    """Byte-pair merges of the commonest pieces of words (Sennrich et al. 2016, arXiv:1508.07909).

    Punctuation stands alone; a piece that begins a word begins with U+2581. Characters that the training
    texts do not hold become `[UNK]`. Token 0 is the padding. The same texts give the same tokens: a mark on
    pieces that *continue* a word would not, since the library then numbers letters in the order of a hash.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            *([normalizers.Lowercase()] if lowercase else []),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, min_frequency=2, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.encode_special_tokens = True  # a review may hold the word "[PAD]"
    return Tokens(
        encode=lambda some: (encoding.ids for encoding in tokenizer.encode_batch(list(some))),
        shorten=lambda ids, n: ids[:n],
        padding=SPECIAL.index(PADDING),
        unknown=SPECIAL.index(UNKNOWN),
        vocabulary_size=tokenizer.get_vocab_size(),
        save=lambda folder: tokenizer.save(str(folder / "tokenizer.json")),
    )


class Padded(NamedTuple):
    """The tokens [n, max_tokens] of a split's texts, how many each text had [n], how many were unknown."""

    rows: NDArray[Any]
    lengths: NDArray[np.int64]
    n_unknown: int


def padded(tokens: Tokens, texts: Sequence[str], max_tokens: int) -> Padded:
    """The texts' tokens, cut to `max_tokens`; lengths and unknown ones are those of the whole texts."""
    dtype = np.uint16 if tokens.vocabulary_size <= np.iinfo(np.uint16).max + 1 else np.int32
    rows = np.full((len(texts), max_tokens), tokens.padding, dtype=dtype)
    lengths, n_unknown = np.zeros(len(texts), dtype=np.int64), 0
    for i, ids in enumerate(tokens.encode(texts)):
        lengths[i] = len(ids)
        n_unknown += 0 if tokens.unknown is None else ids.count(tokens.unknown)
        kept = tokens.shorten(ids, max_tokens)
        rows[i, : len(kept)] = kept
    return Padded(rows, lengths, n_unknown)
