"""Which photographs and masks a folder holds, in any layout, and what is wrong with their names."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.task import BadFile, Fault, Listing, UserError, is_foreign, list_files
from sweeper_tasks.picture_facts import SUFFIXES
from sweeper_tasks.segmentation.data_config import CelebAMask
from sweeper_tasks.split_folders import split_of_folder

IMAGE_SUFFIXES = SUFFIXES
LOSSY = (".jpg", ".jpeg", ".jfif", ".webp")
"""Masks with these are looked at where there is no other, and then told by their format."""
ORIGINAL = ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno")
NEEDS_MASK, NEEDS_IMAGE = "an image needs a mask", "a mask needs an image"
KNOWN_PART = "a mask's name has to be <picture>_<class>.png"
ONE_FILE = "a picture has to have one image, and one mask or one of each class"

Masks = Mapping[int, Path] | Path
"""One file of all classes; or by class one file for each part that is there."""
Files = tuple[dict[str, Path], list[BadFile]]
Masked = tuple[Mapping[str, Masks], list[BadFile]]
"""By id, and what is wrong with the others."""


@dataclass(frozen=True)
class Pair:
    """A photograph and its mask."""

    id: str
    image: Path
    masks: Masks

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """All files of the mask."""
        return _files_of(self.masks)


@dataclass(frozen=True)
class Found:
    """All pairs by id; what cannot be part of one; the ids of whatever has an image or a mask.

    `listings` say which files were not looked at.
    """

    pairs: list[Pair]
    bad: list[BadFile]
    ids: frozenset[str]
    listings: Sequence[Listing]


def find_pairs(root: Path, data: CelebAMask) -> Found:
    """The pairs of a folder. Raises UserError for a folder in no layout.

    `images/a/<id>.jpg` with `masks/a/<id>.png`, in any folders below, where `data.images` and `data.masks`
    name the two; or `train/images/<id>.jpg` with `train/masks/<id>.png`; or, as published,
    `CelebA-HQ-img/<n>.jpg` with `CelebAMask-HQ-mask-anno/<any>/<n, five digits>_<part>.png`.
    """
    if places := [root] if _has(root, data.images, data.masks) else _split_folders(root, data):
        return _in_folders(root, places, data)
    if _has(root, *ORIGINAL):
        images, masks = (list_files(root / name, SUFFIXES) for name in ORIGINAL)
        parts = _part_masks(root, masks.files, data.classes)
        return _matched(root, _each_once(root, images.files, id_of), parts, (images, masks))
    problem = f"got a folder with neither {data.images}/ and {data.masks}/ nor {'/ and '.join(ORIGINAL)}/"
    there = sorted(path.name + "/" for path in root.iterdir() if path.is_dir() and not is_foreign(path))
    seen = f"'{root}', with {', '.join(there[:5]) or 'no folder'}"
    advice = "Folders of other names: data.images=... data.masks=..."
    raise UserError(Fault("data.path", f"{problem} ({seen}); expected one of these pairs", advice))


def _has(root: Path, images: str, masks: str) -> bool:
    return (root / images).is_dir() and (root / masks).is_dir()


def _split_folders(root: Path, data: CelebAMask) -> list[Path]:
    """`train` and so on, where each has both folders."""
    folders = sorted(path for path in root.iterdir() if split_of_folder(path.name))
    return [folder for folder in folders if _has(folder, data.images, data.masks)]


def _in_folders(root: Path, places: Sequence[Path], data: CelebAMask) -> Found:
    images = [_of_name(list_files(place / data.images, SUFFIXES), data.image_suffix) for place in places]
    masks = [_of_name(list_files(place / data.masks, SUFFIXES), data.mask_suffix) for place in places]
    if data.images == data.masks:
        of_masks = {path for listing in masks for path in listing.files}
        images = [replace(one, files=tuple(f for f in one.files if f not in of_masks)) for one in images]
        masks = [replace(one, ignored={}) for one in masks]
    ids = _ids(root, places, images, data.images, data.image_suffix)
    ids |= _ids(root, places, masks, data.masks, data.mask_suffix)
    lossless = {ids[f] for one in masks for f in one.files if f.suffix.lower() not in LOSSY}
    spare = [[f for f in one.files if f.suffix.lower() in LOSSY and ids[f] in lossless] for one in masks]
    masks = [_without(one, files, "beside a mask") for one, files in zip(masks, spare, strict=True)]
    every = [[path for listing in listings for path in listing.files] for listings in (images, masks)]
    by_id, masked = (_each_once(root, sorted(files), ids.__getitem__) for files in every)
    return _matched(root, by_id, masked, (*images, *masks))


def _ids(
    root: Path, places: Sequence[Path], listings: Sequence[Listing], folder: str, suffix: str
) -> dict[Path, str]:
    """`train/12` for `train/00012_mask.png` in `masks`, as for `00012_mask.png` in `train/masks`."""
    ids = {}
    for place, listing in zip(places, listings, strict=True):
        for path in listing.files:
            above = (*place.relative_to(root).parts, *path.relative_to(place / folder).parts[:-1])
            ids[path] = "/".join((*above, plain(path.stem.removesuffix(suffix))))
    return ids


def _of_name(listing: Listing, suffix: str) -> Listing:
    """The files whose names end with `suffix`, the others counted."""
    others = [path for path in listing.files if not path.stem.endswith(suffix)]
    return _without(listing, others, f"without {suffix} in the name")


def _without(listing: Listing, others: Sequence[Path], kind: str) -> Listing:
    if not others:
        return listing
    files = tuple(path for path in listing.files if path not in set(others))
    return Listing(files, {**listing.ignored, kind: [path.name for path in others]})


def id_of(path: Path) -> str:
    """What a picture is known as."""
    return plain(path.stem)


def plain(stem: str) -> str:
    """`00012` and `12` are one picture; any other name is itself."""
    return str(int(stem)) if stem.isdecimal() else stem


def same_name(name: str) -> str:
    """What two names share that differ in capitals, or in how accents are written (as on a Mac)."""
    return unicodedata.normalize("NFC", name).casefold()


def _matched(root: Path, images: Files, masks: Masked, listings: Sequence[Listing]) -> Found:
    """Pairs of one id; of the rest those whose ids are one but for capitals, where that is clear."""
    (by_id, bad_images), (mask_by_id, bad_masks) = images, masks
    other = _other_names(by_id.keys() - mask_by_id.keys(), mask_by_id.keys() - by_id.keys())
    mask_of = {i: mask_by_id[other.get(i, i)] for i in by_id if other.get(i, i) in mask_by_id}
    used = {other.get(i, i) for i in mask_of}
    alone = sorted(by_id.keys() - mask_of.keys())
    without_mask = [_bad(root, by_id[i], "no mask", NEEDS_MASK) for i in alone]
    without_image = [
        _bad(root, _files_of(mask_by_id[i])[0], "no image", NEEDS_IMAGE)
        for i in sorted(mask_by_id.keys() - used)
    ]
    return Found(
        [Pair(i, by_id[i], mask_of[i]) for i in sorted(mask_of)],
        [*bad_images, *bad_masks, *without_mask, *without_image],
        frozenset(by_id.keys() | mask_by_id.keys()),
        listings,
    )


def _other_names(images: Iterable[str], masks: Iterable[str]) -> dict[str, str]:
    """By an image's id that no mask has, the one mask's whose name is the same."""
    images, masks = list(images), list(masks)
    times = [Counter(map(same_name, names)) for names in (images, masks)]
    mask_of = {same_name(name): name for name in masks}
    clear = [name for name in images if all(count[same_name(name)] == 1 for count in times)]
    return {name: mask_of[same_name(name)] for name in clear}


def _part_masks(root: Path, files: Iterable[Path], classes: Sequence[str]) -> Masked:
    files = list(files)
    known = [path for path in files if _part_of(path) in classes]
    by_part, bad = _each_once(root, known, lambda path: f"{_picture_of(path)}_{_part_of(path)}")
    bad += [_bad(root, path, "no class", KNOWN_PART) for path in files if _part_of(path) not in classes]
    parts: dict[str, dict[int, Path]] = {}
    for path in by_part.values():
        parts.setdefault(_picture_of(path), {})[classes.index(_part_of(path))] = path
    return {i: dict(sorted(found.items())) for i, found in parts.items()}, bad


def _picture_of(path: Path) -> str:
    return plain(path.stem.partition("_")[0])


def _part_of(path: Path) -> str:
    return path.stem.partition("_")[2]


def _each_once(root: Path, files: Iterable[Path], name_of: Callable[[Path], str]) -> Files:
    """The first file of each name, and all others."""
    first: dict[str, Path] = {}
    others = [(path, kept) for path in files if (kept := first.setdefault(name_of(path), path)) is not path]
    return first, [_bad(root, path, f"beside {kept.name}", ONE_FILE) for path, kept in others]


def _files_of(masks: Masks) -> tuple[Path, ...]:
    return (masks,) if isinstance(masks, Path) else tuple(masks.values())


def _bad(root: Path, path: Path, got: str, rule: str) -> BadFile:
    return BadFile(path.relative_to(root).as_posix(), got, rule)
