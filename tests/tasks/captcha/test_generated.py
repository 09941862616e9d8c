"""Generated images: the same every time, with the texts that they are said to hold."""

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from sweeper_tasks.captcha.alphabet import PADDING, decode
from sweeper_tasks.captcha.data import prepare
from sweeper_tasks.captcha.data_config import GeneratedData
from sweeper_tasks.captcha.generated import SYMBOLS, Dice, picture, text
from tests.tasks.captcha.tiny import tiny_config

SIZE = {"height": 32, "width": 80}


def generated(**changes: Any) -> GeneratedData:
    data = tiny_config(data=SIZE | changes).data
    assert isinstance(data, GeneratedData)
    return data


def test_a_picture_depends_on_seed_split_and_position_only() -> None:
    data = generated()
    first, again = (picture(data, "train", 3) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, picture(generated(n_train=5000, n_val=7), "train", 3))
    others = (
        picture(data, "train", 4),
        picture(data, "val", 3),
        picture(generated(generator_seed=1), "train", 3),
    )
    assert not any(np.array_equal(first, other) for other in others)


def test_a_picture_is_dark_ink_on_light_paper() -> None:
    pixels = picture(generated(), "train", 0)
    assert pixels.shape == (1, 32, 80)
    assert pixels.dtype == np.uint8
    assert np.median(pixels) > 220
    assert 0.02 < (pixels < 200).mean() < 0.5


@pytest.mark.parametrize("characters", ["digits", "letters", "mixed"])
@pytest.mark.parametrize("length", [4, 6])
def test_texts_have_their_length_and_use_all_their_symbols(characters: str, length: int) -> None:
    data = generated(characters=characters, length=length)
    texts = [text(data, Random(str(i))) for i in range(300)]
    assert {len(drawn) for drawn in texts} == {length}
    assert set("".join(texts)) == set(SYMBOLS[characters])


def test_prepared_codes_are_those_of_the_texts_that_were_drawn(tmp_path: Path) -> None:
    config = tiny_config(data=SIZE | {"characters": "mixed", "length": 6})
    assert isinstance(config.data, GeneratedData)
    prepared = prepare(config, tmp_path)
    images, codes = prepared.array("val_images"), prepared.array("val_codes")
    assert images.shape == (30, 1, 32, 80)
    for i in (0, 29):
        assert np.array_equal(images[i], picture(config.data, "val", i))
        assert decode(codes[i]) == text(config.data, Random(f"0/val/{i}"))
    assert not prepared.real
    assert prepared.facts["rows"] == {"train": 40, "val": 30, "test": 24}
    assert (codes != PADDING).all()


def test_augmentation_is_no_other_data(tmp_path: Path) -> None:
    one = prepare(tiny_config(), tmp_path)
    turned = tiny_config().data.augmentation.model_dump() | {"rotation_deg": 9.0}
    assert prepare(tiny_config(data={"augmentation": turned}), tmp_path).digest == one.digest
    assert prepare(tiny_config(data={"length": 6}), tmp_path).digest != one.digest


def test_dice_give_each_value_its_chance() -> None:
    """Of 6000 throws of a die each face has 1000, with a standard deviation of 29."""
    dice = Dice(Random(0))
    counts = np.bincount([dice.randbelow(6) for _ in range(6000)])
    assert abs(counts - 1000).max() < 4 * 29
    assert {dice.choice("ab") for _ in range(50)} == {"a", "b"}
    assert 0.45 < np.mean([dice.randbits(32) for _ in range(2000)]) / 2**32 < 0.55
