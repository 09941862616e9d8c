"""Folders of photographs with masks: `data=segmentation/folder`, and `celebamask`, with a file a part too.

All files are read and checked once, resized, and written as the arrays of `pictures.py`. Images are averaged
down, masks take the nearest pixel, so that no class is invented between two others.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from sweeper.task import BadFile, Fault, UserError, counted, facts_of_skipped, fault_of, words_of_ignored
from sweeper_tasks.picture_facts import Noted, facts_of_read
from sweeper_tasks.pictures import BadPictureError, Picture, read_picture, turn
from sweeper_tasks.segmentation.class_facts import IGNORED
from sweeper_tasks.segmentation.data_config import CelebAMask
from sweeper_tasks.segmentation.facts import prepared_facts
from sweeper_tasks.segmentation.held import contents_of
from sweeper_tasks.segmentation.masks import Mask, Palette, read_mask, read_part, refuse_other_palettes
from sweeper_tasks.segmentation.pairs import Pair, find_pairs
from sweeper_tasks.segmentation.pictures import SPLITS, Array, PictureWriter, keep_only
from sweeper_tasks.segmentation.splits import SPLIT_FILE, read_split, rows_without_files, split_pairs

VERSION, FIRST_VERSION = 2, 1
"""Part of the digest; goes up with every change of what is written, see `Source.build` for the first."""
STRIDE = 32
"""A picture has to be at least so many pixels wide and high: the stride of the documented network."""
LARGE_ENOUGH = f"an image has to be at least {STRIDE} x {STRIDE} pixels, the network's stride"
SAME_SHAPE = "a mask has to have its image's shape"
SAME_WAY_UP = (
    "where an image has an EXIF orientation, its mask has to say which way up it is, by one of its own or by "
    "its shape (save the image upright, and remove the orientation)"
)
COUNTS = "a mask needs a pixel that counts, after it was resized"


class Source:
    """The files of `data.path`: found once, digested and read by whoever asks."""

    def __init__(self, data: CelebAMask) -> None:
        self.data, self.root = data, locate(data)
        found, self.named = find_pairs(self.root, data), read_split(self.root)
        self.ignored = counted(found.listings)
        self.pairs, self.alone = found.pairs, found.bad + rows_without_files(self.named, found)

    @property
    def files(self) -> list[Path]:
        """All that decides what is prepared."""
        split_file = [] if self.named is None else [self.root / SPLIT_FILE]
        return split_file + [file for pair in self.pairs for file in (pair.image, *pair.mask_files)]

    def build(self, folder: Path, as_before: str) -> Mapping[str, Any]:
        """Write all splits into `folder`. Raises UserError with all files that cannot be used.

        Where every file was read as the first version read it, the data are known as `as_before`, so that
        stored runs on them stay known.
        """
        splits = split_pairs(self.root, self.pairs, self.named, self.data)
        self._refuse_empty({split: len(pairs) for split, pairs in splits.items()})
        noted: list[Noted] = []
        palettes: list[tuple[str, Palette]] = []
        bad = {split: self._write(folder, split, splits[split], noted, palettes) for split in SPLITS}
        unusable = sorted((fault for faults in bad.values() for fault in faults.values()), key=_file_of)
        found = [*self.alone, *unusable]
        if found and not self.data.skip_bad:
            raise UserError(fault_of(found, str(self.root)))
        refuse_other_palettes(sorted(palettes, key=lambda found: found[0]))
        for split in SPLITS:
            keep_only(folder, split, [i for i in range(len(splits[split])) if i not in bad[split]])
        n_left = {split: len(splits[split]) - len(bad[split]) for split in SPLITS}
        self._refuse_empty(n_left)
        read = facts_of_read(sorted(noted))
        told = {"skipped": facts_of_skipped(found), "ignored": self.ignored, "read": read}
        facts = prepared_facts(folder, self.data) | contents_of(folder, self.data.classes).facts() | told
        known_as = {} if noted else {"digest": as_before}
        return {"n_train": n_left["train"], "real": True, "facts": facts, **known_as}

    def _refuse_empty(self, n: Mapping[str, int]) -> None:
        if empty := [split for split in SPLITS if n[split] == 0]:
            problem = f"got {sum(n.values())} pairs, none for {', '.join(empty)}; expected some in each split"
            advice = "Give more pairs, or other rates or another split.csv"
            if self.ignored and not sum(n.values()):
                problem += f"; not read: {words_of_ignored(self.ignored)}"
            why = [fault_of(self.alone, str(self.root))] if self.alone else []
            raise UserError([*why, Fault(str(self.root), problem, advice)])

    def _write(
        self,
        folder: Path,
        split: str,
        pairs: Sequence[Pair],
        noted: list[Noted],
        palettes: list[tuple[str, Palette]],
    ) -> dict[int, BadFile]:
        """Write a split; what is wrong with a pair, by its place, which is then left blank.

        How files had to be read goes into `noted`, what masks say of colours into `palettes`.
        """
        writer, bad = PictureWriter(folder, split, len(pairs), self.data.image_size), {}

        def put(i: int) -> None:
            try:
                image, mask, palette = read_pair(pairs[i], self.root, self.data, noted)
                writer.put(i, image, mask)
                palettes.append((pairs[i].mask_files[0].relative_to(self.root).as_posix(), palette))
            except BadPairError as error:
                bad[i] = error.bad

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


class BadPairError(Exception):
    """A pair that cannot be used, by the file that is the reason."""

    def __init__(self, bad: BadFile) -> None:
        self.bad = bad
        super().__init__(bad.file)


def read_pair(pair: Pair, root: Path, data: CelebAMask, noted: list[Noted]) -> tuple[Array, Array, Palette]:
    """Image [3, S, S] and mask [S, S], uint8, and the mask's palette. Raises BadPairError.

    How files had to be read goes into `noted`.
    """
    picture = _read(pair.image, root, read_photograph, noted)
    mask = _mask_of(pair, root, data, noted)
    file = pair.mask_files[0]
    upright = _as_seen(mask, picture, file, root)
    nearest = np.asarray(upright.resize((data.image_size,) * 2, Image.Resampling.NEAREST))
    if (nearest == IGNORED).all():
        raise BadPairError(_bad(file, root, "none", COUNTS))
    return resized(picture.image, data.image_size), nearest, mask.palette


def read_photograph(file: Path) -> Picture:
    """The photograph in `file`. Raises BadPictureError."""
    picture = read_picture(file)
    if min(picture.image.size) < STRIDE:
        raise BadPictureError(f"{picture.image.width} x {picture.image.height}", LARGE_ENOUGH)
    return picture


def resized(image: Image.Image, size: int) -> Array:
    """The photograph as a network sees it, [3, size, size] uint8."""
    pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX))
    return pixels.transpose(2, 0, 1)


def _as_seen(mask: Mask, picture: Picture, file: Path, root: Path) -> Image.Image:
    """The mask the same way up as its picture, which is upright. Raises BadPairError."""
    stored, image = Image.fromarray(mask.classes), picture.image
    if mask.orientation != 1:
        upright, is_told = turn(stored, mask.orientation), True
    else:
        turned = turn(stored, picture.orientation)
        fits, fits_turned = _fits(stored, image), _fits(turned, image)
        is_told = picture.orientation == 1 or not (fits and fits_turned)
        upright = stored if fits else turned
    if not _fits(upright, image):
        got = f"{stored.width} x {stored.height}, the image {image.width} x {image.height}"
        raise BadPairError(_bad(file, root, got, SAME_SHAPE))
    if not is_told:
        raise BadPairError(_bad(file, root, f"EXIF orientation {picture.orientation}", SAME_WAY_UP))
    return upright


def _fits(mask: Image.Image, image: Image.Image) -> bool:
    """Whether the two have one shape, to a pixel of rounding."""
    return abs(mask.width * image.height - mask.height * image.width) <= max(image.size)


def _mask_of(pair: Pair, root: Path, data: CelebAMask, noted: list[Noted]) -> Mask:
    """The classes. Of several parts, later ones hide earlier ones, as in the data set's own script."""
    if isinstance(pair.masks, Path):
        return _read(pair.masks, root, partial(read_mask, facts=data), noted)
    whole: Array | None = None
    orientation = 1
    for number, file in pair.masks.items():
        try:
            part, orientation = read_part(file)
        except BadPictureError as error:
            raise BadPairError(_bad(file, root, error.got, error.rule)) from None
        whole = np.zeros(part.shape, dtype=np.uint8) if whole is None else whole
        if part.shape != whole.shape:
            raise BadPairError(_bad(file, root, f"{part.shape[1]} x {part.shape[0]}", SAME_SHAPE))
        whole[part] = number
    assert whole is not None
    return Mask(whole, (), orientation)


Read = TypeVar("Read", Picture, Mask)


def _read(file: Path, root: Path, read: Callable[[Path], Read], noted: list[Noted]) -> Read:
    try:
        found = read(file)
    except BadPictureError as error:
        raise BadPairError(_bad(file, root, error.got, error.rule)) from None
    if found.notes:
        noted.append((file.relative_to(root).as_posix(), found.notes))
    return found


def _file_of(bad: BadFile) -> str:
    return bad.file


def _bad(file: Path, root: Path, got: str, rule: str) -> BadFile:
    return BadFile(file.relative_to(root).as_posix(), got, rule)
