"""Prepares the data of the esmm task: the same checked columns, whatever the source."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sweeper.task import (
    Prepared,
    as_if_strict,
    digest_of,
    file_digest,
    is_prepared,
    prepare_once,
    refuse_same_files,
)
from sweeper_tasks.esmm.data_config import AliCcpData, CsvData, SyntheticData

GENERATOR_VERSION = 1
"""Goes up with every change of what `synthetic` draws: it is part of the digest."""


class HasData(Protocol):
    """A configuration with a `data` section."""

    @property
    def data(self) -> SyntheticData | CsvData | AliCcpData:
        """The validated section."""


def prepare(config: HasData, cache_dir: Path) -> Prepared:
    """The prepared data of `config.data`, out of the cache where the same were prepared before.

    The digest covers what the data hold and how they are split, never where they lie. Raises UserError with
    all that is wrong with them.
    """
    match config.data:
        case SyntheticData():
            return _synthetic(config.data, cache_dir)
        case CsvData():
            return _table(config.data, cache_dir)
        case AliCcpData():
            return _ali_ccp(config.data, cache_dir)


def _options(data: SyntheticData | CsvData | AliCcpData) -> str:
    """What decides what is prepared, as JSON: no name, no place, no rates of a split that is not drawn."""
    left_out = {"name", "cache_dir", "preset", "path", "files"}
    if isinstance(data, CsvData):
        drawn = {"val_rate": data.draws_val, "test_rate": data.draws_test, "split_seed": data.draws}
        left_out |= {key for key, is_drawn in drawn.items() if not is_drawn}
        left_out |= {"group"} if data.group is None else set()
    return data.model_dump_json(exclude=left_out)


def _content(files: Mapping[str, Path], cache_dir: Path) -> list[str]:
    """Which role is played by which bytes."""
    return [part for pair in _digests(files, cache_dir).items() for part in pair]


def _digests(files: Mapping[str, Path], cache_dir: Path) -> dict[str, str]:
    return {role: file_digest(path, cache_dir) for role, path in files.items()}


# The sources are imported where they are used: the parent starts at once, and few studies need all libraries.


def _synthetic(data: SyntheticData, cache_dir: Path) -> Prepared:
    def build(folder: Path) -> Mapping[str, Any]:
        from sweeper_tasks.esmm import synthetic  # and scipy, which takes as long as reading a command line

        return synthetic.build(data, folder)

    return prepare_once(cache_dir, digest_of("esmm/synthetic", str(GENERATOR_VERSION), _options(data)), build)


def _table(data: CsvData, cache_dir: Path) -> Prepared:
    from sweeper_tasks.esmm import tables
    from sweeper_tasks.tables.reading import VERSION

    files = tables.locate(data)
    refuse_same_files(_digests(files, cache_dir), data.splits.way_out())
    key = digest_of("esmm/csv", str(tables.VERSION), VERSION, _options(data), *_content(files, cache_dir))
    if data.split is not None and not is_prepared(cache_dir, key) and tables.is_partly_drawn(data, files):
        key = digest_of(key, *map(str, (data.val_rate, data.test_rate, data.split_seed)))
    return prepare_once(cache_dir, key, lambda folder: tables.build(data, files, folder))


def _ali_ccp(data: AliCcpData, cache_dir: Path) -> Prepared:
    from sweeper_tasks.esmm import ali_ccp

    files = ali_ccp.locate(data)
    content = _content(files, cache_dir)
    key, strict = (
        digest_of("esmm/ali_ccp", str(ali_ccp.VERSION), _options(options), *content)
        for options in (data, data.model_copy(update={"skip_bad": False}))
    )
    prepared = prepare_once(cache_dir, key, lambda folder: ali_ccp.build(data, files, folder))
    return as_if_strict(prepared, {key: strict})
