"""Pictures of any size and kind become arrays of one size, drawn by several processes as by one."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeper_tasks.captcha import pictures
from sweeper_tasks.captcha.pictures import Pixels, copy_rows, draw_all, fitted, trimmed
from sweeper_tasks.pictures import BadPictureError


def test_the_aspect_is_kept_and_what_is_left_over_is_white() -> None:
    """Black 20 x 10 into 8 x 40: scaled by 8 / 10 to 16 x 8, at the left; 24 white columns remain."""
    got = fitted(Image.new("L", (20, 10), 0), height=8, width=40, n_channels=1)
    assert got.shape == (1, 8, 40)
    assert (got[:, :, :16] == 0).all()
    assert (got[:, :, 16:] == 255).all()


def test_a_wide_picture_stands_half_way_up() -> None:
    """Black 80 x 10 into 8 x 16: scaled by 16 / 80 to 16 x 2, with 3 white rows above and below."""
    got = fitted(Image.new("RGB", (80, 10), "black"), height=8, width=16, n_channels=1)[0]
    assert (got[3:5] == 0).all()
    assert (got[[0, 1, 2, 5, 6, 7]] == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    """A black picture of which all but one pixel is transparent; with a palette, colour 0 is."""
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    if mode == "P":
        clear = Image.new("P", (8, 8), 0)
        clear.putpalette([0, 0, 0, 0, 0, 0])
        clear.putpixel((0, 0), 1)
        clear.info["transparency"] = 0
    got = fitted(clear if mode == "P" else clear.convert(mode), height=8, width=8, n_channels=3)
    assert got.shape == (3, 8, 8)
    assert (got[:, 0, 0] == 0).all()
    assert (got[:, 4:, 4:] == 255).all()


def test_colours_stay_where_they_are_asked_for() -> None:
    got = fitted(Image.new("RGB", (8, 8), (200, 100, 50)), height=8, width=8, n_channels=3)
    assert got[:, 3, 3].tolist() == [200, 100, 50]


def drawn(*boxes: tuple[int, int, int, int], ink: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """40 x 20 white pixels with boxes of ink: left, top, right, bottom, all inclusive."""
    picture = Image.new("RGB", (40, 20), "white")
    for left, top, right, bottom in boxes:
        picture.paste(ink, (left, top, right + 1, bottom + 1))
    return picture


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 120)])
def test_a_picture_is_trimmed_to_its_text_and_two_pixels_whatever_thin_lines_cross_it(
    ink: tuple[int, int, int],
) -> None:
    """Characters from (10, 5) to (24, 9) keep (8, 3) to (26, 11); lines run along row 15 and column 30."""
    lines = (0, 15, 39, 15), (30, 0, 30, 19)
    got = trimmed(drawn((10, 5, 12, 8), (22, 7, 24, 9), *lines, ink=ink))
    assert got.size == (26 - 8 + 1, 11 - 3 + 1)
    assert got.getpixel((2, 2)) == ink
    assert got.getpixel((1, 2)) == (255, 255, 255)


def test_a_text_at_the_border_is_trimmed_to_the_border() -> None:
    assert trimmed(drawn((0, 0, 1, 1), (38, 18, 39, 19))).size == (40, 20)


def test_a_picture_of_thin_lines_alone_is_left_whole() -> None:
    assert trimmed(drawn((0, 15, 39, 15))).size == (40, 20)
    assert trimmed(Image.new("RGBA", (40, 20), (0, 0, 0, 0))).size == (40, 20)


def numbered(worst: int, i: int) -> tuple[Pixels, tuple[str, ...]]:
    if i == worst:
        raise BadPictureError(f"{i}", "not the worst")
    return np.full((1, 2, 3), i, dtype=np.uint8), ("odd",) if i == 9 else ()


def test_several_processes_draw_what_one_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BLOCK", 5)
    bad, said = draw_all(tmp_path / "all.npy", (12, 1, 2, 3), partial(numbered, 7))
    drawn = np.load(tmp_path / "all.npy")
    assert bad == {7: ("7", "not the worst")}
    assert said == {9: ("odd",)}
    assert drawn[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11]


def test_rows_are_copied_in_the_order_asked_for(tmp_path: Path) -> None:
    draw_all(tmp_path / "all.npy", (9, 1, 2, 3), partial(numbered, -1))
    copy_rows(tmp_path / "all.npy", np.array([8, 0, 3]), tmp_path / "some.npy")
    assert np.load(tmp_path / "some.npy")[:, 0, 1, 2].tolist() == [8, 0, 3]
