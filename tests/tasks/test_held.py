"""What splits of pictures hold: classes and characters by split, and pictures that several splits have."""

from pathlib import Path

import numpy as np
import pytest

from sweeper.task import UserError, content_lines, content_warnings
from sweeper_tasks.captcha.alphabet import encode
from sweeper_tasks.captcha.facts import facts_of
from sweeper_tasks.picture_copies import copies_in
from sweeper_tasks.segmentation.held import contents_of

CLASSES = ("background", "skin", "hat", "glasses")


def write(folder: Path, **pictures: range) -> None:
    """Pictures whose pixels are their number; masks hold skin, of even numbers a hat, too."""
    for split, numbers in pictures.items():
        images = np.stack([np.full((3, 4, 4), number, dtype=np.uint8) for number in numbers])
        masks = np.stack([np.array([[1, 2 * (number % 2 == 0)]], dtype=np.uint8) for number in numbers])
        np.save(folder / f"{split}_images.npy", images)
        np.save(folder / f"{split}_masks.npy", masks)


def test_pictures_are_counted_by_class_and_copies_by_their_pixels(tmp_path: Path) -> None:
    write(tmp_path, train=range(1, 80, 2), val=range(100, 140), test=range(71, 111))
    facts = contents_of(tmp_path, CLASSES).facts()
    assert [line.split() for line in content_lines(facts)] == [
        ["data", "train", "val", "test"],
        ["pictures", "40", "40", "40"],
        ["class", "background", "40", "20", "20"],
        ["class", "skin", "40", "40", "40"],
        ["class", "hat", "0", "20", "20"],
        ["of", "these", "in", "train,", "too", "5"],
        ["of", "these", "in", "val,", "too", "11"],
    ]
    never, copies = content_warnings(facts)
    assert never.startswith("data: got no training example of class hat (20 on val, 20 on test)")
    assert copies.startswith(
        "data: got 5 of 40 pictures of test (12.5%) that stand in train, too and 11 of 40"
    )


@pytest.mark.parametrize("same", ["val", "test"])
def test_splits_that_are_the_same_pictures_are_refused(same: str, tmp_path: Path) -> None:
    write(tmp_path, **{"train": range(9), "val": range(10, 15), "test": range(20, 25), same: range(9)})
    with pytest.raises(UserError, match=f"the same 9 pictures in train as in {same}; expected .* Give each"):
        copies_in(tmp_path, "pictures")


def test_blank_pictures_are_no_copies_of_one_another(tmp_path: Path) -> None:
    write(tmp_path, **dict.fromkeys(("train", "val", "test"), range(7, 8)))
    assert copies_in(tmp_path, "pictures")["test"] == {"train": 1, "val": 1}


def test_few_images_and_characters_that_no_training_text_has_are_named() -> None:
    texts = {"train": ["ab1", "b1"] * 30, "val": ["a1"] * 40, "test": ["aQ", "b", "Q1"]}
    codes = {split: np.stack([encode(text, 4) for text in found]) for split, found in texts.items()}
    facts = facts_of(codes)
    assert content_lines(facts)[-1].split() == ["different", "characters", "3", "2", "4"]
    few, never = content_warnings(facts, ["data.n_test"])
    assert few.startswith("data: got 40 images on val and 3 on test; expected 30 or more on both")
    assert "standard error of about 0.29" in few
    assert never.startswith("data: got no training example of character Q (0 on val, 2 on test)")
