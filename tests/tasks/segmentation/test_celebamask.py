"""Photographs with masks: both layouts, splits that stay, and bad files told all at once."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.segmentation.data import prepare
from tests.sweeper.small_esmm import read_line
from tests.tasks.segmentation.tiny import CLASSES

DataOf = Callable[..., Any]
SIZE = 32
REAL = Path(__file__).parents[4] / "shared" / "data" / "segmentation"


def block(number: int, size: int = 64) -> np.ndarray[Any, Any]:
    """A mask: class `number` in the upper half, background below."""
    mask = np.zeros((size, size), dtype=np.uint8)
    mask[: size // 2] = number
    return mask


def write_palette(root: Path, n: int = 20) -> Path:
    """Pairs `images/p<i>.png`, `masks/p<i>.png`; image i has the colour i, its mask the class i % 19."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for i in range(n):
        Image.new("RGB", (64, 64), (i, i, i)).save(root / "images" / f"p{i:02d}.png")
        mask = Image.fromarray(block(i % 19), mode=None)
        mask.putpalette([value for c in range(256) for value in (c, 255 - c, 7)])
        mask.save(root / "masks" / f"p{i:02d}.png")
    return root


def prepared(data_of: DataOf, root: Path, cache: Path, **changes: Any) -> Prepared:
    data = data_of("celebamask", path=str(root), **{"image_size": SIZE, "split_seed": 3} | changes)
    return prepare(SimpleNamespace(data=data), cache)


def numbers(found: Prepared, split: str) -> list[int]:
    """Which pictures a split holds: their colours."""
    return sorted(int(image.mean()) for image in found.array(f"{split}_images"))


def test_images_and_palette_masks_stay_together(data_of: DataOf, tmp_path: Path) -> None:
    found = prepared(data_of, write_palette(tmp_path / "faces"), tmp_path)
    assert found.real
    assert found.n_train == 16
    for split in ("train", "val", "test"):
        images, masks = found.array(f"{split}_images"), found.array(f"{split}_masks")
        assert images.shape[1:] == (3, SIZE, SIZE)
        for image, mask in zip(images, masks, strict=True):
            assert np.array_equal(mask, block(int(image.mean()) % 19, SIZE))


def test_splits_are_disjoint_complete_and_decided_by_the_seed(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    one, other = (prepared(data_of, root, tmp_path, split_seed=seed) for seed in (3, 4))
    everything = sorted(number for split in ("train", "val", "test") for number in numbers(one, split))
    assert everything == list(range(20))
    assert numbers(one, "test") != numbers(other, "test")


def test_a_split_file_without_test_has_its_val_halved_by_the_seed(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    rows = [f"p{i:02d},{'train' if i < 12 else 'val'}" for i in range(20)]
    (root / "split.csv").write_text("\n".join(["id,split", *rows]))
    one, other = (prepared(data_of, root, tmp_path, split_seed=seed) for seed in (3, 4))
    assert numbers(one, "train") == list(range(12))
    assert len(numbers(one, "val")) == len(numbers(one, "test")) == 4
    assert sorted(numbers(one, "val") + numbers(one, "test")) == list(range(12, 20))
    assert numbers(one, "val") != numbers(other, "val")


def test_a_complete_split_file_is_followed(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces", 3)
    (root / "split.csv").write_text("id,split\np02,train\np00,val\np01,test\n")
    found = prepared(data_of, root, tmp_path)
    assert [numbers(found, split) for split in ("train", "val", "test")] == [[2], [0], [1]]


def write_parts(root: Path, parts: dict[str, slice], n: int = 10) -> Path:
    """The published layout: n images of 128 pixels, for each part a grey mask of 64 in three channels."""
    annotations = root / "CelebAMask-HQ-mask-anno" / "0"
    annotations.mkdir(parents=True)
    (root / "CelebA-HQ-img").mkdir()
    for i in range(n):
        Image.new("RGB", (128, 128), (i, 0, 0)).save(root / "CelebA-HQ-img" / f"{i}.png")
        for part, rows in parts.items():
            mask = np.zeros((64, 64, 3), dtype=np.uint8)
            mask[rows] = 255
            Image.fromarray(mask).save(annotations / f"{i:05d}_{part}.png")
    return root


def test_masks_of_one_part_a_file_are_put_together_later_classes_on_top(
    data_of: DataOf, tmp_path: Path
) -> None:
    parts = {"skin": slice(0, 48), "nose": slice(16, 32), "hair": slice(0, 8)}
    mask = prepared(data_of, write_parts(tmp_path / "faces", parts), tmp_path).array("train_masks")[0]
    expected = 4 * [CLASSES.index("hair")] + 4 * [1] + 8 * [CLASSES.index("nose")] + 8 * [1] + 8 * [0]
    assert mask[:, 0].tolist() == expected


def test_a_part_that_is_no_class_and_one_that_is_there_twice_are_told(
    data_of: DataOf, tmp_path: Path
) -> None:
    root = write_parts(tmp_path / "faces", {"skin": slice(0, 48), "beard": slice(0, 8)}, 3)
    (root / "CelebAMask-HQ-mask-anno" / "1").mkdir()
    for name in ("00001_skin.png", "1_skin.PNG"):
        Image.fromarray(block(1)).save(root / "CelebAMask-HQ-mask-anno" / "1" / name)
    with pytest.raises(UserError, match="got 5 files that cannot be used") as caught:
        prepared(data_of, root, tmp_path, val_rate=0.34, test_rate=0.34)
    text = str(caught.value)
    assert "<class>.png: CelebAMask-HQ-mask-anno/0/00000_beard.png (no class)" in text
    assert "mask-anno/1/00001_skin.png (beside 00001_skin.png)" in text
    assert "mask-anno/1/1_skin.PNG (beside 00001_skin.png)" in text


def damage(root: Path) -> None:
    """One file for each rule."""
    (root / "images" / "p00.png").write_bytes(b"no image")
    Image.fromarray(block(200)).save(root / "masks" / "p01.png")
    (root / "masks" / "p02.png").unlink()
    Image.new("RGB", (20, 20)).save(root / "images" / "p03.png")
    Image.fromarray(np.dstack([block(4), block(5), block(6)])).save(root / "masks" / "p04.png")
    Image.fromarray(block(4)[:40]).save(root / "masks" / "p05.png")


def test_all_bad_files_are_told_in_one_error_by_rule(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    damage(root)
    with pytest.raises(UserError, match="6 files that cannot be used") as caught:
        prepared(data_of, root, tmp_path)
    text = str(caught.value)
    assert len(caught.value.faults) == 1
    for told in (
        "an image must be readable: images/p00.png",
        "what counts nowhere: data.ignored): masks/p01.png (value 200)",
        "an image needs a mask: images/p02.png",
        "at least 32 x 32 pixels, the network's stride: images/p03.png (20 x 20)",
        "a mask's colours have to be in data.colours, or in data.ignored: masks/p04.png (colour (4, 5, 6))",
        "a mask has to have its image's shape: masks/p05.png (64 x 40",
        "data.skip_bad=true",
    ):
        assert told in text


def test_of_many_bad_files_the_first_five_are_listed(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    for i in range(8):
        (root / "masks" / f"p{i:02d}.png").unlink()
    with pytest.raises(UserError, match=r"got 8 files .*p04\.png \(no mask\) and 3 more") as caught:
        prepared(data_of, root, tmp_path)
    assert "p05.png" not in str(caught.value)


def test_a_picture_with_two_images_and_a_row_of_the_split_file_without_any_are_told(
    data_of: DataOf, tmp_path: Path
) -> None:
    root = write_palette(tmp_path / "faces", 3)
    Image.new("RGB", (64, 64)).save(root / "images" / "p01.jpg")
    (root / "split.csv").write_text("id,split\np00,train\np01,val\np02,test\np03,test\n")
    with pytest.raises(UserError, match="got 2 files that cannot be used") as caught:
        prepared(data_of, root, tmp_path)
    assert "one image, and one mask or one of each class: images/p01.png (beside p01.jpg)" in str(
        caught.value
    )
    assert "a row of split.csv needs an image and a mask: p03 (neither)" in str(caught.value)
    kept = prepared(data_of, root, tmp_path, skip_bad=True)
    assert kept.facts["pictures"] == {"train": 1, "val": 1, "test": 1}


def test_skip_bad_leaves_them_out_and_says_which(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    damage(root)
    found = prepared(data_of, root, tmp_path, skip_bad=True)
    left = sorted(number for split in ("train", "val", "test") for number in numbers(found, split))
    assert left == list(range(6, 20))
    assert found.n_train == len(numbers(found, "train"))
    assert sum(skipped["n"] for skipped in found.facts["skipped"].values()) == 6
    lines = read_line("task=segmentation", multirun=False).task_config.announce(found.facts)
    assert len(lines) == 6
    expected = "left out 1 (data.skip_bad): masks/p01.png; a mask's values have to be classes, 0 to 18"
    assert [line for line in lines if line.startswith(expected)]
    assert not list(found.folder.glob("*.kept.npy"))


def test_an_empty_folder_another_folder_and_no_folder_are_refused(data_of: DataOf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got 0 pairs, none for train, val, test"):
        prepared(data_of, write_palette(tmp_path / "empty", 0), tmp_path)
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="neither images/ and masks/ nor CelebA-HQ-img/"):
        prepared(data_of, tmp_path / "other", tmp_path)
    with pytest.raises(UserError, match=r"data\.path: got '.*absent'; expected a folder"):
        prepared(data_of, tmp_path / "absent", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,split\np00,training\n", "split 'training'"),
        ("file,part\np00,train\n", "expected id and split"),
        ("id,split\np00,train\n", r"no split for 19 images \(p01"),
    ],
)
def test_a_split_file_that_cannot_be_meant_is_refused(
    data_of: DataOf, tmp_path: Path, text: str, message: str
) -> None:
    root = write_palette(tmp_path / "faces")
    (root / "split.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        prepared(data_of, root, tmp_path)


def test_the_digest_follows_the_bytes_not_the_place(data_of: DataOf, tmp_path: Path) -> None:
    one, moved = (prepared(data_of, write_palette(tmp_path / name), tmp_path) for name in ("a", "b"))
    changed = write_palette(tmp_path / "c")
    Image.fromarray(block(7)).save(changed / "masks" / "p00.png")
    assert one.digest == moved.digest != prepared(data_of, changed, tmp_path).digest


@pytest.mark.skipif(not REAL.exists(), reason="needs shared/data beside the checkout")
def test_the_real_photographs_load_with_their_documented_split_and_shares(
    data_of: DataOf, tmp_path: Path
) -> None:
    found = prepared(data_of, REAL, tmp_path, image_size=64)
    assert found.facts["pictures"] == {"train": 800, "val": 100, "test": 100}
    assert found.facts["skipped"] == {}
    shares = np.array(found.facts["pixels"]) / sum(found.facts["pixels"])
    assert shares[CLASSES.index("background")] == pytest.approx(0.287, abs=0.02)
    assert shares[CLASSES.index("l_eye")] == pytest.approx(0.00223, abs=0.0003)


def test_what_a_mac_leaves_is_no_pair_and_is_told(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    plain = prepared(data_of, root, tmp_path)
    for name in (
        "images/._p00.png",
        "masks/._p00.png",
        "images/.DS_Store",
        "masks/Thumbs.db",
        "masks/p00.json",
    ):
        (root / name).write_bytes(b"x")
    found = prepared(data_of, root, tmp_path / "again")
    assert found.digest == plain.digest
    (line,) = read_line("task=segmentation", multirun=False).task_config.announce(found.facts)
    assert line == (
        "files not read: 3 hidden (.DS_Store, ._p00.png, ._p00.png), 1 .json (p00.json), "
        "1 of the system (Thumbs.db)"
    )


def test_names_that_differ_in_capitals_or_in_the_form_of_accents_are_one(
    data_of: DataOf, tmp_path: Path
) -> None:
    root = write_palette(tmp_path / "faces")
    (root / "images" / "p00.png").rename(root / "images" / "P00.PNG")
    (root / "images" / "p01.png").rename(root / "images" / "caf\u00e9.png")
    (root / "masks" / "p01.png").rename(root / "masks" / "cafe\u0301.png")
    found = prepared(data_of, root, tmp_path)
    assert sum(found.facts["pictures"].values()) == 20


def test_folders_of_other_names_suffixes_and_depth(data_of: DataOf, tmp_path: Path) -> None:
    """As in Cityscapes, whose images and masks have names of their own, in folders a split and a city."""
    flat = write_palette(tmp_path / "flat", 20)
    root = tmp_path / "city"
    for i in range(20):
        split = "train" if i < 12 else "val" if i < 16 else "test"
        for kind, above, end in (("images", "left", "_left"), ("masks", "fine", "_ids")):
            place = root / above / split / "ulm"
            place.mkdir(parents=True, exist_ok=True)
            (flat / kind / f"p{i:02d}.png").rename(place / f"p{i:02d}{end}.png")
            (place / f"p{i:02d}_color.png").write_bytes(b"x")
    names = {"images": "left", "masks": "fine", "image_suffix": "_left", "mask_suffix": "_ids"}
    found = prepared(data_of, root, tmp_path, **names)
    assert [numbers(found, s) for s in ("train", "val", "test")] == [
        list(range(12)),
        list(range(12, 16)),
        list(range(16, 20)),
    ]
    assert found.facts["ignored"]["without _ids in the name"]["n"] == 20


def test_val_is_drawn_of_train_where_only_train_and_test_are_given(data_of: DataOf, tmp_path: Path) -> None:
    for split, n in (("train", 20), ("test", 5)):
        write_palette(tmp_path / "faces" / split, n)
    by_folder = prepared(data_of, tmp_path / "faces", tmp_path)
    assert by_folder.facts["pictures"] == {"train": 18, "val": 2, "test": 5}
    root = write_palette(tmp_path / "listed")
    rows = [f"p{i:02d}.png,{'train' if i < 15 else 'test'}" for i in range(20)]
    (root / "split.csv").write_text("\n".join(["id,split", *rows]))
    listed = prepared(data_of, root, tmp_path, val_rate=0.2)
    assert listed.facts["pictures"] == {"train": 12, "val": 3, "test": 5}
    assert numbers(listed, "test") == list(range(15, 20))


def turned(root: Path, orientation: int, size: tuple[int, int], mask: np.ndarray[Any, Any]) -> None:
    """Every image white above the diagonal of its stored form, with an EXIF orientation, and this mask."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for path in sorted((root / "images").iterdir()):
        Image.new("RGB", size, "white").save(path, exif=exif)
        Image.fromarray(mask).save(root / "masks" / path.name)


def test_a_mask_of_a_turned_photograph_follows_it(data_of: DataOf, tmp_path: Path) -> None:
    """Stored 96 x 48 and lying; seen 48 x 96, turned clockwise: what is stored on the left is seen on top."""
    lying = np.zeros((48, 96), dtype=np.uint8)
    lying[:, :48] = 1
    as_seen = np.zeros((96, 48), dtype=np.uint8)
    as_seen[:48] = 1
    for name, mask in (("lying", lying), ("seen", as_seen)):
        root = write_palette(tmp_path / name)
        turned(root, 6, (96, 48), mask)
        found = prepared(data_of, root, tmp_path)
        assert (found.array("train_masks") == block(1, SIZE)).all()
        assert found.facts["read"]["turned upright, as its EXIF orientation says"]["n"] == 20


def test_where_nothing_says_which_way_up_a_mask_is_it_is_refused(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    turned(root, 3, (64, 64), block(1))
    with pytest.raises(UserError, match=r"save the image upright.*masks/p00.png \(EXIF orientation 3\)"):
        prepared(data_of, root, tmp_path)


def test_photographs_of_16_bits_are_the_same_as_of_8_under_another_digest(
    data_of: DataOf, tmp_path: Path
) -> None:
    """Stored runs on the one were trained on white pictures on the other."""
    arrays = []
    for bits in (8, 16):
        root = write_palette(tmp_path / str(bits))
        for i, path in enumerate(sorted((root / "images").iterdir())):
            grey = np.full((64, 64), 5 * i, dtype=np.uint8)
            Image.fromarray(grey if bits == 8 else grey.astype(np.uint16) * 257).save(path)
        found = prepared(data_of, root, tmp_path, skip_bad=True)
        arrays.append(found.array("train_images"))
    assert np.array_equal(arrays[0], arrays[1])


def test_a_jpeg_mask_is_told_by_its_format_not_as_missing(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    (root / "masks" / "p01.png").unlink()
    Image.fromarray(block(1)).save(root / "masks" / "p01.jpg")
    Image.fromarray(block(1)).save(root / "masks" / "p02.jpg")  # beside p02.png: an overlay
    with pytest.raises(
        UserError, match=r"got 1 file .* stored without loss, as PNG.*: masks/p01.jpg \(JPEG\)"
    ):
        prepared(data_of, root, tmp_path)


def test_a_folder_of_other_things_says_what_it_holds(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces", 0)
    (root / "images" / "a.heic").write_bytes(b"x")
    with pytest.raises(UserError, match=r"got 0 pairs, .*; not read: 1 .heic \(a.heic\)"):
        prepared(data_of, root, tmp_path)
    (root / "images").rename(root / "photos")
    with pytest.raises(UserError, match=r"with masks/, photos/\).*data.images=\.\.\. data.masks=\.\.\."):
        prepared(data_of, root, tmp_path)


def test_palettes_that_number_colours_differently_are_refused(data_of: DataOf, tmp_path: Path) -> None:
    """As programs write them that sort a palette by what a picture holds most."""
    root = write_palette(tmp_path / "faces")
    for i in range(20):
        red_first = i % 2 == 1
        mask = Image.fromarray(block(1) ^ red_first)
        mask.putpalette([200, 0, 0, 0, 0, 0] if red_first else [0, 0, 0, 200, 0, 0])
        mask.save(root / "masks" / f"p{i:02d}.png")
    with pytest.raises(UserError) as caught:
        prepared(data_of, root, tmp_path)
    first = "(0, 0, 0) is 0 (masks/p00.png) and 1 (masks/p01.png)"
    second = "(200, 0, 0) is 1 (masks/p00.png) and 0 (masks/p01.png)"
    assert first in str(caught.value) or second in str(caught.value)
    assert "data.colours=" in str(caught.value)


def test_palettes_may_differ_in_colours_and_share_them(data_of: DataOf, tmp_path: Path) -> None:
    root = write_palette(tmp_path / "faces")
    black, grey = [0] * 768, [value for c in range(256) for value in (c, c, c)]
    for i, colours in enumerate((black, grey, [9, 9, 9, 200, 0, 0])):
        mask = Image.fromarray(block(1))
        mask.putpalette(colours)
        mask.save(root / "masks" / f"p{i:02d}.png")
    assert prepared(data_of, root, tmp_path).n_train == 16
