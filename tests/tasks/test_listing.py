"""A folder holds the files that its user means; what others left there is counted."""

from pathlib import Path

import pytest

from sweeper.task import counted, is_foreign, lines_of_ignored, list_files


def leave(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names(root: Path) -> list[str]:
    return [file.relative_to(root).as_posix() for file in list_files(root, {".png", ".jpg"}).files]


def test_what_a_mac_windows_a_notebook_and_a_storage_device_leave_is_no_picture(tmp_path: Path) -> None:
    leave(tmp_path, "b.PNG", "sub/a.png", "._b.PNG", ".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r")
    leave(tmp_path, "__MACOSX/._b.png", ".ipynb_checkpoints/b-checkpoint.png", "@eaDir/b.png/thumb.jpg")
    leave(
        tmp_path, "sub/b.png~", "sub/#b.png#", "sub/.~lock.b.png#", "b.png.bak", "~$b.png", "c.png.crdownload"
    )
    leave(tmp_path, "b.txt", "b.json", "c.json", "LICENSE")
    assert names(tmp_path) == ["b.PNG", "sub/a.png"]
    found = list_files(tmp_path, {".png", ".jpg"})
    assert {kind: len(files) for kind, files in found.ignored.items()} == {
        "an editor's or a download's": 6,
        "of the system": 5,
        "hidden": 3,
        ".json": 2,
        ".txt": 1,
        "without a suffix": 1,
    }
    assert "2 .json (b.json, c.json), 3 hidden" not in found.words()
    assert "2 .json (b.json, c.json)" in found.words()


def test_links_are_followed_once_and_links_to_nothing_are_counted(tmp_path: Path) -> None:
    leave(tmp_path, "elsewhere/a.png", "here/b.png")
    (tmp_path / "here" / "train").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "train" / "back").symlink_to(tmp_path / "here")
    (tmp_path / "here" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = list_files(tmp_path / "here", {".png"})
    assert [file.name for file in found.files] == ["b.png", "a.png"]
    assert found.ignored == {"a link to nothing": ["gone.png"]}


def test_a_hidden_folder_above_the_one_that_is_read_is_no_matter(tmp_path: Path) -> None:
    leave(tmp_path, ".cache/pictures/a.png")
    assert names(tmp_path / ".cache" / "pictures") == ["a.png"]


def test_several_listings_are_told_in_one_line(tmp_path: Path) -> None:
    leave(tmp_path, "a/._x.png", "a/._y.png", "b/._x.png", "b/._z.png", "b/notes.md")
    facts = counted([list_files(tmp_path / name, {".png"}) for name in ("a", "b")])
    assert lines_of_ignored(facts) == [
        "files not read: 4 hidden (._x.png, ._y.png, ._x.png, ...), 1 .md (notes.md)"
    ]
    assert lines_of_ignored({}) == []


@pytest.mark.parametrize(("name", "expected"), [(".DS_Store", True), ("Thumbs.DB", True), ("a~b.png", False)])
def test_names_of_others(name: str, expected: bool) -> None:
    assert is_foreign(Path(name)) is expected
