"""`data=esmm/csv`: any table of impressions with a click and a conversion column, observed somewhere.

Sparse columns are read as text and encoded by the training split's vocabulary: ids count from 1 by falling
frequency, 0 stands for a value that is missing, unseen in training, or seen there fewer than `min_count`
times. Dense columns are normalised by the training split; a missing number becomes the mean. Missing is what
is empty or listed in `data.missing`; in dense columns also the usual words for it. How files are read and
typed: `table_columns.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.task import Fault, UserError, lacks_a_split, placed, shared_groups
from sweeper_tasks.esmm.columns import SPLITS, Array, SplitWriter, facts_of, normalise
from sweeper_tasks.esmm.data_config import CsvData
from sweeper_tasks.esmm.table_columns import load
from sweeper_tasks.esmm.table_faults import faults_of_splits
from sweeper_tasks.esmm.unseen import unseen_values
from sweeper_tasks.row_copies import frame_digests
from sweeper_tasks.tables.places import fault_of_place

VERSION = 2
"""Goes up with every change of how a table is prepared: it is part of the digest."""

_WHERE_TO_GET = {
    "esmm/csv": "It is a table with one impression a row: CSV, Parquet or JSON, packed or not",
    "esmm/hillstrom": "It is the table of the MineThatData E-Mail Analytics and Data Mining Challenge (Kevin "
    "Hillstrom, 2008), published as a CSV file on his blog and mirrored with many uplift-modelling packages",
    "esmm/ali_ccp_csv": "It is the folder with the label-encoded sample of Ali-CCP that comes with "
    "torch-rechub; the full set is data set 408 on tianchi.aliyun.com",
}


def locate(data: CsvData) -> dict[str, Path]:
    """The files by role: one "table", or "train", "val" and "test". Raises UserError where one is missing."""
    if data.path is None and data.files is None:
        advice = f"Set data.path=<file>. {_WHERE_TO_GET[data.name]}"
        raise UserError(Fault("data.path", "got null; expected a file", advice))
    names = data.files.given if data.files else {"table": ""}
    files = {role: placed(data.path, name) for role, name in names.items()}
    if missing := [path for path in files.values() if not path.is_file()]:
        raise UserError(_missing(data, missing))
    return files


def build(data: CsvData, files: Mapping[str, Path], folder: Path) -> Mapping[str, Any]:
    """Check the table, split it, and write its columns into `folder`. Raises UserError with all faults."""
    loaded = load(data, files)
    data, (frames, shared) = loaded.data, _split(loaded.data, loaded.frames)
    vocabularies = {name: _vocabulary(frames["train"][name], data.min_count) for name in data.sparse}
    for split, frame in frames.items():
        writer = SplitWriter(folder, split, len(frame), len(data.sparse), len(data.dense))
        sparse = [_encode(frame[name], vocabulary) for name, vocabulary in vocabularies.items()]
        writer.append(
            sparse=_matrix(sparse, len(frame)),
            dense=_matrix([_numbers(frame[name]) for name in data.dense], len(frame)),
            click=_numbers(frame[data.click]),
            conversion=_numbers(frame[data.conversion]),
        )
    normalise(folder)
    fields = {name: len(vocabulary) + 1 for name, vocabulary in vocabularies.items()}
    facts = facts_of(
        folder,
        fields,
        data.dense,
        "",
        {split: _digests(data, frame) for split, frame in frames.items()},
        data.splits.way_out() if data.files or data.split else "",
        shared,
        missing_values=_n_missing(data, frames),
        reading=list(loaded.notes),
        doubts=list(loaded.doubts),
        unseen=unseen_values(data.sparse, frames),
    )
    return {"n_train": len(frames["train"]), "real": True, "facts": facts}


def _missing(data: CsvData, paths: list[Path]) -> list[Fault]:
    advice = _WHERE_TO_GET[data.name]
    if len(paths) > 1 and not any(path.exists() for path in paths):
        listed = ", ".join(str(path) for path in paths)
        return [Fault("data.path", f"got {listed}; expected files that exist", advice)]
    faults = (
        fault_of_place(path, "data.path", advice, "Name the files in it with data.files") for path in paths
    )
    return [fault for fault in faults if fault]


def _digests(data: CsvData, frame: pd.DataFrame) -> Array:
    """[n] of all features and labels as they were read: unseen values are not yet one and the same."""
    numbers = [_numbers(frame[name]) for name in (*data.dense, data.click, data.conversion)]
    return frame_digests([*(frame[name] for name in data.sparse), *numbers])


def is_partly_drawn(data: CsvData, files: Mapping[str, Path]) -> bool:
    """Whether the column of the splits lacks one, which is then drawn. Raises UserError as `build` does."""
    frames = load(data, files).frames
    return data.split is not None and lacks_a_split(frames["table"][data.split])


def _split(
    data: CsvData, frames: dict[str, pd.DataFrame]
) -> tuple[dict[str, pd.DataFrame], dict[str, int] | None]:
    """The frames by split, rows in their order; how many groups are in several, where groups are named."""
    whole = pd.concat(frames.values(), ignore_index=True)
    outcome = _numbers(whole[data.click]) + _numbers(whole[data.conversion])
    roles = np.repeat(list(frames), [len(frame) for frame in frames.values()])
    groups, column = (None if name is None else whole[name] for name in (data.group, data.split))
    codes = data.splits.assign(roles, outcome, groups, column)
    splits = {split: whole[codes == code] for code, split in enumerate(SPLITS)}
    if faults := faults_of_splits(splits, data):
        raise UserError(faults)
    return splits, None if groups is None else shared_groups(codes, groups)


def _n_missing(data: CsvData, frames: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """By feature that has any, the missing values in all splits."""
    names = (*data.sparse, *data.dense)
    counts = {name: sum(int(frame[name].isna().sum()) for frame in frames.values()) for name in names}
    return {name: n for name, n in counts.items() if n}


def _vocabulary(column: "pd.Series[str]", min_count: int) -> pd.Index:
    """The values seen at least `min_count` times, the most frequent first, ties in alphabetical order."""
    counts = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return counts.index[counts >= min_count]


def _encode(column: "pd.Series[str]", vocabulary: pd.Index) -> Array:
    return vocabulary.get_indexer(pd.Index(column)) + 1


def _numbers(column: "pd.Series[str]") -> Array:
    return np.asarray(pd.to_numeric(column), dtype=np.float64)


def _matrix(columns: list[Array], n_rows: int) -> Array:
    """[n, k] even for k = 0."""
    return np.stack(columns, axis=1) if columns else np.empty((n_rows, 0))
