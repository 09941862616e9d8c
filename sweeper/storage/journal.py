"""How SQLite keeps its file whole: by a write-ahead log on a disk, by a rollback journal on a network.

A write-ahead log lives in memory that all processes share: on one host. On a network file system the
sessions of two hosts would each see their own, and damage what the other has written (sqlite.org/wal).
"""

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa

MOUNTS = Path("/proc/self/mountinfo")
_HOSTS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs")
_GUESTS = ("9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs")
_CLUSTERS = ("lustre", "gpfs", "beegfs", "fhgfs", "ceph", "glusterfs", "gfs2", "ocfs2", "orangefs", "pvfs2")
NETWORK = frozenset((*_HOSTS, *_GUESTS, *_CLUSTERS, "panfs", "wekafs"))
"""Types of file systems that several hosts may have mounted; those of `fuse.` too, but for local ones."""
LOCAL_FUSE = frozenset({"fuseblk", "fuse.ext2", "fuse.ntfs-3g", "fuse.fuse-overlayfs", "fuse.mergerfs"})


def choose_journal(engine: sa.Engine) -> str:
    """Choose how the database writes; what is to be said of its place, "" where nothing is.

    Waits, and fails as a locked database does, where others have one on a network open with a write-ahead
    log. With such a log readers and the writer do not wait for each other, nor a commit for the disk. A
    process that is killed loses nothing. A machine that loses power may lose the last commits, never the
    file: runs that ended just then are run again.
    """
    if engine.dialect.name != "sqlite":
        return ""
    with engine.connect() as connection:
        path = connection.exec_driver_sql("PRAGMA database_list").fetchone()[2]  # type: ignore[index]
        if not path:
            return ""  # in memory, and gone with its connection
        kind = file_system_of(Path(path))
        wanted = "DELETE" if kind else "WAL"
        connection.exec_driver_sql(f"PRAGMA journal_mode={wanted}")
    if not kind:
        sa.event.listen(engine, "connect", _commit_without_waiting)
    engine.dispose()
    if not kind:
        return ""
    where = f"study.storage: '{path}' lies on a network file system ({kind})"
    advice = "a database server (study.storage=postgresql+psycopg://...) is faster, and takes several hosts"
    return f"{where}: it is written without a write-ahead log, each commit waits; {advice}"


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """The type of the network file system that holds `path`, such as nfs4; "" for a disk, or if unknown."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:  # no Linux
        return ""
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        head, _, tail = line.partition(" - ")
        mounted = head.split()[4].encode().decode("unicode_escape")  # a space is written \\040
        if _is_below(place, mounted) and len(mounted) >= len(best):
            best, kind = mounted, tail.split()[0]
    is_network = kind in NETWORK or (kind.startswith("fuse.") and kind not in LOCAL_FUSE)
    return kind if is_network else ""


def _is_below(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")


def _commit_without_waiting(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
