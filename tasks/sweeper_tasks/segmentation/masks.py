"""Files of masks, read by what their numbers mean, as the class of each pixel; or refused. No torch here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sweeper.task import Fault, UserError
from sweeper_tasks.pictures import BadPictureError, is_transparent, open_image, orientation_of
from sweeper_tasks.segmentation.class_facts import IGNORED, ClassFacts

N_TOLD = 5
READABLE = "a file has to be readable as an image"
LOSSLESS = "a mask has to be stored without loss, as PNG: others change values at edges"
ONE_VALUE = "a mask has to hold one value a pixel (mode P or L), or colours that data.colours lists"
OPAQUE = "a mask has to be opaque"

BINARY = "255 read as 1, the second of two classes"
BY_COLOUR = "a palette read by its colours, in data.colours, not by its numbers"
FEW_BITS = "grey of 2 or 4 bits, read by its numbers"
SCALED = "16 bits of grey, read as 8: multiples of 257"

Array = np.ndarray[Any, Any]
UNKNOWN = -1
Colour = tuple[int, int, int]
Palette = Mapping[Colour, int]
"""Colour -> the value that stands for it."""


@dataclass(frozen=True)
class Mask:
    """[H, W] uint8: each pixel's class, `IGNORED` where it counts nowhere; as stored, not turned.

    `palette` has the values that were read by their numbers, by the colour that each alone has in the file.
    """

    classes: Array
    notes: tuple[str, ...]
    orientation: int
    palette: Palette = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One way to read a file's numbers [H, W], and what to say of it."""

    values: Array
    note: str = ""


def known_values(facts: ClassFacts) -> str:
    """The rule for the values of a mask."""
    which = f"0 to {facts.n_classes - 1}" if facts.values is None else f"{_listed(facts.values)}"
    ways = " (other numbers of classes: data.values; what counts nowhere: data.ignored)"
    more = f", or {_listed(facts.ignored_values)} (ignored)" if facts.ignored_values else ways
    return f"a mask's values have to be classes, {which}{more}"


def read_mask(file: Path, facts: ClassFacts) -> Mask:
    """The classes in `file`. Raises BadPictureError."""
    image = _open(file)
    orientation = orientation_of(image)
    readings, by_colour = list(_readings(image)), _by_colour(image, facts)
    if not readings:
        if by_colour is None:
            raise BadPictureError(f"mode {image.mode}", ONE_VALUE)
        _refuse_unknown_colours(image, by_colour)
        return Mask(by_colour.astype(np.uint8), (), orientation)
    readings += _binary(readings[0], facts)
    found = [(_classes_of(reading.values, facts), reading.note) for reading in readings]
    good = next(((classes, note) for classes, note in found if classes.min() != UNKNOWN), None)
    is_coloured = by_colour is not None and by_colour.min() != UNKNOWN
    if by_colour is not None and is_coloured and (good is None or not np.array_equal(by_colour, good[0])):
        good = by_colour, BY_COLOUR
    if good is None:
        raise BadPictureError(_unknown(readings[0].values[found[0][0] == UNKNOWN]), known_values(facts))
    palette = _palette(image) if good[1] != BY_COLOUR else {}
    return Mask(good[0].astype(np.uint8), (good[1],) if good[1] else (), orientation, palette)


def refuse_other_palettes(palettes: Iterable[tuple[str, Palette]]) -> None:
    """Raises UserError where a colour has one value in one file and another in the next.

    Programs that sort a palette, or leave out what a picture does not use, number the colours of each file
    anew: what a number means is then not the same in all.
    """
    first: dict[Colour, tuple[str, int]] = {}
    for file, palette in palettes:
        for colour, value in palette.items():
            other, before = first.setdefault(colour, (file, value))
            if value != before:
                problem = (
                    f"got palettes in which {colour} is {before} ({other}) and {value} ({file}); "
                    "expected one value for each colour in all masks"
                )
                example = "data.colours=[[0,0,0],[128,0,0],...]"
                advice = f"Say what colours mean, {example}, or save all with one palette"
                raise UserError(Fault("data.colours", problem, advice))


def read_part(file: Path) -> tuple[Array, int]:
    """[H, W] booleans: where a mask of one part alone has it; and its orientation. Raises BadPictureError."""
    image = _open(file)
    readings = list(_readings(image))
    if not readings:
        raise BadPictureError(f"mode {image.mode}", ONE_VALUE)
    return readings[0].values > 0, orientation_of(image)


def _open(file: Path) -> Image.Image:
    image = open_image(file, READABLE)
    if image.format in ("JPEG", "MPO") or (image.format == "WEBP" and _is_lossy(file)):
        raise BadPictureError(str(image.format), LOSSLESS)
    return image


def _is_lossy(file: Path) -> bool:
    with file.open("rb") as opened:
        return b"VP8 " in opened.read(1 << 12)


def _readings(image: Image.Image) -> Iterator[Reading]:
    """What the file's numbers can mean, the likeliest first; none where it holds colours."""
    raw = image.info.get("raw mode", "")
    if image.mode in ("RGB", "RGBA", "LA"):
        pixels = np.asarray(image)
        n_colours = 1 if image.mode == "LA" else 3
        if pixels.shape[2] > n_colours and is_transparent(image):
            raise BadPictureError("transparent pixels", OPAQUE)
        if ";16" not in raw and (pixels[..., :n_colours] == pixels[..., :1]).all():
            yield Reading(pixels[..., 0])
        return
    numbers = np.asarray(image)
    match image.mode:
        case "1":
            yield Reading(numbers.astype(np.uint8))
            yield Reading(numbers.astype(np.uint8) * 255)
        case "L" if ";2" in raw or ";4" in raw:
            yield Reading(numbers // (85 if ";2" in raw else 17), FEW_BITS)
            yield Reading(numbers)
        case "P" | "L":
            yield Reading(numbers)
        case "F" if (numbers == np.floor(numbers)).all() and (abs(numbers) < 1 << 31).all():
            yield Reading(numbers.astype(np.int64))
        case "I" | "I;16" | "I;16B" | "I;16L" | "I;16N":
            yield Reading(numbers.astype(np.int64))
            if not (numbers % 257).any():
                yield Reading(numbers.astype(np.int64) // 257, SCALED)


def _binary(stored: Reading, facts: ClassFacts) -> list[Reading]:
    """0 and 255 as the two classes, where nothing else was said of 255."""
    plain = facts.n_classes == 2 and facts.values is None and IGNORED not in facts.ignored_values
    if not plain or not np.isin(stored.values, (0, 255)).all():
        return []
    return [Reading((stored.values == 255).astype(np.uint8), BINARY)]


def _classes_of(values: Array, facts: ClassFacts) -> Array:
    """[H, W] the class of each value, `UNKNOWN` for one that has none."""
    listed = [*facts.stored_values, *facts.ignored_values]
    table = np.full(max(listed) + 2, UNKNOWN, dtype=np.int16)
    table[list(facts.ignored_values)] = IGNORED
    table[list(facts.stored_values)] = np.arange(facts.n_classes)
    known = (values >= 0) & (values <= max(listed))
    return table[np.where(known, values, max(listed) + 1).astype(np.int64)]


def _by_colour(image: Image.Image, facts: ClassFacts) -> Array | None:
    """[H, W] the class of each pixel's colour, `UNKNOWN` for others; None where there are no colours."""
    if facts.colours is None or image.mode not in ("P", "RGB", "RGBA"):
        return None
    codes = _codes(np.asarray(image.convert("RGB") if image.mode == "P" else image)[..., :3])
    of_class = {_code(colour): c for c, colour in enumerate(facts.colours)}
    of_class |= {_code(colour): IGNORED for colour in facts.ignored_colours}
    known = np.array(sorted(of_class))
    place = np.searchsorted(known, codes).clip(max=len(known) - 1)
    classes = np.array([of_class[code] for code in known], dtype=np.int16)[place]
    return np.where(known[place] == codes, classes, UNKNOWN)


def _refuse_unknown_colours(image: Image.Image, by_colour: Array) -> None:
    unknown = by_colour == UNKNOWN
    if unknown.any():
        colours = np.unique(np.asarray(image)[..., :3][unknown], axis=0).tolist()
        rule = "a mask's colours have to be in data.colours, or in data.ignored"
        raise BadPictureError(f"colour {_listed(tuple(colour) for colour in colours)}", rule)


def _palette(image: Image.Image) -> dict[Colour, int]:
    """Colour -> value of what a mask of mode P holds, but for colours that several values share."""
    if image.mode != "P":
        return {}
    colours = np.array(image.getpalette("RGB") or (), dtype=int).reshape(-1, 3)
    found: dict[Colour, list[int]] = {}
    for value in np.unique(np.asarray(image)).tolist():
        if value < len(colours):
            red, green, blue = colours[value].tolist()
            found.setdefault((red, green, blue), []).append(value)
    return {colour: values[0] for colour, values in found.items() if len(values) == 1}


def _codes(pixels: Array) -> Array:
    wide = pixels.astype(np.int64)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _code(colour: tuple[int, int, int]) -> int:
    return (colour[0] << 16) | (colour[1] << 8) | colour[2]


def _unknown(values: Array) -> str:
    found = np.unique(values).tolist()
    return f"value{'s' * (len(found) > 1)} {_listed(found)}"


def _listed(found: Iterable[Any]) -> str:
    every = [str(one) for one in found]
    more = len(every) - N_TOLD
    return ", ".join(every[:N_TOLD]) + (f" and {more} more" if more > 0 else "")
