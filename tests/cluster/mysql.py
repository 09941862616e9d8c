"""A throw-away MariaDB on loopback, as `tests.cluster.postgres` has PostgreSQL."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.faults.harness import wait_for

SERVER = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
USER = "mysql"


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    port: int

    def create(self, database: str) -> str:
        """A new database; its URL."""
        self.ask(f"CREATE DATABASE `{database}`")
        return f"mysql+pymysql://tester:secret@127.0.0.1:{self.port}/{database}"

    def cut_connections(self) -> int:
        """End all connections of others; how many there were."""
        rows = self.ask("SELECT id FROM information_schema.processlist WHERE user = 'tester'").split()
        for row in rows:
            self.ask(f"KILL {row}", may_fail=True)
        return len(rows)

    def ask(self, statement: str, *, may_fail: bool = False) -> str:
        """What the client prints."""
        command = ["mariadb", "-uroot", "-S", str(self.folder / "socket"), "-N", "-e", statement]
        done = subprocess.run(command, capture_output=True, text=True)
        assert may_fail or done.returncode == 0, done.stderr
        return done.stdout


def missing() -> str | None:
    """What this machine lacks; None where all is there."""
    if SERVER is None or shutil.which("mariadb-install-db") is None:
        return "MariaDB is not installed (apt-get install mariadb-server)"
    if find_spec("pymysql") is None:
        return 'the driver pymysql is not installed (pip install "sweeper[mysql]")'
    return None if os.geteuid() == 0 else "only root can start it here, as the user mysql"


@contextmanager
def mysql() -> Iterator[Server]:
    """A new server on a free port; it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="my-"))
    shutil.chown(folder, USER)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    server, data = Server(folder, port), f"--datadir={folder / 'data'}"
    made = ["mariadb-install-db", f"--user={USER}", data, "--auth-root-authentication-method=normal"]
    subprocess.run([*made, "--skip-test-db"], check=True, capture_output=True)
    where = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    command = [
        "runuser",
        "-u",
        USER,
        "--",
        str(SERVER),
        "--no-defaults",
        data,
        *where,
        f"--pid-file={folder}/pid",
    ]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        wait_for(lambda: (folder / "socket").exists(), 60, lambda: (folder / "said").read_text()[-2000:])
        server.ask("GRANT ALL ON *.* TO tester@'127.0.0.1' IDENTIFIED BY 'secret'")
        yield server
    finally:
        process.terminate()  # runuser passes it on
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
