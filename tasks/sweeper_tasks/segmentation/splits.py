"""Which split each picture belongs to: as `split.csv` says, or by chance and a seed."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from sweeper.task import BadFile, Fault, UserError
from sweeper_tasks.picture_facts import SUFFIXES
from sweeper_tasks.segmentation.data_config import CelebAMask
from sweeper_tasks.segmentation.pairs import Found, Pair, plain
from sweeper_tasks.segmentation.pictures import SPLITS
from sweeper_tasks.split_folders import splits_of_paths

SPLIT_FILE = "split.csv"
NEEDS_PAIR = f"a row of {SPLIT_FILE} needs an image and a mask"

Named = dict[str, str]
"""Split by id."""


def read_split(root: Path) -> Named | None:
    """What `split.csv` (columns id, split) says; None where there is none. Raises UserError."""
    file = root / SPLIT_FILE
    if not file.exists():
        return None
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    if faults := list(_faults_of(file, rows)):
        raise UserError(faults)
    return {_id_of(row["id"]): row["split"] for row in rows}


def _id_of(given: str) -> str:
    """`12` for `00012` and for `00012.jpg`."""
    path = PurePosixPath(given.strip())
    name = path.stem if path.suffix.lower() in SUFFIXES else path.name
    return "/".join((*path.parts[:-1], plain(name)))


def rows_without_files(named: Named | None, found: Found) -> list[BadFile]:
    """Rows of `split.csv` whose picture has neither image nor mask."""
    absent = [i for i in named or () if i not in found.ids]
    return [BadFile(i, "neither", NEEDS_PAIR) for i in absent]


def split_pairs(
    root: Path, pairs: list[Pair], named: Mapping[str, str] | None, data: CelebAMask
) -> dict[str, list[Pair]]:
    """The pairs of each split.

    What `split.csv`, or else folders called train, val and test, say is followed. Without a test split, val
    is halved by `split_seed`; without val, `val_rate` of train is drawn by it. Where nothing is said, all are
    shuffled by that seed, and cut by `val_rate` and `test_rate`.
    """
    if named is None:
        named = splits_of_paths([pair.id for pair in pairs])
    if named is None:
        return _cut(_shuffled(pairs, data.split_seed), data.val_rate, data.test_rate)
    _refuse_unnamed([pair.id for pair in pairs if pair.id not in named], root / SPLIT_FILE)
    by_split = {split: [pair for pair in pairs if named[pair.id] == split] for split in SPLITS}
    given = set(named.values())
    if "val" not in given and "test" in given:
        return {
            **_cut(_shuffled(by_split["train"], data.split_seed), data.val_rate, 0),
            "test": by_split["test"],
        }
    if "test" in given or "val" not in given:
        return by_split
    held = _shuffled(by_split["val"], data.split_seed)
    return {"train": by_split["train"], "val": held[: len(held) // 2], "test": held[len(held) // 2 :]}


def _cut(pairs: list[Pair], val_rate: float, test_rate: float) -> dict[str, list[Pair]]:
    n_val, n_test = round(val_rate * len(pairs)), round(test_rate * len(pairs))
    return {"val": pairs[:n_val], "test": pairs[n_val : n_val + n_test], "train": pairs[n_val + n_test :]}


def _shuffled(pairs: list[Pair], seed: int) -> list[Pair]:
    return [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]


def _faults_of(file: Path, rows: list[dict[str, str]]) -> Iterator[Fault]:
    if not rows or not {"id", "split"} <= rows[0].keys():
        yield Fault(str(file), f"got columns {list(rows[0]) if rows else []}; expected id and split")
        return
    if unknown := sorted({str(row["split"]) for row in rows} - set(SPLITS)):
        yield Fault(str(file), f"got split '{unknown[0]}'; expected train, val or test in every row")


def _refuse_unnamed(ids: list[str], file: Path) -> None:
    if ids:
        problem = f"got no split for {len(ids)} images ({', '.join(ids[:5])}); expected a row for each"
        raise UserError(Fault(str(file), problem, "Add them, or remove the file to split at random"))
