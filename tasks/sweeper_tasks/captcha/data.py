"""Prepares the data of the captcha task: pictures and texts in one form, whatever the source.

For each split `<split>_images` [n, C, H, W] uint8, 0 is black, and `<split>_codes` [n, L] uint8.
"""

from pathlib import Path
from typing import Protocol

from sweeper.task import Prepared, as_if_strict, digest_of, folder_digest, prepare_once
from sweeper_tasks.captcha.data_config import FolderData, GeneratedData

NOT_PREPARED = {"name", "cache_dir", "preset", "path", "augmentation"}
"""Keys of the section that change nothing in what is prepared; pictures are augmented in training."""


class HasData(Protocol):
    """A configuration with a `data` section."""

    @property
    def data(self) -> GeneratedData | FolderData:
        """The validated section."""


def prepare(config: HasData, cache_dir: Path) -> Prepared:
    """The prepared data of `config.data`, out of the cache where the same were prepared before.

    The digest covers what the pictures and their names hold, never where they lie. Raises UserError with all
    that is wrong with them.
    """
    match config.data:
        case GeneratedData():
            return _generated(config.data, cache_dir)
        case FolderData():
            return _folder(config.data, cache_dir)


# The sources are imported where they are used: the parent starts at once, and needs Pillow only here.


def _generated(data: GeneratedData, cache_dir: Path) -> Prepared:
    from sweeper_tasks.captcha import generated

    key = digest_of("captcha/generated", generated.GENERATOR, _options(data))
    return prepare_once(cache_dir, key, lambda folder: generated.build(data, folder))


def _folder(data: FolderData, cache_dir: Path) -> Prepared:
    from sweeper_tasks.captcha import folder as pictures

    found = pictures.locate(data)
    content = folder_digest(found.root, list(found.files.values()), cache_dir)

    def keys(options: FolderData) -> list[str]:
        versions = (pictures.FIRST_VERSION, pictures.VERSION)
        return [digest_of("captcha/folder", str(version), _options(options), content) for version in versions]

    (as_before, key), strict = keys(data), keys(data.model_copy(update={"skip_bad": False}))
    prepared = prepare_once(cache_dir, key, lambda folder: pictures.build(data, found, folder, as_before))
    return as_if_strict(prepared, dict(zip((as_before, key), strict, strict=True)))


def _options(data: GeneratedData | FolderData) -> str:
    return data.model_dump_json(exclude=NOT_PREPARED)
