import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.errors import is_full
from sweeper.locks import file_lock
from sweeper.task.prepared import FACTS, LOCK, UNFINISHED, new_array, prepare_once


def test_an_array_has_its_space_before_it_is_written(tmp_path: Path) -> None:
    array = new_array(tmp_path / "a.npy", (512, 1024), np.float32)
    assert os.stat(tmp_path / "a.npy").st_blocks * 512 >= array.nbytes  # a hole would have none
    array[3] = 1.0
    array.flush()
    assert np.load(tmp_path / "a.npy").sum() == 1024


def test_a_disk_that_cannot_hold_an_array_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match=r"a\.npy") as caught:
        new_array(tmp_path / "a.npy", (8,), np.uint8)
    assert is_full(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_cannot_reserve_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert new_array(tmp_path / "a.npy", (8,), np.uint8).shape == (8,)


def test_what_a_killed_process_was_preparing_is_removed_and_what_others_prepare_is_not(
    tmp_path: Path,
) -> None:
    hour_ago = time.time() - 3600
    for name in ("dead", "alive", "new"):
        (tmp_path / f"{UNFINISHED}{name}").mkdir()
        (tmp_path / f"{UNFINISHED}{name}" / "half.npy").write_bytes(b"x")
    with file_lock(tmp_path / f"{UNFINISHED}alive" / LOCK, 0):
        for name in ("dead", "alive"):
            os.utime(tmp_path / f"{UNFINISHED}{name}", (hour_ago, hour_ago))
        prepared = prepare_once(tmp_path, "sha256:0", build)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"{UNFINISHED}alive", f"{UNFINISHED}new", f"0-{FACTS}"}
    assert {path.name for path in prepared.folder.iterdir()} == {"manifest.json"}


def build(folder: Path) -> dict[str, Any]:
    return {"n_train": 1, "real": False, "facts": {}}
