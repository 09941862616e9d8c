"""Which photographs and masks a folder holds, in either layout, and what is wrong with their names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.task import BadFile, Fault, UserError
from sweeper_tasks.segmentation.classes import CLASSES

IMAGE_SUFFIXES, MASK_SUFFIXES = (".jpg", ".jpeg", ".png"), (".png",)
PALETTE = ("images", "masks")
ORIGINAL = ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno")
NEEDS_MASK, NEEDS_IMAGE = "an image needs a mask", "a mask needs an image"
KNOWN_PART = "a mask's name has to be <picture>_<class>.png"
ONE_FILE = "a picture has to have one image, and one mask or one of each class"

Masks = Mapping[int, Path] | Path
"""One palette file; or by class one file for each part that is there."""
Masked = dict[str, Masks]


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
    """All pairs by id; what cannot be part of one; the ids of whatever has an image or a mask."""

    pairs: list[Pair]
    bad: list[BadFile]
    ids: frozenset[str]


def find_pairs(root: Path) -> Found:
    """The pairs of a folder. Raises UserError for a folder in neither layout.

    `images/<id>.jpg` with `masks/<id>.png`; or, as published, `CelebA-HQ-img/<n>.jpg` with
    `CelebAMask-HQ-mask-anno/<any>/<n, five digits>_<part>.png`.
    """
    for (images, masks), read in ((PALETTE, _palette_masks), (ORIGINAL, _part_masks)):
        if (root / images).is_dir() and (root / masks).is_dir():
            image_files = _with_suffix((root / images).iterdir(), IMAGE_SUFFIXES)
            return _matched(root, *_each_once(root, image_files, id_of), *read(root, root / masks))
    problem = f"got a folder with neither {'/ and '.join(PALETTE)}/ nor {'/ and '.join(ORIGINAL)}/"
    raise UserError(Fault("data.path", f"{problem} ('{root}'); expected one of these pairs"))


def id_of(path: Path) -> str:
    """What a picture is known as."""
    return plain(path.stem)


def plain(stem: str) -> str:
    """`00012` and `12` are one picture; any other name is itself."""
    return str(int(stem)) if stem.isdecimal() else stem


def _matched(
    root: Path, images: dict[str, Path], bad_images: list[BadFile], masks: Masked, bad_masks: list[BadFile]
) -> Found:
    ids = sorted(images.keys() & masks.keys())
    without_mask = [
        _bad(root, images[i], "no mask", NEEDS_MASK) for i in sorted(images.keys() - masks.keys())
    ]
    without_image = [
        _bad(root, _files_of(masks[i])[0], "no image", NEEDS_IMAGE)
        for i in sorted(masks.keys() - images.keys())
    ]
    return Found(
        [Pair(i, images[i], masks[i]) for i in ids],
        [*bad_images, *bad_masks, *without_mask, *without_image],
        frozenset(images.keys() | masks.keys()),
    )


def _palette_masks(root: Path, folder: Path) -> tuple[Masked, list[BadFile]]:
    masks, bad = _each_once(root, _with_suffix(folder.iterdir(), MASK_SUFFIXES), id_of)
    return dict(masks), bad


def _part_masks(root: Path, folder: Path) -> tuple[Masked, list[BadFile]]:
    files = _with_suffix(folder.rglob("*"), MASK_SUFFIXES)
    known = [path for path in files if _part_of(path) in CLASSES]
    by_part, bad = _each_once(root, known, lambda path: f"{_picture_of(path)}_{_part_of(path)}")
    bad += [_bad(root, path, "no class", KNOWN_PART) for path in files if _part_of(path) not in CLASSES]
    parts: dict[str, dict[int, Path]] = {}
    for path in by_part.values():
        parts.setdefault(_picture_of(path), {})[CLASSES.index(_part_of(path))] = path
    return {i: dict(sorted(found.items())) for i, found in parts.items()}, bad


def _picture_of(path: Path) -> str:
    return plain(path.stem.partition("_")[0])


def _part_of(path: Path) -> str:
    return path.stem.partition("_")[2]


def _with_suffix(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in suffixes)


def _each_once(
    root: Path, files: Iterable[Path], name_of: Callable[[Path], str]
) -> tuple[dict[str, Path], list[BadFile]]:
    """The first file of each name, and all others."""
    first: dict[str, Path] = {}
    others = [(path, kept) for path in files if (kept := first.setdefault(name_of(path), path)) is not path]
    return first, [_bad(root, path, f"beside {kept.name}", ONE_FILE) for path, kept in others]


def _files_of(masks: Masks) -> tuple[Path, ...]:
    return (masks,) if isinstance(masks, Path) else tuple(masks.values())


def _bad(root: Path, path: Path, got: str, rule: str) -> BadFile:
    return BadFile(path.relative_to(root).as_posix(), got, rule)
