"""Which photographs and masks a folder holds, in either layout, and which split each belongs to."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sweeper.errors import Fault, UserError
from tasks.segmentation.bad_files import BadFile
from tasks.segmentation.classes import CLASSES
from tasks.segmentation.data_config import CelebAMask
from tasks.segmentation.pictures import SPLITS

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
PALETTE = ("images", "masks")
ORIGINAL = ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno")
NEEDS_MASK, NEEDS_IMAGE = "an image needs a mask", "a mask needs an image"
SPLIT_FILE = "split.csv"


@dataclass(frozen=True)
class Pair:
    """A photograph and its mask: one palette file, or by class one file for each part that is there."""

    id: str
    image: Path
    masks: Mapping[int, Path] | Path

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """All files of the mask."""
        return (self.masks,) if isinstance(self.masks, Path) else tuple(self.masks.values())


def find_pairs(root: Path) -> tuple[list[Pair], list[BadFile]]:
    """All pairs by id, and what has no counterpart. Raises UserError for a folder in neither layout.

    `images/<id>.jpg` with `masks/<id>.png`; or, as published, `CelebA-HQ-img/<n>.jpg` with
    `CelebAMask-HQ-mask-anno/<any>/<n, five digits>_<part>.png`.
    """
    for (images, masks), read in ((PALETTE, _palette_masks), (ORIGINAL, _part_masks)):
        if (root / images).is_dir() and (root / masks).is_dir():
            return _matched(root, _images(root / images), read(root / masks))
    problem = f"got a folder with neither {'/ and '.join(PALETTE)}/ nor {'/ and '.join(ORIGINAL)}/"
    raise UserError(Fault("data.path", f"{problem} ('{root}'); expected one of these pairs"))


def _matched(
    root: Path, images: Mapping[str, Path], masks: Mapping[str, Mapping[int, Path] | Path]
) -> tuple[list[Pair], list[BadFile]]:
    ids = sorted(images.keys() & masks.keys())
    alone = [
        BadFile(_below(root, images[i]), "no mask", NEEDS_MASK) for i in sorted(images.keys() - masks.keys())
    ]
    alone += [
        BadFile(_mask_name(root, masks[i]), "no image", NEEDS_IMAGE)
        for i in sorted(masks.keys() - images.keys())
    ]
    return [Pair(i, images[i], masks[i]) for i in ids], alone


def _images(folder: Path) -> dict[str, Path]:
    found = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES)
    return {_plain(path.stem): path for path in found}


def _palette_masks(folder: Path) -> dict[str, Mapping[int, Path] | Path]:
    return {_plain(path.stem): path for path in sorted(folder.glob("*.png"))}


def _part_masks(folder: Path) -> dict[str, Mapping[int, Path] | Path]:
    parts: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.rglob("*.png")):
        number, _, part = path.stem.partition("_")
        if part in CLASSES:
            parts.setdefault(_plain(number), {})[CLASSES.index(part)] = path
    return {i: dict(sorted(found.items())) for i, found in parts.items()}


def _plain(stem: str) -> str:
    """`00012` and `12` are one picture."""
    return str(int(stem)) if stem.isdecimal() else stem


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _mask_name(root: Path, masks: Mapping[int, Path] | Path) -> str:
    return _below(root, masks if isinstance(masks, Path) else next(iter(masks.values())))


def split_pairs(root: Path, pairs: list[Pair], data: CelebAMask) -> dict[str, list[Pair]]:
    """The pairs of each split.

    With a `split.csv` (columns id, split) its splits are taken; where it has no test split, its val is halved
    by `split_seed`. Otherwise all are shuffled by that seed, and cut by `val_rate` and `test_rate`.
    """
    if not (root / SPLIT_FILE).exists():
        return _cut(_shuffled(pairs, data.split_seed), data.val_rate, data.test_rate)
    named = _read_split(root / SPLIT_FILE)
    by_split = {split: [pair for pair in pairs if named.get(pair.id) == split] for split in SPLITS}
    _refuse_unnamed([pair.id for pair in pairs if pair.id not in named], root / SPLIT_FILE)
    if by_split["test"]:
        return by_split
    held = _shuffled(by_split["val"], data.split_seed)
    return {"train": by_split["train"], "val": held[: len(held) // 2], "test": held[len(held) // 2 :]}


def _cut(pairs: list[Pair], val_rate: float, test_rate: float) -> dict[str, list[Pair]]:
    n_val, n_test = round(val_rate * len(pairs)), round(test_rate * len(pairs))
    return {"val": pairs[:n_val], "test": pairs[n_val : n_val + n_test], "train": pairs[n_val + n_test :]}


def _shuffled(pairs: list[Pair], seed: int) -> list[Pair]:
    return [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]


def _read_split(file: Path) -> dict[str, str]:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    faults = list(_faults_of_rows(file, rows))
    if faults:
        raise UserError(faults)
    return {_plain(row["id"]): row["split"] for row in rows}


def _faults_of_rows(file: Path, rows: list[dict[str, str]]) -> Iterator[Fault]:
    if not rows or not {"id", "split"} <= rows[0].keys():
        yield Fault(str(file), f"got columns {list(rows[0]) if rows else []}; expected id and split")
        return
    if unknown := sorted({str(row["split"]) for row in rows} - set(SPLITS)):
        yield Fault(str(file), f"got split '{unknown[0]}'; expected train, val or test in every row")


def _refuse_unnamed(ids: list[str], file: Path) -> None:
    if ids:
        problem = f"got no split for {len(ids)} images ({', '.join(ids[:5])}); expected a row for each"
        raise UserError(Fault(str(file), problem, "Add them, or remove the file to split at random"))
