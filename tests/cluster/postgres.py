"""A throw-away PostgreSQL on loopback: `with postgres(folder) as server: ... server.url ...`.

    python -m tests.cluster.postgres      starts one, prints its URL, stops it at the end of the input

PostgreSQL refuses to run as root, so its processes are those of the user postgres there. With
SWEEPER_CLUSTER_INSTALL=1, and as root, Debian's packages are installed where they are missing.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

INSTALL = "SWEEPER_CLUSTER_INSTALL"
USER = "postgres"


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds all that it writes."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Of its database `sweeper`, for SQLAlchemy."""
        return self.url_of("sweeper")

    def url_of(self, database: str) -> str:
        """Of any of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off"
        _run(self.folder, "pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it; `immediate` is what a power failure would be."""
        _run(self.folder, "pg_ctl", "-D", "data", "-m", how, "-w", "stop")

    def create(self, database: str) -> str:
        """One more database; its URL."""
        _run(self.folder, "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, database)
        return self.url_of(database)

    def cut_connections(self) -> int:
        """End all connections of others; how many there were."""
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
        )
        return int(self.ask(query))

    def ask(self, query: str, database: str = USER) -> str:
        """What psql prints."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database]
        return _run(self.folder, "psql", *where, "-Atc", query).strip()


def missing() -> str | None:
    """What this machine lacks for a server and its clients; None where all is there."""
    if not programs() and not _install():
        return f"PostgreSQL is not installed (apt-get install postgresql, or {INSTALL}=1 as root)"
    if find_spec("psycopg") is None:
        return 'the driver psycopg is not installed (pip install "sweeper[postgres]")'
    if os.geteuid() == 0 and not _has_user():
        return f"there is no user {USER}, as whom root has PostgreSQL run"
    return None


def programs() -> Path | None:
    """Where Debian, or the path, has PostgreSQL's programs; the latest of several versions."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@contextmanager
def postgres() -> Iterator[Server]:
    """A new, empty server on a free port of loopback, with a database `sweeper`; it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path may have 107 characters
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _run(folder, "initdb", "-D", "data", "-A", "trust", "-U", USER, "--no-sync")
        server = Server(folder, _free_port())
        server.start()
        try:
            server.create("sweeper")
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, program: str, *words: str) -> str:
    where = programs()
    assert where is not None
    command: Sequence[str] = [str(where / program), *words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", USER, "--", *command]
    with (folder / "said").open("w+") as said:  # a server would keep a pipe open
        done = subprocess.run(command, cwd=folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        said.seek(0)
        text = said.read()
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, text)
    return text


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _has_user() -> bool:
    return any(entry.pw_name == USER for entry in pwd.getpwall())


def _install() -> bool:
    if os.environ.get(INSTALL) != "1" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return programs() is not None


def main() -> None:
    """Start a server, print its URL, stop it when the input ends."""
    if problem := missing():
        sys.exit(problem)
    with postgres() as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
