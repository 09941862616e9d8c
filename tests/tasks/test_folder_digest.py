"""The digest of a folder: names and bytes count, the place does not, and large ones are read once."""

from pathlib import Path

from sweeper.task.digests import folder_digest


def written(root: Path, **content: str) -> list[Path]:
    """Files of these names and contents, in the order given."""
    root.mkdir(parents=True)
    for name, text in content.items():
        (root / name).write_text(text)
    return [root / name for name in content]


def test_names_and_bytes_count_and_the_place_does_not(tmp_path: Path) -> None:
    cases = {"one": {"a": "x"}, "moved": {"a": "x"}, "other name": {"b": "x"}, "other bytes": {"a": "y"}}
    digests = {
        case: folder_digest(tmp_path / case, written(tmp_path / case, **content), tmp_path / "cache")
        for case, content in cases.items()
    }
    assert digests["one"] == digests["moved"]
    assert len(set(digests.values())) == 3


def test_what_one_file_ends_with_is_not_what_the_next_begins_with(tmp_path: Path) -> None:
    cut = {"one": {"a": "xy", "b": "z"}, "other": {"a": "x", "b": "yz"}}
    one, other = (
        folder_digest(tmp_path / case, written(tmp_path / case, **content), tmp_path / "cache")
        for case, content in cut.items()
    )
    assert one != other


def test_a_large_folder_is_read_once_until_a_file_changes(tmp_path: Path) -> None:
    root, cache = tmp_path / "faces", tmp_path / "cache"
    files = written(root, a="one", b="two")
    read = folder_digest(root, files, cache)
    assert not cache.exists()
    assert folder_digest(root, files, cache, remember_from=1) == read
    (memo,) = (cache / "file_digests").iterdir()
    memo.write_text('{"digest": "sha256:remembered"}')
    assert folder_digest(root, files, cache, remember_from=1) == "sha256:remembered"
    files[0].write_text("other")
    assert folder_digest(root, files, cache, remember_from=1) not in (read, "sha256:remembered")
