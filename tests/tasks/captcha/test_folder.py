"""Pictures from a folder: texts, splits, and all that can be wrong with them, each named with its rule."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.errors import UserError
from sweeper_tasks.captcha.alphabet import CHARACTERS, decode
from sweeper_tasks.captcha.config import CaptchaConfig
from sweeper_tasks.captcha.data import prepare
from sweeper_tasks.captcha.folder import split_of, text_in_name
from tests.tasks.captcha.tiny import DATA, tiny_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "captcha"
SPLITS = ("train", "val", "test")


def config_for(path: Path | None, **changes: Any) -> CaptchaConfig:
    shared = {
        key: DATA[key] for key in ("cache_dir", "preset", "height", "width", "n_channels", "augmentation")
    }
    own = {
        "name": "captcha/folder",
        "path": None if path is None else str(path),
        "labels": "auto",
        "max_length": 6,
        "trim": False,
        "skip_bad": False,
    }
    sections = tiny_config().model_dump() | {"data": shared | own | changes}
    return CaptchaConfig.model_validate(sections)


def draw(path: Path, size: tuple[int, int] = (40, 20), shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", size, (shade, shade, shade, 255)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 good pictures of texts of 4 to 6 characters."""
    for i in range(60):
        draw(tmp_path / "pictures" / "low" / f"{'ab' * (i % 2)}{1000 + i}-{i}.png", shade=i)
    return tmp_path / "pictures"


def faults(config: CaptchaConfig, tmp_path: Path) -> str:
    with pytest.raises(UserError, match="got") as caught:
        prepare(config, tmp_path / "cache")
    return str(caught.value)


def test_texts_are_read_from_names_and_every_picture_is_in_the_split_of_its_name(
    folder: Path, tmp_path: Path
) -> None:
    prepared = prepare(config_for(folder), tmp_path / "cache")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    for split in SPLITS:
        mine = [name for name in names if split_of(name) == split]
        assert [decode(row) for row in prepared.array(f"{split}_codes")] == [text_in_name(n) for n in mine]
        shades = prepared.array(f"{split}_images")[:, 0, 3, 3]
        assert shades.tolist() == [int(name.rpartition("-")[2].removesuffix(".png")) for name in mine]
    assert prepared.real
    assert prepared.facts["skipped"] == {}


def test_splits_are_80_10_10_and_never_change_for_a_name() -> None:
    """Of 10,000 names 8000 +- 40 and twice 1000 +- 30."""
    counts = np.unique([split_of(f"a/{i}.png") for i in range(10_000)], return_counts=True)
    found = dict(zip(*(part.tolist() for part in counts), strict=True))
    assert abs(found["train"] - 8000) < 160
    assert abs(found["val"] - 1000) < 120
    assert [split_of(name) for name in ("lower/002e23-0.png", "a.png")] == ["train", "train"]


@pytest.mark.parametrize("name", ["a/7cX.png", "7cX-0.png", "7cX_12.png", "7cX-0-1.png"])
def test_the_text_of_a_name_ends_before_the_number(name: str) -> None:
    assert text_in_name(name) == "7cX"


@pytest.mark.parametrize("name", ["ab-!d.png", "ab_cd.png", "7c-X-0.png"])
def test_no_part_of_a_name_is_lost_unsaid(name: str) -> None:
    """`ab-!d` is no picture of the text `ab`: its dash is no character that is known."""
    assert not set(text_in_name(name)) <= set(CHARACTERS)


def test_a_table_goes_before_names(folder: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = "".join(f"{name},NA{i % 10}\n" for i, name in enumerate(names))
    (folder / "labels.csv").write_text("file,label\n" + rows)
    by_table = prepare(config_for(folder), tmp_path / "cache")
    by_name = prepare(config_for(folder, labels="names"), tmp_path / "cache")
    assert {decode(row)[:2] for row in by_table.array("train_codes")} == {"NA"}
    assert {decode(row)[:2] for row in by_name.array("train_codes")} == {"10", "ab"}
    assert by_table.digest != by_name.digest


def test_margins_are_cut_off_where_asked_for(folder: Path, tmp_path: Path) -> None:
    """A black square of 4 x 4 in 40 x 20 is cut to 8 x 8 with its margins: as large as the image is high."""
    square = Image.new("RGB", (40, 20), "white")
    square.paste((0, 0, 0), (30, 10, 34, 14))
    for path in folder.rglob("*.png"):
        square.save(path)
    whole, cut = (
        prepare(config_for(folder, trim=trim), tmp_path / "cache").array("train_images")[0, 0]
        for trim in (False, True)
    )
    assert whole.shape == cut.shape == (8, 16)
    assert (whole[:, :11] == 255).all()  # 40 x 20 into 16 x 8: the square begins at 12
    assert (whole[:, 12:] < 128).any()
    assert (cut < 128)[2:6, 2:6].all()
    assert (cut < 128).sum() == 16


def test_the_digest_knows_what_pictures_hold_not_where_they_lie(folder: Path, tmp_path: Path) -> None:
    one = prepare(config_for(folder), tmp_path / "cache").digest
    moved = folder.rename(tmp_path / "moved")
    assert prepare(config_for(moved), tmp_path / "cache").digest == one
    draw(next(moved.rglob("*.png")), shade=200)
    assert prepare(config_for(moved), tmp_path / "cache").digest != one


def test_all_that_is_wrong_is_told_at_once_by_rule_with_counts_and_names(
    folder: Path, tmp_path: Path
) -> None:
    for i in range(7):
        (folder / f"bad{i}.png").write_bytes(b"no picture")
    draw(folder / "t1ny-0.png", size=(40, 7))
    draw(folder / "zuviele-0.png")
    draw(folder / "caf\u00e9-0.png")
    draw(folder / "-3.png")
    (folder / "-4.png").write_bytes(b"no picture")  # counts once
    half = (folder / "low" / "1000-0.png").read_bytes()
    (folder / "cut-0.png").write_bytes(half[: len(half) // 2])
    told = faults(config_for(folder), tmp_path)
    assert "got 13 files that cannot be used; " in told
    assert "an image must be readable: bad0.png (UnidentifiedImageError), bad1.png" in told
    assert "bad4.png (UnidentifiedImageError) and 3 more" in told
    assert "at least 8 pixels down and across: t1ny-0.png (40 x 7)" in told
    assert "a text has at most data.max_length characters (6): zuviele-0.png ('zuviele')" in told
    assert "no characters but 0-9, A-Z and a-z: caf\u00e9-0.png ('caf\u00e9')" in told
    assert "an image needs a text: -3.png (''), -4.png ('')" in told
    assert told.endswith("or leave them out with data.skip_bad=true")


def test_bad_pictures_are_left_out_and_counted_where_asked_for(folder: Path, tmp_path: Path) -> None:
    good = prepare(config_for(folder), tmp_path / "cache")
    (folder / "low" / "1000-0.png").write_bytes(b"no picture")
    draw(folder / "zuviele-0.png")
    prepared = prepare(config_for(folder, skip_bad=True), tmp_path / "cache")
    assert sum(prepared.facts["rows"].values()) == sum(good.facts["rows"].values()) - 1
    assert prepared.facts["skipped"] == {
        "an image must be readable": {
            "n": 1,
            "first": ["low/1000-0.png"],
            "got": {"UnidentifiedImageError": 1},
        },
        "a text has at most data.max_length characters (6)": {
            "n": 1,
            "first": ["zuviele-0.png"],
            "got": {"'zuviele'": 1},
        },
    }
    told = config_for(folder).announce(prepared.facts)
    expected = "left out 1 (data.skip_bad): low/1000-0.png; an image must be readable"
    assert f"{expected}; got UnidentifiedImageError (1)" in told


def test_data_of_which_nothing_was_left_out_are_the_same_whether_or_not_that_was_allowed(
    folder: Path, tmp_path: Path
) -> None:
    """Then it is the same study, too; and what was left out once is refused where it must not be."""
    strict, lenient = config_for(folder), config_for(folder, skip_bad=True)
    first, second = (prepare(config, tmp_path / "cache") for config in (strict, lenient))
    assert first.digest == second.digest
    assert strict.without_cosmetics() == lenient.without_cosmetics()
    (folder / "low" / "1000-0.png").write_bytes(b"no picture")
    assert prepare(lenient, tmp_path / "cache").digest != first.digest
    assert "1000-0.png" in faults(strict, tmp_path)


def test_a_table_and_its_pictures_must_agree(folder: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [f"{name},abc" for name in [*names[2:], names[5], "gone.png"]]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows]))
    told = faults(config_for(folder), tmp_path)
    assert f"an image needs a text: {names[0]} (''), {names[1]} ('')" in told
    assert f"an image has one row in labels.csv: {names[5]} (2 rows)" in told
    assert "a row of labels.csv needs an image: gone.png (no image)" in told


def test_a_table_without_its_columns_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_text("name,text\na.png,1\n")
    assert "got columns name, text; expected file and label" in faults(config_for(folder), tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "got nothing; expected a folder" in faults(config_for(None), tmp_path)
    assert "there'; expected a folder. There is none" in faults(config_for(tmp_path / "there"), tmp_path)
    assert "empty' without a picture; expected files in" in faults(config_for(tmp_path / "empty"), tmp_path)
    draw(tmp_path / "one" / "1.png")
    assert "expected a folder. It is a file" in faults(config_for(tmp_path / "one" / "1.png"), tmp_path)
    assert "got 'csv'; expected" in faults(config_for(tmp_path / "one", labels="csv"), tmp_path)
    assert "got no usable picture for val out of 1" in faults(config_for(tmp_path / "one"), tmp_path)


def test_names_that_number_the_pictures_are_no_texts_and_the_table_is_found_in_capitals(
    tmp_path: Path,
) -> None:
    pictures = tmp_path / "pictures"
    for i in range(40):
        draw(pictures / f"img_{i:03d}.png", shade=i)
    assert "got the text 'img' for every picture; expected" in faults(config_for(pictures), tmp_path)
    rows = "".join(f"img_{i:03d}.png,{i}\n" for i in range(40))
    (pictures / "Labels.CSV").write_text(f"file,label\n{rows}")
    prepared = prepare(config_for(pictures), tmp_path / "cache")
    texts = {
        decode(codes) for split in ("train", "val", "test") for codes in prepared.array(f"{split}_codes")
    }
    assert texts == {str(i) for i in range(40)}
    assert prepared.facts["ignored"] == {}


@pytest.mark.skipif(not REAL.exists(), reason="needs shared/data beside the checkout")
def test_real_captchas_load_with_names_and_table_of_one_mind(tmp_path: Path) -> None:
    table = (REAL / "labels.csv").read_text().splitlines()[1:]
    assert len(table) == 6000
    assert all(text_in_name(name) == label for name, label in (row.split(",") for row in table))
    for row in table[::50]:
        name = row.split(",")[0]
        (tmp_path / "some" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "some" / name).symlink_to(REAL / name)
    prepared = prepare(config_for(tmp_path / "some", height=16, width=64), tmp_path / "cache")
    assert sum(prepared.facts["rows"].values()) == 120
    assert (prepared.array("train_images") < 250).any(axis=(1, 2, 3)).all()


def test_what_a_mac_and_a_notebook_leave_is_no_picture_and_is_told(folder: Path, tmp_path: Path) -> None:
    plain = prepare(config_for(folder), tmp_path / "cache")
    for name in ("low/._1000-0.png", ".DS_Store", "Thumbs.db", "1000-0.txt"):
        (folder / name).write_bytes(b"x")
    draw(folder / ".ipynb_checkpoints" / "1000-0-checkpoint.png")
    found = prepare(config_for(folder), tmp_path / "again")
    assert (found.digest, found.facts["rows"]) == (plain.digest, plain.facts["rows"])
    assert config_for(folder).announce(found.facts) == [
        "files not read: 3 hidden (.DS_Store, .ipynb_checkpoints/, low/._1000-0.png), 1 .txt (1000-0.txt), "
        "1 of the system (Thumbs.db)",
        "texts by the files' names: low/1000-0.png reads '1000', low/ab1001-1.png reads 'ab1001'",
    ]


def test_nothing_but_what_others_left_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "._a.png").write_bytes(b"x")
    (tmp_path / "p" / "b.heic").write_bytes(b"x")
    assert "there is 1 .heic (b.heic), 1 hidden (._a.png)" in faults(config_for(tmp_path / "p"), tmp_path)


def test_sixteen_bits_are_the_same_pictures_under_another_digest(folder: Path, tmp_path: Path) -> None:
    grey = [np.asarray(Image.open(path).convert("L")) for path in sorted(folder.rglob("*.png"))]
    found = []
    for bits in (8, 16):
        for path, pixels in zip(sorted(folder.rglob("*.png")), grey, strict=True):
            Image.fromarray(pixels if bits == 8 else pixels.astype(np.uint16) * 257).save(path)
        found.append(prepare(config_for(folder), tmp_path / "cache"))
    assert np.array_equal(found[0].array("train_images"), found[1].array("train_images"))
    assert found[0].digest != found[1].digest
    assert config_for(folder).announce(found[1].facts)[0].endswith(": 16 bits a colour, read as 8")


def test_folders_called_train_and_test_are_followed_and_val_is_drawn(folder: Path, tmp_path: Path) -> None:
    for i, path in enumerate(sorted(folder.rglob("*.png"))):
        place = folder / ("test" if i < 20 else "train")
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)
    found = prepare(config_for(folder), tmp_path / "cache").facts["rows"]
    assert found["test"] == 20
    assert found["train"] + found["val"] == 40
    assert 1 <= found["val"] <= 12


def test_a_table_of_windows_names_its_pictures_as_windows_does(folder: Path, tmp_path: Path) -> None:
    paths = sorted(folder.rglob("*.png"))
    rows = "".join(f".\\LOW\\{path.stem}.PNG,x{i % 10}\n" for i, path in enumerate(paths))
    (folder / "labels.csv").write_text("file,label\n" + rows)
    assert sum(prepare(config_for(folder), tmp_path / "cache").facts["rows"].values()) == 60


@pytest.mark.parametrize(
    "form",
    ["{}", "semicolons", "utf-16", "spaces", "a column more", "a separator behind", "gzip"],
)
def test_the_table_is_read_as_every_table_is(folder: Path, tmp_path: Path, form: str) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    text = "file,label\n" + "".join(f"{name},00{i % 10}\n" for i, name in enumerate(names))
    raw = {
        "semicolons": text.replace(",", ";").encode("utf-8-sig"),
        "utf-16": text.replace(",", "\t").encode("utf-16"),
        "spaces": text.replace(",", ", ").encode(),
        "a column more": "".join(f"{i},{line}" for i, line in enumerate(text.splitlines(True))).encode(),
        "a separator behind": text.replace("\n", ",\n").encode(),
        "gzip": gzip.compress(text.encode()),
    }.get(form, text.encode())
    (folder / "labels.csv").write_bytes(raw)
    found = prepare(config_for(folder), tmp_path / "cache")
    assert {decode(row)[:2] for row in found.array("train_codes")} == {"00"}


def test_a_table_that_is_none_is_told_in_words(folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_bytes(b"<html>sign in</html>")
    assert "labels.csv: got a web page" in faults(config_for(folder), tmp_path)
    (folder / "labels.csv").write_text("file,label\na.png,ab,c\nb.png,abc\nc.png,abc\n")
    assert "line 2: 3" in faults(config_for(folder), tmp_path)


def test_where_hardly_a_name_is_a_text_it_is_said_how_texts_are_given(tmp_path: Path) -> None:
    for i in range(12):
        draw(tmp_path / "pictures" / f"captcha_{i}x(1).png", shade=i)
    told = faults(config_for(tmp_path / "pictures"), tmp_path)
    assert told.endswith("or list the texts in a table labels.csv (file, label) in the folder")
    assert "skip_bad" not in told
    for i in range(12):
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / f"ab{i}.png").write_bytes(b"no picture")
    assert "skip_bad" in faults(
        config_for(tmp_path / "broken"), tmp_path
    )  # their names are not what is wrong


@pytest.mark.parametrize("skip_bad", [False, True])
def test_names_that_count_the_pictures_before_their_texts_are_refused(tmp_path: Path, skip_bad: bool) -> None:
    """Of `0007_5832.png` the text was 0007, and with `skip_bad` those with a letter were left out."""
    counted, texts, repeated = tmp_path / "counted", tmp_path / "texts", tmp_path / "repeated"
    for i in range(40):
        draw(counted / f"{i:04d}_{'7cX' if i % 3 else 1000 + 37 * i}.png", shade=i)
        draw(texts / f"{i:03d}-0.png", shade=i)
        draw(repeated / f"{i % 20:03d}_{i // 20}.png", shade=i)
    told = faults(config_for(counted, skip_bad=skip_bad), tmp_path)
    assert "got names that begin with a count of the pictures, such as '0000_1000.png'; expected" in told
    for folder in (texts, repeated):
        assert prepare(config_for(folder), tmp_path / "cache").n_train > 0
