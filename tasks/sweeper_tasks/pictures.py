"""Files of pictures, read by what their numbers mean: 8 bits a colour, opaque, upright; or refused by name.

Used wherever pictures are read, in training and in prediction. No torch here.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin, WebPImagePlugin

Image.preinit()
warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with a file is told below, by its name

PLUGINS = (TiffImagePlugin, WebPImagePlugin)
"""Of Pillow, beside those that are always there: a format is known when its plugin was imported."""
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "WEBP", "GIF", "TIFF")
MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
SIXTEEN, EIGHT = 65535, 255
DIM = 4096
"""Of 65536: a picture of 16 bits below it holds 12 bits or fewer, and would be all but black."""
ORIENTATION = 0x0112
TURNED = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"} | {
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}

READABLE = "an image must be readable"
SMALL_ENOUGH = f"an image has at most {MAX_PIXELS // 10**6} million pixels"
ONE_FRAME = "an image must be one picture, not several"
MEANT = "an image's numbers must have one meaning: 1, 2, 4, 8 or 16 bits of grey, of colours or of a palette"
USES_BITS = "an image of 16 bits must use them (scale its values to 0 to 65535, or save it with 8 bits)"
VISIBLE = "an image must show something on white, on which transparent images are read"

SIXTEEN_BITS = "16 bits a colour, read as 8"
ON_WHITE = "transparent, read on white"
UPRIGHT = "turned upright, as its EXIF orientation says"

Array = np.ndarray[Any, Any]


class BadPictureError(Exception):
    """A picture that cannot be used: what it is, and the rule that it breaks."""

    def __init__(self, got: str, rule: str) -> None:
        self.got, self.rule = got, rule
        super().__init__(f"{rule}: got {got}")


@dataclass(frozen=True)
class Picture:
    """A picture that Pillow converts to L or RGB truly: of 8 bits a colour at most, opaque and upright.

    `notes` say what had to be done for that, `orientation` (EXIF's number) how it was stored.
    """

    image: Image.Image
    notes: tuple[str, ...]
    orientation: int = 1


def read_picture(file: Path) -> Picture:
    """The picture in `file`. Raises BadPictureError."""
    stored = open_image(file)
    shown, notes = in_eight_bits(stored)
    shown, on_white = opaque(shown)
    if on_white and np.asarray(shown).min() == EIGHT:
        raise BadPictureError("nothing but white", VISIBLE)
    orientation = orientation_of(stored)
    turned = (UPRIGHT,) if orientation != 1 else ()
    return Picture(turn(shown, orientation), (*notes, *on_white, *turned), orientation)


def open_image(file: Path, rule: str = READABLE) -> Image.Image:
    """The image in `file` as stored, loaded. Raises BadPictureError with `rule` where it is none."""
    try:
        if not file.stat().st_size:
            raise BadPictureError("0 bytes", rule)
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadPictureError(f"{image.width} x {image.height}", SMALL_ENOUGH)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # a camera's: the first is the photograph
                raise BadPictureError(f"{frames} frames", ONE_FRAME)
            raw = _raw_mode(image)
            image.load()
            image.info["raw mode"] = raw
            return image
    except BadPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPictureError("more", SMALL_ENOUGH) from None
    except Exception as error:  # Pillow answers a damaged file with nearly any
        raise BadPictureError(_what(error), rule) from None


def in_eight_bits(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with 8 bits a colour, and a note where it had more. Raises BadPictureError."""
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.float64)
        if (grey % 257).any():  # multiples of it are 8 bits, scaled
            _refuse_dim(int(grey.max()), 1)
        clear = grey == image.info.get("transparency", -1)
        eight = np.where(clear, EIGHT, np.rint(grey * (EIGHT / SIXTEEN))).astype(np.uint8)
        return Image.fromarray(eight), (SIXTEEN_BITS, ON_WHITE) if clear.any() else (SIXTEEN_BITS,)
    if image.mode in ("I", "F", "LAB"):
        kinds = {"I": "32 bits of grey", "F": "decimal numbers", "LAB": "colours in CIELAB"}
        raise BadPictureError(kinds[image.mode], MEANT)
    if ";16" in image.info.get("raw mode", ""):  # Pillow keeps the higher half of each number
        _refuse_dim(int(np.asarray(image)[..., :3].max()), 256)
        return image, (SIXTEEN_BITS,)
    return image, ()


def opaque(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The image without transparency: what is transparent becomes white, with a note where something is."""
    if not is_transparent(image):
        without = {"LA": "L", "La": "L", "PA": "RGB", "RGBA": "RGB", "RGBa": "RGB"}
        return image.convert(without[image.mode]) if image.mode in without else image, ()
    drawn = image.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    return shown, (ON_WHITE,)


def is_transparent(image: Image.Image) -> bool:
    """Whether a pixel of the image is not opaque."""
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return False
    return bool(np.asarray(image.convert("RGBA"))[..., 3].min() < EIGHT)


def orientation_of(image: Image.Image) -> int:
    """1 for an image that is stored as it is seen, up to 8 for others: EXIF's number."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data are as good as none
        return 1
    return int(found) if found in TURNED else 1


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is seen, of one that is stored in this orientation."""
    if orientation == 1:
        return image
    return image.transpose(Image.Transpose[TURNED[orientation]])


def _refuse_dim(largest: int, unit: int) -> None:
    if largest * unit < DIM:
        raise BadPictureError(f"no value above {largest * unit + unit - 1} of {SIXTEEN}", USES_BITS)


def _raw_mode(image: Image.Image) -> str:
    """How Pillow's decoder is told to read a pixel: `L;4` where four bits become eight."""
    tiles = getattr(image, "tile", None) or [()]
    return " ".join(re.findall(r"[A-Za-z]+;\d+\w*", str(tiles[0])))


def _what(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.errno:
        return error.strerror or type(error).__name__
    return "truncated" if "truncated" in text or "Truncated" in text else type(error).__name__
