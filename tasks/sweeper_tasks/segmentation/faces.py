"""Faces out of ellipses: what is where, and in which colours. Used by `synthetic.py`.

Coordinates of a face: x to the right and y downwards, from -1 to 1 across a picture. A person's own left, as
in `l_eye`, is at x > 0.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]


class Part(NamedTuple):
    """An ellipse of one class, or with `hole` (a share of its size) a ring."""

    name: str
    x: float
    y: float
    width: float
    height: float
    presence: float = 1.0
    hole: float = 0.0
    group: str = ""


PARTS = (
    Part("hair", 0.0, -0.10, 0.60, 0.735, 0.97),
    Part("neck", 0.0, 0.62, 0.235, 0.30, 0.97),
    Part("cloth", 0.0, 1.08, 0.66, 0.30, 0.60),
    Part("neck_l", 0.0, 0.60, 0.23, 0.22, 0.06, 0.80),
    Part("l_ear", 0.43, 0.02, 0.075, 0.12, 0.50, group="l_ear"),
    Part("r_ear", -0.43, 0.02, 0.075, 0.12, 0.50, group="r_ear"),
    Part("ear_r", 0.47, 0.17, 0.042, 0.060, 0.24, group="l_earring"),
    Part("ear_r", -0.47, 0.17, 0.042, 0.060, 0.24, group="r_earring"),
    Part("skin", 0.0, 0.04, 0.42, 0.56),
    Part("hair", 0.0, -0.48, 0.34, 0.11, 0.60, group="fringe"),
    Part("l_brow", 0.17, -0.19, 0.095, 0.034),
    Part("r_brow", -0.17, -0.19, 0.095, 0.034),
    Part("l_eye", 0.17, -0.07, 0.069, 0.039),
    Part("r_eye", -0.17, -0.07, 0.069, 0.039),
    Part("eye_g", 0.17, -0.07, 0.150, 0.110, 0.06, 0.62, "glasses"),
    Part("eye_g", -0.17, -0.07, 0.150, 0.110, 0.06, 0.62, "glasses"),
    Part("nose", 0.0, 0.09, 0.095, 0.165),
    Part("u_lip", 0.0, 0.325, 0.135, 0.045),
    Part("l_lip", 0.0, 0.385, 0.130, 0.060),
    Part("mouth", 0.0, 0.355, 0.105, 0.026, 0.56),
    Part("hat", 0.0, -0.62, 0.60, 0.31, 0.055),
)
"""In the order in which they are drawn: later parts hide earlier ones; a group comes and goes together."""

Colours = dict[str, Floats]


def draw_face(
    rng: np.random.Generator, size: int, occlusion_rate: float, noise: float, classes: Sequence[str]
) -> tuple[Array, Array]:
    """A picture [3, size, size] and its mask [size, size], both uint8; `classes` by their values."""
    background = classes.index("background")
    picture, mask = _backdrop(rng, size), np.full((size, size), background, dtype=np.uint8)
    colours, x, y = _colours(rng), *_face_coordinates(rng, size)
    for part, inside in _present(rng, x, y):
        mask[inside] = classes.index(part.name)
        picture[:, inside] = colours[part.name][:, None]
    if rng.random() < occlusion_rate:
        hidden = _something_in_front(rng, x, y)
        mask[hidden] = background
        picture[:, hidden] = rng.random((3, 1), dtype=np.float32)
    return _photographed(rng, picture, noise), mask


def _present(rng: np.random.Generator, x: Floats, y: Floats) -> Iterator[tuple[Part, Array]]:
    """The parts of one face, with the pixels that each covers."""
    luck: dict[str, float] = {}
    for part in PARTS:
        shape = 1 + 0.1 * rng.uniform(-1, 1, 4)
        if luck.setdefault(part.group or part.name, rng.random()) >= part.presence:
            continue
        dx, dy = 0.02 * (shape[2:] - 1) / 0.1
        away = ((x - part.x - dx) / (part.width * shape[0])) ** 2 + (
            (y - part.y - dy) / (part.height * shape[1])
        ) ** 2
        yield part, (away < 1) & (away >= part.hole**2)


def _face_coordinates(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Where each pixel lies on a face that is moved, turned and scaled."""
    across = (2 * np.arange(size, dtype=np.float32) + 1) / size - 1
    x, y = np.meshgrid(across - rng.uniform(-0.12, 0.12), across - rng.uniform(-0.1, 0.1))
    angle, scale = np.deg2rad(rng.uniform(-12, 12)), rng.uniform(0.88, 1.12)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    return (cos * x + sin * y).astype(np.float32), (cos * y - sin * x).astype(np.float32)


def _colours(rng: np.random.Generator) -> Colours:
    """One person's colours: what belongs to the skin is a shade of it, all else is free."""
    skin = np.array([0.85, 0.65, 0.52]) * rng.uniform(0.45, 1.1) + rng.normal(0, 0.03, 3)
    hair = rng.uniform(0.05, 0.7) * np.array([1.0, 0.8, 0.6]) + rng.normal(0, 0.04, 3)
    shades = {
        "skin": skin,
        "neck": 0.9 * skin,
        "nose": 1.1 * skin,
        "l_ear": 0.85 * skin,
        "u_lip": skin * [1.0, 0.62, 0.62],
        "l_lip": skin * [1.05, 0.7, 0.7],
        "mouth": rng.choice([0.15, 0.95]) * np.ones(3),
        "hair": hair,
        "l_brow": 0.8 * hair,
        "l_eye": rng.uniform(0.05, 0.5, 3),
    }
    free = {name: rng.random(3) for name in ("hat", "cloth", "ear_r", "neck_l", "eye_g")}
    mirrored = {f"r_{name}": shades[f"l_{name}"] for name in ("ear", "brow", "eye")}
    return {name: np.clip(c, 0, 1).astype(np.float32) for name, c in (shades | free | mirrored).items()}


def _backdrop(rng: np.random.Generator, size: int) -> Floats:
    """[3, size, size], one colour fading into another."""
    along = np.linspace(0, 1, size, dtype=np.float32)
    fade = along[:, None] if rng.random() < 0.5 else along[None, :]
    one, other = rng.random((2, 3, 1, 1), dtype=np.float32)
    backdrop: Floats = np.broadcast_to(one + (other - one) * fade, (3, size, size)).copy()
    return backdrop


def _something_in_front(rng: np.random.Generator, x: Floats, y: Floats) -> Array:
    """The pixels of a hand, a microphone: an ellipse near the face."""
    centre, radii = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.08, 0.25, 2)
    hidden: Array = ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1
    return hidden


def _photographed(rng: np.random.Generator, picture: Floats, noise: float) -> Array:
    """uint8, lit from one side, with noise on every pixel."""
    size = picture.shape[-1]
    slope = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    light = 1 + slope[0] * across[None, :] + slope[1] * across[:, None]
    noisy = picture * light + noise * rng.standard_normal(picture.shape, dtype=np.float32)
    pixels: Array = np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)
    return pixels
