"""A full disk and a closed folder, told in one line."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from sweeper.errors import StudyError, UserError
from sweeper.search.trial_book import TrialBook
from sweeper.storage.places import place_faults_named, read_only_folder
from sweeper.storage.storage import Storage, delete_study, open_storage


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError("database or disk is full")],
)
def test_a_full_disk_is_told_with_the_space_that_is_left(tmp_path: Path, error: Exception) -> None:
    def write() -> None:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("a library's own words") from cause

    with (
        pytest.raises(StudyError, match=r"no space left for .*not-there.* MiB free\)"),
        place_faults_named(str(tmp_path / "not-there")),
    ):
        write()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_the_users_to_choose(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(UserError, match=r"study\.results_dir: got .* cannot be written"),
        place_faults_named(str(tmp_path)),
    ):
        raise OSError(number, "no", str(tmp_path))


def test_a_data_file_that_cannot_be_read_is_not_the_results_folders_fault(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match=r"a\.csv"), place_faults_named(str(tmp_path)):
        raise PermissionError(errno.EACCES, "no", "/somewhere/a.csv")


def test_a_folder_that_cannot_be_made_is_the_users_to_choose() -> None:
    with (
        pytest.raises(UserError, match=r"study\.results_dir: got '/proc/nowhere'"),
        place_faults_named("/proc/nowhere"),
    ):
        Path("/proc/nowhere").mkdir()


def closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, which this process may not write in, whoever it is: root may, whatever the mode says."""
    really = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and really(path, mode))
    return folder


def test_a_folder_is_read_only_where_it_or_the_one_to_make_it_in_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert not read_only_folder(tmp_path / "new" / "newer")
    assert not read_only_folder(tmp_path / "file" / "new")
    folder = closed(tmp_path, monkeypatch)
    assert read_only_folder(folder)
    assert read_only_folder(folder / "new" / "newer")


def test_a_database_in_a_read_only_folder_is_not_a_missing_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studies.db").mkdir()  # cannot be opened, by root neither
    folder = closed(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=rf"since the folder '{folder}' cannot be written. Choose another: "):
        Storage(f"sqlite:///{folder}/studies.db", "s", "o")


def test_any_other_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="x"), place_faults_named(str(tmp_path)):
        raise KeyError("x")


def test_a_study_that_is_deleted_while_it_runs_is_told_in_one_line(tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        delete_study(f"sqlite:///{tmp_path}/studies.db", "s")
        with (
            pytest.raises(StudyError, match=r"study\.storage: the study was deleted from the database"),
            place_faults_named(str(tmp_path)),
        ):
            book.specs()
