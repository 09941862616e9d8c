"""`data=segmentation/celebamask`: photographs with masks, from palette files or from one file a part.

All files are read and checked once, resized, and written as the arrays of `pictures.py`. Images are averaged
down, masks take the nearest pixel, so that no class is invented between two others.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from sweeper.task import BadFile, Fault, UserError, facts_of_skipped, fault_of
from sweeper_tasks.segmentation.classes import CLASSES, N_CLASSES, STRIDE
from sweeper_tasks.segmentation.data_config import CelebAMask
from sweeper_tasks.segmentation.facts import trivial_facts
from sweeper_tasks.segmentation.held import contents_of
from sweeper_tasks.segmentation.pairs import Pair, find_pairs
from sweeper_tasks.segmentation.pictures import SPLITS, Array, PictureWriter, facts_of, keep_only
from sweeper_tasks.segmentation.splits import SPLIT_FILE, read_split, rows_without_files, split_pairs

VERSION = 1
"""Goes up with every change of what is written: it is part of the digest."""
READABLE = "a file has to be readable as an image"
LARGE_ENOUGH = f"an image has to be at least {STRIDE} x {STRIDE} pixels, the network's stride"
ONE_VALUE = "a mask has to hold one value a pixel (mode P or L)"
KNOWN_CLASS = f"a mask's values have to be classes, 0 to {N_CLASSES - 1}"
SAME_SHAPE = "a mask has to have its image's shape"


class Source:
    """The files of `data.path`: found once, digested and read by whoever asks."""

    def __init__(self, data: CelebAMask) -> None:
        self.data, self.root = data, locate(data)
        found, self.named = find_pairs(self.root), read_split(self.root)
        self.pairs, self.alone = found.pairs, found.bad + rows_without_files(self.named, found)

    @property
    def files(self) -> list[Path]:
        """All that decides what is prepared."""
        split_file = [] if self.named is None else [self.root / SPLIT_FILE]
        return split_file + [file for pair in self.pairs for file in (pair.image, *pair.mask_files)]

    def build(self, folder: Path) -> Mapping[str, Any]:
        """Write all splits into `folder`. Raises UserError with all files that cannot be used."""
        splits = split_pairs(self.root, self.pairs, self.named, self.data)
        self._refuse_empty({split: len(pairs) for split, pairs in splits.items()})
        bad = {split: self._write(folder, split, splits[split]) for split in SPLITS}
        found = [*self.alone, *(fault for faults in bad.values() for fault in faults.values())]
        if found and not self.data.skip_bad:
            raise UserError(fault_of(found, str(self.root)))
        for split in SPLITS:
            keep_only(folder, split, [i for i in range(len(splits[split])) if i not in bad[split]])
        n_left = {split: len(splits[split]) - len(bad[split]) for split in SPLITS}
        self._refuse_empty(n_left)
        facts = (
            facts_of(folder)
            | trivial_facts(folder)
            | contents_of(folder, CLASSES).facts()
            | {"skipped": facts_of_skipped(found)}
        )
        return {"n_train": n_left["train"], "real": True, "facts": facts}

    def _refuse_empty(self, n: Mapping[str, int]) -> None:
        if empty := [split for split in SPLITS if n[split] == 0]:
            problem = f"got {sum(n.values())} pairs, none for {', '.join(empty)}; expected some in each split"
            advice = "Give more pairs, or other rates or another split.csv"
            why = [fault_of(self.alone, str(self.root))] if self.alone else []
            raise UserError([*why, Fault(str(self.root), problem, advice)])

    def _write(self, folder: Path, split: str, pairs: Sequence[Pair]) -> dict[int, BadFile]:
        """Write a split; what is wrong with a pair, by its place, which is then left blank."""
        writer, bad = PictureWriter(folder, split, len(pairs), self.data.image_size), {}

        def put(i: int) -> None:
            found = read_pair(pairs[i], self.root, self.data.image_size)
            if isinstance(found, BadFile):
                bad[i] = found
            else:
                writer.put(i, *found)

        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:  # decoding leaves Python alone
            list(pool.map(put, range(len(pairs))))
        writer.close()
        return bad


def locate(data: CelebAMask) -> Path:
    """The folder `data.path`. Raises UserError where it is none."""
    if data.path is None or not Path(data.path).is_dir():
        got = "nothing" if data.path is None else f"'{data.path}'"
        advice = "Give it as data.path=<folder>; see conf/data/segmentation/celebamask.yaml for what it holds"
        raise UserError(Fault("data.path", f"got {got}; expected a folder with images and masks", advice))
    return Path(data.path)


def read_pair(pair: Pair, root: Path, size: int) -> tuple[Array, Array] | BadFile:
    """Image [3, size, size] and mask [size, size], uint8; or what is wrong with them."""
    image = open_image(pair.image, root)
    if isinstance(image, BadFile):
        return image
    mask = _mask_of(pair, root)
    if isinstance(mask, BadFile):
        return mask
    height, width = mask.shape
    if abs(width * image.height - height * image.width) > max(image.size):  # a pixel of rounding
        got = f"{width} x {height}, the image {image.width} x {image.height}"
        return _bad(pair.mask_files[0], root, got, SAME_SHAPE)
    nearest = Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST)
    return resized(image, size), np.asarray(nearest)


def open_image(file: Path, root: Path) -> Image.Image | BadFile:
    """The photograph in `file`, or what is wrong with it."""
    image = _opened(file, root)
    if isinstance(image, BadFile) or min(image.size) >= STRIDE:
        return image
    return _bad(file, root, f"{image.width} x {image.height}", LARGE_ENOUGH)


def resized(image: Image.Image, size: int) -> Array:
    """The photograph as a network sees it, [3, size, size] uint8."""
    pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX))
    return pixels.transpose(2, 0, 1)


def _mask_of(pair: Pair, root: Path) -> Array | BadFile:
    """[H, W] classes. Of several parts, later classes hide earlier ones, as in the data set's own script."""
    if isinstance(pair.masks, Path):
        mask = _values(pair.masks, root)
        if isinstance(mask, BadFile) or mask.max() < N_CLASSES:
            return mask
        return _bad(pair.masks, root, f"value {mask.max()}", KNOWN_CLASS)
    whole: Array | None = None
    for number, file in pair.masks.items():
        part = _values(file, root)
        if isinstance(part, BadFile):
            return part
        whole = np.zeros_like(part) if whole is None else whole
        if part.shape != whole.shape:
            return _bad(file, root, f"{part.shape[1]} x {part.shape[0]}", SAME_SHAPE)
        whole[part > 0] = number
    assert whole is not None
    return whole


def _values(file: Path, root: Path) -> Array | BadFile:
    """[H, W] uint8, as stored."""
    image = _opened(file, root)
    if isinstance(image, BadFile):
        return image
    if image.mode == "RGB" and _is_grey(
        np.asarray(image)
    ):  # the published parts are grey files in three channels
        image = image.getchannel(0)
    return (
        np.asarray(image) if image.mode in ("P", "L") else _bad(file, root, f"mode {image.mode}", ONE_VALUE)
    )


def _is_grey(pixels: Array) -> bool:
    return bool((pixels == pixels[..., :1]).all())


def _opened(file: Path, root: Path) -> Image.Image | BadFile:
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return _bad(file, root, type(error).__name__, READABLE)


def _bad(file: Path, root: Path, got: str, rule: str) -> BadFile:
    return BadFile(file.relative_to(root).as_posix(), got, rule)
