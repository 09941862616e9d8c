"""Parts of a throw-away cluster as processes: each a tree that can be seen, killed and started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.cluster import keeper
from tests.cluster.keeper import below, kill_below
from tests.faults.harness import wait_for


class Part:
    """A server and all that it starts, directly or not; it does not outlive this process."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._command, self._environment = command, environment
        self._keeper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Again, where it was killed; its words go to the end of its log."""
        self.kill()
        with self.log.open("ab") as words:
            self._keeper = subprocess.Popen(
                [sys.executable, keeper.__file__, *self._command],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    def pids(self, named: str = "") -> list[int]:
        """Its living processes; with `named`, those whose command line has that in it."""
        living = [] if self._keeper is None else below(self._keeper.pid)
        return [pid for pid in living if named in _command_line(pid)]

    def kill(self) -> None:
        """All of it at once, as when the power fails."""
        if self._keeper is not None:
            kill_below(self._keeper.pid)
            self._keeper.terminate()  # it may be about to start the command
            self._keeper.wait()
            self._keeper = None

    def kill_one(self, named: str) -> None:
        """Only those processes; what becomes of the others is up to them."""
        for pid in self.pids(named):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.pids(named), 10.0)


def free_ports(n: int) -> list[int]:
    """Ports of loopback that nobody has now."""
    with ExitStack() as stack:
        ends = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [end.getsockname()[1] for end in ends]


def last_words(parts: Sequence[Part]) -> str:
    """The end of what each said."""
    return "\n".join(f"{part.log}: {part.log.read_text()[-1500:]}" for part in parts if part.log.exists())


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
