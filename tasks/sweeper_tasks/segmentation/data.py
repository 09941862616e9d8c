"""Prepares the data of the segmentation task: the same two arrays a split, whatever the source."""

import json
from pathlib import Path
from typing import Protocol

from sweeper.task import Prepared, as_if_strict, digest_of, prepare_once
from sweeper_tasks.segmentation.class_facts import ClassFacts, stated
from sweeper_tasks.segmentation.data_config import CelebAMask, SyntheticFaces


class HasData(Protocol):
    """A configuration with a `data` section."""

    @property
    def data(self) -> SyntheticFaces | CelebAMask:
        """The validated section."""


def prepare(config: HasData, cache_dir: Path) -> Prepared:
    """The prepared data of `config.data`, out of the cache where the same were prepared before.

    The digest covers what the data hold and how they are split and resized; never where they lie, nor how
    they are varied in training. Raises UserError with all that is wrong with them.
    """
    match config.data:
        case SyntheticFaces():
            return _synthetic(config.data, cache_dir)
        case CelebAMask():
            return _celebamask(config.data, cache_dir)


NOT_PREPARED = {"name", "cache_dir", "preset", "path", "augmentation"}
NAMES = {"images", "masks", "image_suffix", "mask_suffix"}
"""Where files are found: the digest of their names and contents stands for that."""


def _options(data: SyntheticFaces | CelebAMask) -> tuple[str, ...]:
    """Of the classes only what stored studies did not have: they stated none."""
    options = data.model_dump_json(exclude={*NOT_PREPARED, *NAMES, *ClassFacts.model_fields})
    facts = stated(data)
    return (options, json.dumps(facts)) if facts else (options,)


# The sources are imported where they are used: the parent starts at once, and few studies need all libraries.


def _synthetic(data: SyntheticFaces, cache_dir: Path) -> Prepared:
    from sweeper_tasks.segmentation import synthetic

    key = digest_of(data.name, str(synthetic.GENERATOR_VERSION), *_options(data))
    return prepare_once(cache_dir, key, lambda folder: synthetic.build(data, folder))


def _celebamask(data: CelebAMask, cache_dir: Path) -> Prepared:
    from sweeper.task import folder_digest
    from sweeper_tasks.segmentation import celebamask

    source = celebamask.Source(data)
    content = folder_digest(source.root, source.files, cache_dir)
    alone = [bad.file for bad in source.alone]

    def keys(options: CelebAMask) -> list[str]:
        versions = (celebamask.FIRST_VERSION, celebamask.VERSION)
        return [digest_of(data.name, str(v), *_options(options), content, *alone) for v in versions]

    (as_before, key), strict = keys(data), keys(data.model_copy(update={"skip_bad": False}))
    prepared = prepare_once(cache_dir, key, lambda folder: source.build(folder, as_before))
    return as_if_strict(prepared, dict(zip((as_before, key), strict, strict=True)))
