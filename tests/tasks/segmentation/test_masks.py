"""Masks are read by what their numbers mean, or refused by value and by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper_tasks.pictures import BadPictureError
from sweeper_tasks.segmentation.class_facts import IGNORED, ClassFacts
from sweeper_tasks.segmentation.masks import BINARY, BY_COLOUR, FEW_BITS, SCALED, read_mask
from tests.tasks.segmentation.tiny import class_facts
from tests.tasks.test_pictures import png

VALUES = np.arange(48, dtype=np.uint8).reshape(6, 8) % 4
PLAIN: dict[str, Any] = {"background": None, "mirrored": [], "large": "auto", "colours": None, "ignored": []}


def facts(n: int = 4, **changes: Any) -> ClassFacts:
    return class_facts(**PLAIN | {"classes": [f"c{i}" for i in range(n)]} | changes)


def saved(folder: Path, image: Image.Image, name: str = "m.png", **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def read(file: Path, of: ClassFacts) -> tuple[list[list[int]], tuple[str, ...]]:
    found = read_mask(file, of)
    return found.classes.tolist(), found.notes


def refused(file: Path, of: ClassFacts) -> str:
    with pytest.raises(BadPictureError, match="got") as caught:
        read_mask(file, of)
    return str(caught.value)


def with_palette(values: np.ndarray[Any, Any], colours: list[tuple[int, int, int]]) -> Image.Image:
    mask = Image.fromarray(values)
    mask.putpalette([channel for colour in colours for channel in colour])
    return mask


@pytest.mark.parametrize(
    ("image", "note"),
    [
        (Image.fromarray(VALUES), ()),
        (with_palette(VALUES, [(9, 9, 9), (3, 3, 3), (0, 0, 0), (1, 1, 1)]), ()),
        (Image.fromarray(VALUES.astype(np.uint16)), ()),
        (Image.fromarray(VALUES.astype(np.uint16) * 257), (SCALED,)),
        (Image.fromarray(np.dstack([VALUES] * 3)), ()),
        (Image.fromarray(VALUES).convert("RGBA"), ()),
    ],
    ids=["grey", "palette", "16 bits", "16 bits scaled", "three channels", "opaque alpha"],
)
def test_a_mask_is_the_same_in_every_form(tmp_path: Path, image: Image.Image, note: tuple[str, ...]) -> None:
    assert read(saved(tmp_path, image), facts()) == (VALUES.tolist(), note)


def test_four_bits_of_grey_are_numbers_not_shades(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(png(VALUES, 4, 0))
    assert read(tmp_path / "m.png", facts()) == (VALUES.tolist(), (FEW_BITS,))


def test_whole_decimal_numbers_are_classes_and_others_are_not(tmp_path: Path) -> None:
    whole = saved(tmp_path, Image.fromarray(VALUES.astype(np.float32)), "whole.tif")
    assert read(whole, facts())[0] == VALUES.tolist()
    half = saved(tmp_path, Image.fromarray(VALUES.astype(np.float32) / 2), "half.tif")
    assert "one value a pixel" in refused(half, facts())


def test_the_second_of_two_classes_may_be_1_255_or_a_bit(tmp_path: Path) -> None:
    bits = VALUES % 2
    assert read(saved(tmp_path, Image.fromarray(bits)), facts(2)) == (bits.tolist(), ())
    assert read(saved(tmp_path, Image.fromarray(bits * 255)), facts(2)) == (bits.tolist(), (BINARY,))
    one_bit = saved(tmp_path, Image.fromarray(bits * 255).convert("1"))
    assert read(one_bit, facts(2)) == (bits.tolist(), ())
    assert read(one_bit, facts(2, values=[0, 255])) == (bits.tolist(), ())
    assert "value 255" in refused(saved(tmp_path, Image.fromarray(bits * 255)), facts(3))


def test_stored_values_are_the_users_to_say_and_ignored_ones_count_nowhere(tmp_path: Path) -> None:
    """As in pet trimaps: 1 is the pet, 2 what is behind it, 3 its edge."""
    trimap = facts(2, values=[2, 1], ignored=[3])
    mask = Image.fromarray(np.array([[1, 2, 3]], dtype=np.uint8))
    assert read(saved(tmp_path, mask), trimap) == ([[1, 0, IGNORED]], ())


def test_values_without_a_class_are_told_by_value(tmp_path: Path) -> None:
    file = saved(tmp_path, Image.fromarray(np.array([[0, 7, 255, 9]], dtype=np.uint8)))
    assert refused(file, facts()) == (
        "a mask's values have to be classes, 0 to 3 (other numbers of classes: data.values; "
        "what counts nowhere: data.ignored): got values 7, 9, 255"
    )
    assert refused(file, facts(ignored=[255])).endswith("0 to 3, or 255 (ignored): got values 7, 9")


COLOURS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]


def test_colours_are_read_where_the_option_lists_them(tmp_path: Path) -> None:
    pixels = np.array([[*COLOURS, (224, 224, 192)]], dtype=np.uint8)
    coloured = saved(tmp_path, Image.fromarray(pixels))
    of = facts(3, colours=COLOURS, ignored=[[224, 224, 192]])
    assert read(coloured, of)[0] == [[0, 1, 2, IGNORED]]
    assert "colour (224, 224, 192)" in refused(coloured, facts(3, colours=COLOURS))
    assert "data.colours lists: got mode RGB" in refused(coloured, facts(3))


def test_a_palette_that_was_sorted_anew_is_read_by_its_colours(tmp_path: Path) -> None:
    """Numbers 0 and 1 are black and green: classes 0 and 2, whatever their place."""
    mask = with_palette(np.array([[0, 1]], dtype=np.uint8), [COLOURS[0], COLOURS[2]])
    assert read(saved(tmp_path, mask), facts(3, colours=COLOURS)) == ([[0, 2]], (BY_COLOUR,))
    assert read(saved(tmp_path, mask), facts(3)) == ([[0, 1]], ())


def test_lossy_and_transparent_masks_are_refused_by_name(tmp_path: Path) -> None:
    jpeg = saved(tmp_path, Image.fromarray(VALUES), "lies.png", format="JPEG")
    assert "without loss, as PNG: others change values at edges: got JPEG" in refused(jpeg, facts())
    webp = saved(tmp_path, Image.fromarray(VALUES).convert("RGB"), "m.webp", quality=50)
    assert "got WEBP" in refused(webp, facts())
    clear = Image.fromarray(VALUES).convert("RGBA")
    clear.putalpha(100)
    assert "a mask has to be opaque" in refused(saved(tmp_path, clear), facts())
