"""`data=esmm/ali_ccp`: the raw files of Ali-CCP (Ma et al. 2018, arXiv:1804.07931), larger than memory.

The text is read once, in blocks, into raw columns on disk (`ali_ccp_raw.py`); ids are counted over the
training impressions; then the encoded columns are written, chunk by chunk. Ids count from 1 by falling
frequency, 0 stands for absent, unseen, or seen fewer than `min_count` times. Validation is the part of the
training file whose hashed sample id falls below `val_rate`; the test split is the test file.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.task import Fault, UserError, placed, row_digests
from sweeper_tasks.esmm.ali_ccp_raw import Common, Growing, Samples, read_common, read_samples
from sweeper_tasks.esmm.ali_ccp_text import BLOCK_BYTES, BadLines
from sweeper_tasks.esmm.columns import Array, SplitWriter, chunks, facts_of, normalise
from sweeper_tasks.esmm.data_config import AliCcpData
from sweeper_tasks.tables.unpacking import refuse_unless_text, unpacked

VERSION = 1
"""Goes up with every change of how the files are prepared: it is part of the digest."""
COUNT_CHUNK = 1 << 22
"""Rows that are counted at a time; many, since every count is merged with the one before."""
FILES = tuple(
    f"{kind}_{part}.csv" for part in ("train", "test") for kind in ("sample_skeleton", "common_features")
)


@dataclass(frozen=True)
class Vocabulary:
    """The known raw ids of one field in ascending order, with their codes."""

    known: Array  # [V] int64
    codes: Array  # [V] int32, 1..V

    def encode(self, raw: Array) -> Array:
        """The codes of raw ids, 0 where unknown."""
        if len(self.known) == 0:
            return np.zeros(len(raw), dtype=np.int32)
        at = np.minimum(np.searchsorted(self.known, raw), len(self.known) - 1)
        return np.where(self.known[at] == raw, self.codes[at], 0).astype(np.int32)


@dataclass(frozen=True)
class Part:
    """One pair of files as raw columns."""

    samples: Samples
    common: Common


def locate(data: AliCcpData) -> dict[str, Path]:
    """The four files by name. Raises UserError where one is missing."""
    files = {name: _found(data.path or "", name) for name in FILES}
    if data.path is None or not all(path.is_file() for path in files.values()):
        lacks = [name for name, path in files.items() if not path.is_file()]
        got = f"got {data.path or 'null'}" + (f" without {', '.join(lacks)}" if data.path else "")
        advice = (
            "Download data set 408 (Ali-CCP) from tianchi.aliyun.com, unpack it, and set data.path=<folder>"
        )
        raise UserError(Fault("data.path", f"{got}; expected the folder of Ali-CCP's four files", advice))
    return files


def _found(folder: str, name: str) -> Path:
    """The file of that name, or the only one that is called so with another ending, such as .csv.gz."""
    whole = placed(folder, name)
    return whole if whole.is_file() else placed(folder, f"{name}.*")


def _refuse_other_files(paths: Iterable[Path]) -> None:
    """Raises UserError with a fault for each file that holds something else than lines of text."""
    faults: list[Fault] = []
    for path in paths:
        try:
            with unpacked(path) as source:
                refuse_unless_text(source)
        except UserError as error:
            faults += error.faults
    if faults:
        raise UserError(faults)


def build(
    data: AliCcpData, files: Mapping[str, Path], folder: Path, block_bytes: int = BLOCK_BYTES
) -> Mapping[str, Any]:
    """Join, split, encode and write all impressions into `folder`. Raises UserError with all faults."""
    _refuse_other_files(files.values())
    bad, raw = BadLines(), folder / "raw"
    train, test = (_read(data, files, part, raw / part, bad, block_bytes) for part in ("train", "test"))
    if bad.n and not data.skip_bad:
        raise UserError(bad.faults())
    in_train = train.samples.chance >= data.val_rate
    vocabularies = _vocabularies(data, train, in_train)
    n = {"train": int(in_train.sum()), "val": int((~in_train).sum()), "test": len(test.samples.click)}
    digests = _write(data, train, vocabularies, {"train": in_train, "val": ~in_train}, folder)
    digests |= _write(data, test, vocabularies, {"test": np.ones(n["test"], dtype=bool)}, folder)
    shutil.rmtree(raw)
    normalise(folder)
    fields = {name: len(vocabulary.known) + 1 for name, vocabulary in vocabularies.items()}
    dense = [f"D{name}" for name in data.dense]
    facts = facts_of(folder, fields, dense, _FEW, digests, _OWN_FILES, skipped=bad.facts())
    return {"n_train": n["train"], "real": True, "facts": facts}


_OWN_FILES = "Is one pair of files a copy of the other? Validation is drawn from the training files"
_FEW = "The files are too small, or their labels are damaged"


def count_values(parts: Iterable[tuple[Array, Array | None]]) -> tuple[Array, Array]:
    """The distinct values, ascending, and how often each occurs; a part is (values, weights or None)."""
    known, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for values, weights in parts:
        weights = np.ones(len(values), np.int64) if weights is None else weights
        known, where = np.unique(np.concatenate([known, values]), return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, weights]), minlength=len(known)).astype(np.int64)
    return known, counts


def vocabulary_of(known: Array, counts: Array, min_count: int) -> Vocabulary:
    """The values that are present and frequent enough, coded from 1 by falling frequency, ties by value."""
    kept = (known >= 0) & (counts >= min_count)
    known, counts = known[kept], counts[kept]
    codes = np.empty(len(known), np.int32)
    codes[np.argsort(-counts, kind="stable")] = np.arange(1, len(known) + 1)
    return Vocabulary(known, codes)


def _read(
    data: AliCcpData, files: Mapping[str, Path], part: str, raw: Path, bad: BadLines, block_bytes: int
) -> Part:
    path = files[f"common_features_{part}.csv"]
    common = read_common(path, data.common_fields, raw / "common", bad, block_bytes)
    path = files[f"sample_skeleton_{part}.csv"]
    samples = read_samples(
        path, data.sample_fields, common, data.split_seed, raw / "samples", bad, block_bytes
    )
    return Part(samples, common)


def _vocabularies(data: AliCcpData, train: Part, in_train: Array) -> dict[str, Vocabulary]:
    """By field, in the order of the columns: counted over the training impressions."""
    samples, common = train.samples, train.common
    shown = np.zeros(len(common.order), np.int64)  # impressions of each row of common features
    for rows in chunks(len(in_train), COUNT_CHUNK):
        shown += np.bincount(samples.common_row[rows][in_train[rows]], minlength=len(shown))
    counted = {name: count_values([(common.ids[:, i], shown)]) for i, name in enumerate(data.common_fields)}
    for i, name in enumerate(data.sample_fields):
        parts = ((samples.ids[rows, i][in_train[rows]], None) for rows in chunks(len(in_train), COUNT_CHUNK))
        counted[name] = count_values(parts)
    return {name: vocabulary_of(*found, data.min_count) for name, found in counted.items()}


def _write(
    data: AliCcpData,
    part: Part,
    vocabularies: Mapping[str, Vocabulary],
    masks: Mapping[str, Array],
    folder: Path,
) -> dict[str, Array]:
    """Write the splits that `masks` cut out of one part, joining each impression with its common features.

    Digests of the impressions of each, by all that the files say of them.
    """
    n_sparse, n_dense = len(vocabularies), len(data.dense)
    writers = {
        split: SplitWriter(folder, split, int(mask.sum()), n_sparse, n_dense) for split, mask in masks.items()
    }
    found: dict[str, list[Array]] = {split: [] for split in masks}
    samples, common = part.samples, part.common
    shared = _encoded_common(data, common, vocabularies, folder / "raw" / f"{min(masks)}_shared")
    dense = [(*data.common_fields, *data.sample_fields).index(name) for name in data.dense]
    for rows in chunks(len(samples.click)):
        own = _encode(samples.ids[rows], data.sample_fields, vocabularies)
        at = samples.common_row[rows]
        columns = {
            "sparse": np.concatenate([shared[at], own], axis=1),
            "dense": np.concatenate([common.values[at], samples.values[rows]], axis=1)[:, dense],
            "click": samples.click[rows],
            "conversion": samples.conversion[rows],
        }
        raw = common.ids[at], common.values[at], samples.ids[rows], samples.values[rows]
        digests = row_digests(*raw, columns["click"], columns["conversion"])
        for split, mask in masks.items():
            writers[split].append(**{name: column[mask[rows]] for name, column in columns.items()})
            found[split].append(digests[mask[rows]])
    return {split: np.concatenate([np.empty(0, np.uint64), *parts]) for split, parts in found.items()}


def _encoded_common(
    data: AliCcpData, common: Common, vocabularies: Mapping[str, Vocabulary], path: Path
) -> Array:
    """[C, F] int32, on disk: the codes of all common features, so that a join is a lookup."""
    shared = Growing(path, np.int32, len(data.common_fields))
    for rows in chunks(len(common.order)):
        shared.append(_encode(common.ids[rows], data.common_fields, vocabularies))
    return shared.finish()


def _encode(raw: Array, fields: tuple[str, ...], vocabularies: Mapping[str, Vocabulary]) -> Array:
    """[n, F] codes of the raw ids in the columns `fields`."""
    columns = [vocabularies[name].encode(raw[:, i]) for i, name in enumerate(fields)]
    return np.stack(columns, axis=1)
