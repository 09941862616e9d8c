"""`data=segmentation/synthetic_faces`: drawn faces with the pixel shares that make face parsing hard.

Each face is moved, turned, scaled, coloured and lit by chance; parts come and go as in CelebAMask-HQ
(glasses on 6 % of faces, a hat on 5 %), something may stand in front of it, and every pixel is noisy. A face
depends on the generator's seed, its split and its position only, so a larger split begins with the faces of
a smaller one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.task import Fault, UserError
from sweeper_tasks.segmentation.data_config import SyntheticFaces
from sweeper_tasks.segmentation.faces import draw_face
from sweeper_tasks.segmentation.facts import prepared_facts
from sweeper_tasks.segmentation.held import contents_of
from sweeper_tasks.segmentation.pictures import SPLITS, PictureWriter

GENERATOR_VERSION = 1
"""Goes up with every change of what is drawn: it is part of the digest."""

PIXEL_SHARES = {
    "background": 0.60,
    "skin": 0.1434,
    "nose": 0.012,
    "eye_g": 0.0008,
    "l_eye": 0.002,
    "r_eye": 0.002,
    "l_brow": 0.0025,
    "r_brow": 0.0025,
    "l_ear": 0.0021,
    "r_ear": 0.0021,
    "mouth": 0.0012,
    "u_lip": 0.0029,
    "l_lip": 0.005,
    "hair": 0.1524,
    "hat": 0.008,
    "ear_r": 0.001,
    "neck_l": 0.0005,
    "neck": 0.0272,
    "cloth": 0.0324,
}
"""What share of all pixels each class has, within a quarter of it (for rare accessories within a half)."""


def build(config: SyntheticFaces, folder: Path) -> Mapping[str, Any]:
    """Draw all splits into `folder`. Raises UserError where a part that is drawn is no class."""
    if absent := [name for name in PIXEL_SHARES if name not in config.classes]:
        drawn = ", ".join(PIXEL_SHARES)
        problem = f"got no '{absent[0]}'; expected {drawn} among them, since these are drawn"
        raise UserError(Fault("data.classes", problem, "Masks of yours: data=segmentation/folder"))
    for split, n in zip(SPLITS, (config.n_train, config.n_val, config.n_test), strict=True):
        writer = PictureWriter(folder, split, n, config.image_size)
        for i in range(n):
            writer.put(i, *face(config, split, i))
        writer.close()
    facts = prepared_facts(folder, config) | contents_of(folder, config.classes).facts()
    return {"n_train": config.n_train, "real": False, "facts": facts}


def face(config: SyntheticFaces, split: str, i: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The i-th face of a split: a picture [3, S, S] and its mask [S, S], uint8."""
    rng = np.random.default_rng((config.generator_seed, SPLITS.index(split), i))
    return draw_face(rng, config.image_size, config.occlusion_rate, config.noise, config.classes)
