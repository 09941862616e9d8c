from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.storage import journal
from sweeper.storage.journal import choose_journal, file_system_of
from sweeper.storage.storage import Storage

MOUNTS = r"""22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:3 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/me/scratch rw,relatime - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/a\040b rw - fuse.sshfs me@host: rw
33 22 0:43 / /lustre rw shared:9 master:1 - lustre 10.0.0.1@tcp:/lustre rw
34 22 0:44 / /snap rw - fuse.fuse-overlayfs overlay rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/studies.db", ""),
        ("/home/me/studies.db", "nfs4"),
        ("/home/me/scratch/studies.db", ""),
        ("/homes/studies.db", ""),
        ("/mnt/a b/studies.db", "fuse.sshfs"),
        ("/lustre/x/studies.db", "lustre"),
        ("/snap/studies.db", ""),
    ],
)
def test_the_nearest_mount_decides(path: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system_of(Path(path), mounts) == kind
    assert file_system_of(Path(path), tmp_path / "none") == ""


def test_on_a_disk_there_is_a_write_ahead_log_and_nothing_to_say(tmp_path: Path) -> None:
    said: list[str] = []
    with_storage(tmp_path, said)
    assert (mode(tmp_path), said) == ("wal", [])


def test_on_a_network_there_is_none_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "file_system_of", lambda path: "nfs4")
    said: list[str] = []
    with_storage(tmp_path, said)
    assert mode(tmp_path) == "delete"
    assert len(said) == 1
    assert "network file system (nfs4)" in said[0]
    assert "postgresql" in said[0]


def test_a_log_that_others_write_on_a_network_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_storage(tmp_path, [])
    monkeypatch.setattr(journal, "file_system_of", lambda path: "lustre")
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    other = sa.create_engine(url)
    with other.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM sweeper_runs").scalar()
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            choose_journal(sa.create_engine(url, connect_args={"timeout": 0.1}))


def with_storage(folder: Path, said: list[str]) -> None:
    storage = Storage(f"sqlite:///{folder / 'studies.db'}", "a", "owner")
    storage.warn_of_waits(said.append, lambda: False)
    storage.close()


def mode(folder: Path) -> str:
    with sa.create_engine(f"sqlite:///{folder / 'studies.db'}").connect() as connection:
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
