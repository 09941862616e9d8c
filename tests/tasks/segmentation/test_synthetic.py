"""Drawn faces: the documented shares of pixels, the same ones every time, and as hard as they say."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sweeper.task.prepared import Prepared
from sweeper_tasks.segmentation.data import prepare
from sweeper_tasks.segmentation.synthetic import PIXEL_SHARES, face
from tests.tasks.segmentation.tiny import CLASSES, N_CLASSES

RARE = {"eye_g", "ear_r", "neck_l", "hat"}

DataOf = Callable[..., Any]


@pytest.fixture(scope="module")
def prepared(data_of: DataOf, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    data = data_of("synthetic_faces", n_train=600, n_val=5, n_test=5)
    return prepare(SimpleNamespace(data=data), tmp_path_factory.mktemp("cache"))


def test_the_documented_shares_are_those_of_all_19_classes_and_of_the_issue_that_asked_for_them() -> None:
    assert list(PIXEL_SHARES) == list(CLASSES)
    assert sum(PIXEL_SHARES.values()) == pytest.approx(1, abs=5e-4)
    assert PIXEL_SHARES["background"] / PIXEL_SHARES["l_eye"] == pytest.approx(300)


def test_classes_have_their_documented_share_of_pixels(prepared: Prepared) -> None:
    pixels = np.array(prepared.facts["pixels"])
    for share, (name, expected) in zip(pixels / pixels.sum(), PIXEL_SHARES.items(), strict=True):
        assert share == pytest.approx(expected, rel=0.5 if name in RARE else 0.25), name


def test_counts_are_those_of_the_masks(prepared: Prepared) -> None:
    masks = prepared.array("train_masks")
    assert prepared.facts["pictures"] == {"train": 600, "val": 5, "test": 5}
    assert np.bincount(masks.ravel(), minlength=N_CLASSES).tolist() == prepared.facts["pixels"]
    assert prepared.array("train_images").shape == (600, 3, 32, 32)
    assert prepared.array("train_images").dtype == masks.dtype == np.uint8


def test_a_face_depends_on_seed_split_and_position_only(data_of: DataOf) -> None:
    small, large = (data_of("synthetic_faces", n_train=n) for n in (5, 50))
    other = data_of("synthetic_faces", generator_seed=2)
    for one, same in zip(face(small, "train", 3), face(large, "train", 3), strict=True):
        assert np.array_equal(one, same)
    assert not np.array_equal(face(small, "train", 3)[0], face(small, "train", 4)[0])
    assert not np.array_equal(face(small, "train", 3)[0], face(small, "val", 3)[0])
    assert not np.array_equal(face(small, "train", 3)[0], face(other, "train", 3)[0])


def test_occlusion_turns_parts_of_a_face_into_background(data_of: DataOf) -> None:
    """The same faces otherwise: an occlusion only ever takes pixels away from parts."""
    clear, hidden = (data_of("synthetic_faces", occlusion_rate=rate) for rate in (0.0, 1.0))
    pairs = [(face(clear, "train", i)[1], face(hidden, "train", i)[1]) for i in range(20)]
    assert all((after[after != before] == 0).all() for before, after in pairs)
    assert sum((after != before).any() for before, after in pairs) > 15


def test_the_noise_is_as_configured(data_of: DataOf) -> None:
    plain, noisy = (face(data_of("synthetic_faces", noise=noise), "train", 0)[0] for noise in (0.0, 0.1))
    difference = noisy.astype(float) / 255 - plain / 255
    inside = (plain > 90) & (plain < 165)  # nothing clipped at black or white
    assert difference[inside].std() == pytest.approx(0.1, rel=0.1)


def test_left_is_the_persons_own_left_as_in_the_real_masks(prepared: Prepared) -> None:
    columns = np.nonzero(prepared.array("train_masks") == CLASSES.index("l_eye"))[2]
    middle = prepared.array("train_masks").shape[2] / 2
    assert columns.mean() > middle + 2
    assert np.nonzero(prepared.array("train_masks") == CLASSES.index("r_eye"))[2].mean() < middle - 2


def test_presets_and_augmentation_are_no_part_of_the_data(data_of: DataOf, tmp_path: Path) -> None:
    sizes = {"n_train": 2, "n_val": 2, "n_test": 2, "image_size": 32}
    data = data_of("synthetic_faces", **sizes)
    varied = data.model_copy(update={"augmentation": data.augmentation.model_copy(update={"enabled": False})})
    digests = [prepare(SimpleNamespace(data=d), tmp_path).digest for d in (data, varied)]
    other = prepare(SimpleNamespace(data=data_of("synthetic_faces", **sizes, noise=0.1)), tmp_path)
    assert digests[0] == digests[1] != other.digest
