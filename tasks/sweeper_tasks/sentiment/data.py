"""Prepares the data of the sentiment task: the same arrays, whatever the source.

For each split `<split>_tokens` [n, T], padded, and `<split>_labels` [n, A] int8, -1 where an aspect is not
named. Texts become tokens here, once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sweeper.task import Fault, Prepared, UserError, as_if_strict, digest_of, folder_digest, prepare_once
from sweeper_tasks.sentiment.config import ModelConfig, Pretrained
from sweeper_tasks.sentiment.data_config import AbsaCsv, DataConfig, SemEvalXml, SyntheticReviews, Visfd
from sweeper_tasks.sentiment.source import Source

NOT_PREPARED = {"name", "cache_dir", "preset", "path"}
"""Keys of the section that change nothing in what is prepared."""


class HasSections(Protocol):
    """A configuration with these sections, validated; an encoder brings its own tokenizer."""

    @property
    def data(self) -> DataConfig:
        """Where reviews come from."""

    @property
    def model(self) -> ModelConfig:
        """Who reads them."""


def prepare(config: HasSections, cache_dir: Path) -> Prepared:
    """The prepared data of `config`, out of the cache where the same were prepared before.

    The digest covers what the reviews hold, how they are split, and the tokenizer; never where they lie. A
    trained tokenizer follows from the training texts, its size and its library's version, which stand for
    it. Raises UserError with all that is wrong with the reviews.
    """
    source = source_of(config.data)
    content = folder_digest(source.root, source.files, cache_dir)

    def digest(data: DataConfig) -> str:
        return digest_of(data.name, source.version, content, *_tokenizer_key(data, config.model))

    key = digest(config.data)
    prepared = prepare_once(cache_dir, key, lambda folder: _write(config, source, folder))
    if isinstance(config.data, SyntheticReviews):
        return prepared
    return as_if_strict(prepared, {key: digest(config.data.model_copy(update={"skip_bad": False}))})


# The sources are imported where they are used: the parent starts at once, and few studies need all libraries.


def source_of(data: DataConfig) -> Source:
    """What `data` names. Raises UserError where its files are not there."""
    from sweeper_tasks.sentiment import absa_csv, semeval_xml, synthetic_reviews, visfd

    match data:
        case SyntheticReviews():
            return synthetic_reviews.source(data)
        case Visfd():
            return visfd.source(data)
        case AbsaCsv():
            return absa_csv.source(data)
        case SemEvalXml():
            return semeval_xml.source(data)


def _tokenizer_key(data: DataConfig, model: ModelConfig) -> list[str]:
    if isinstance(model, Pretrained):
        from sweeper_tasks.sentiment.pretrained_tokens import digest_of_tokenizer, folder_of

        options = data.model_dump_json(exclude=NOT_PREPARED | {"vocabulary_size", "lowercase"})
        return [options, digest_of_tokenizer(folder_of(model.encoder))]
    from sweeper_tasks.sentiment.tokens import TRAINER

    return [data.model_dump_json(exclude=NOT_PREPARED), TRAINER]


def _write(config: HasSections, source: Source, folder: Path) -> Mapping[str, Any]:
    """Write all splits into `folder`; the manifest's entries."""
    from sweeper_tasks.sentiment.facts import facts_of
    from sweeper_tasks.sentiment.held import contents_of
    from sweeper_tasks.sentiment.lengths import length_facts
    from sweeper_tasks.sentiment.reviews import aspects_of, labels_of
    from sweeper_tasks.sentiment.tokens import padded

    found = source.read()
    aspects = aspects_of(found.splits["train"])
    labels = {split: labels_of(reviews, aspects) for split, reviews in found.splits.items()}
    facts = facts_of(labels, aspects, config.data.min_support)
    _refuse_without_cells(facts)
    tokens = _tokens(config, [review.text for review in found.splits["train"]])
    texts = {}
    for split, reviews in found.splits.items():
        texts[split] = padded(tokens, [review.text for review in reviews], config.data.max_tokens)
        np.save(folder / f"{split}_tokens.npy", texts[split].rows)
        np.save(folder / f"{split}_labels.npy", labels[split])
    tokens.save(folder)
    facts |= {
        "padding": tokens.padding,
        "vocabulary_size": tokens.vocabulary_size,
        **length_facts(texts, config.data.max_tokens),
        **contents_of(found.splits, source.way_out).facts(),
        **found.facts,
    }
    return {"n_train": len(labels["train"]), "real": found.real, "facts": facts}


def _tokens(config: HasSections, texts: list[str]) -> Any:
    if isinstance(config.model, Pretrained):
        from sweeper_tasks.sentiment.pretrained_tokens import folder_of, pretrained_tokens

        return pretrained_tokens(folder_of(config.model.encoder), config.data.max_tokens)
    from sweeper_tasks.sentiment.tokens import trained_tokens

    return trained_tokens(texts, config.data.vocabulary_size, config.data.lowercase)


def _refuse_without_cells(facts: Mapping[str, Any]) -> None:
    """A split in which no cell has enough examples has no macro_f1."""
    least = facts["min_support"]
    for split, counts in facts["counts"].items():
        if (most := int(np.max(counts))) < least:
            problem = f"got {least}; expected at most {most}, the most examples of a cell in {split}"
            advice = "A cell is an aspect with a polarity; use more data, or a smaller data.min_support"
            raise UserError(Fault("data.min_support", problem, advice))
