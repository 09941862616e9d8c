"""Pictures are read by what their numbers mean, or refused by name."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper_tasks.picture_facts import facts_of_read, lines_of_read
from sweeper_tasks.pictures import ON_WHITE, SIXTEEN_BITS, UPRIGHT, BadPictureError, read_picture

GREY = np.linspace(0, 255, 24 * 16).reshape(16, 24).astype(np.uint8)
COLOURS = np.dstack([GREY, 255 - GREY, GREY[::-1]])


def png(pixels: np.ndarray[Any, Any], bits: int, kind: int) -> bytes:
    """A PNG of any depth, which Pillow cannot write: `kind` 0 is grey, 2 colours."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    rows = pixels.astype(">u2").view(np.uint8) if bits == 16 else (pixels[:, ::2] << 4) | pixels[:, 1::2]
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], bits, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def read(file: Path) -> np.ndarray[Any, Any]:
    return np.asarray(read_picture(file).image)


@pytest.mark.parametrize("name", ["grey.png", "grey.tif"])
def test_sixteen_bits_of_grey_are_the_same_picture_as_eight(tmp_path: Path, name: str) -> None:
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / name)
    assert np.array_equal(read(tmp_path / name), GREY)
    assert read_picture(tmp_path / name).notes == (SIXTEEN_BITS,)


def test_sixteen_bits_a_colour_are_the_same_picture_as_eight(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(COLOURS.astype(np.uint16) * 257, 16, 2))
    assert np.array_equal(read(tmp_path / "a.png"), COLOURS)
    assert read_picture(tmp_path / "a.png").notes == (SIXTEEN_BITS,)


def test_eight_bits_in_sixteen_would_be_black_and_are_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "grey.png")
    (tmp_path / "colours.png").write_bytes(png(COLOURS, 16, 2))
    for name in ("grey.png", "colours.png"):
        with pytest.raises(
            BadPictureError, match=r"16 bits must use them .*: got no value above 255 of 65535"
        ):
            read_picture(tmp_path / name)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_other_modes_are_what_pillow_shows(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(COLOURS).convert(mode)
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(file)
    found = read_picture(file)
    assert found.notes == ()
    assert np.array_equal(np.asarray(found.image.convert("RGB")), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_an_alpha_channel_that_hides_nothing_is_left_out_without_a_word(tmp_path: Path, mode: str) -> None:
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png")
    assert (found.image.mode, found.notes) == (mode[:-1], ())


def test_what_is_transparent_stands_on_white_and_is_told(tmp_path: Path) -> None:
    hidden = Image.fromarray(COLOURS).convert("RGBA")
    hidden.putpixel((3, 2), (0, 0, 0, 0))
    hidden.save(tmp_path / "rgba.png")
    Image.fromarray(GREY).save(tmp_path / "grey.png", transparency=int(GREY[2, 3]))
    for name in ("rgba.png", "grey.png"):
        found = read_picture(tmp_path / name)
        assert found.notes == (ON_WHITE,)
        assert found.image.convert("RGB").getpixel((3, 2)) == (255, 255, 255)


def test_white_on_nothing_shows_nothing_on_white_and_is_refused(tmp_path: Path) -> None:
    Image.merge("LA", [Image.new("L", (24, 16), 255), Image.fromarray(GREY)]).save(tmp_path / "a.png")
    with pytest.raises(BadPictureError, match="show something on white"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright_whatever_its_orientation(tmp_path: Path, orientation: int) -> None:
    """Against Pillow's own."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    found = read_picture(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as stored:
        assert found.image.tobytes() == ImageOps.exif_transpose(stored).tobytes()
    assert found.notes == ((UPRIGHT,) if orientation > 1 else ())


def test_what_is_no_single_picture_is_refused_by_what_it_is(tmp_path: Path) -> None:
    one, other = Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)
    one.save(tmp_path / "moving.gif", save_all=True, append_images=[other])
    one.save(tmp_path / "moving.webp", save_all=True, append_images=[other])
    one.save(tmp_path / "pages.tif", save_all=True, append_images=[other])
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "decimal.tif")
    Image.fromarray(GREY.astype(np.int32)).save(tmp_path / "long.tif")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "page.png").write_bytes(b"<!DOCTYPE html>")
    one.save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:90])
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    found = {}
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(BadPictureError, match="got") as caught:
            read_picture(file)
        found[file.name] = caught.value.got
    assert found == {
        "bomb.png": "more",
        "cut.png": "truncated",
        "decimal.tif": "decimal numbers",
        "empty.png": "0 bytes",
        "long.tif": "32 bits of grey",
        "moving.gif": "2 frames",
        "moving.webp": "2 frames",
        "page.png": "UnidentifiedImageError",
        "pages.tif": "2 frames",
    }


def test_a_suffix_that_lies_is_no_matter(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.jpg", "PNG")
    assert np.array_equal(read(tmp_path / "a.jpg"), GREY)


def test_what_had_to_be_done_is_counted_and_told() -> None:
    facts = facts_of_read([(f"{i}.png", (SIXTEEN_BITS,)) for i in range(5)] + [("z.png", (ON_WHITE,))])
    assert lines_of_read(facts) == [
        "read 5 (0.png, 1.png, 2.png, ...): 16 bits a colour, read as 8",
        "read 1 (z.png): transparent, read on white",
    ]
