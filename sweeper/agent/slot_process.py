"""The worker process of one slot: started, handed frames, ended; and why it ended, in words."""

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread

from sweeper.trial import Runner
from sweeper.worker import OWN_PATH, Channel, ChannelError, ending

REAP_S = 5.0
MODULE = "sweeper.worker.slot"
SAME_PATH = ("-P",)
"""Python's option for a path without the current folder in front, where this process may not have it."""
MAX_WORDS = 2000
"""Characters of a dead worker's standard error that are read."""

log = logging.getLogger(__name__)


class SlotProcess:
    """A `sweeper.worker.slot` of our own, and the thread that reads what it says.

    `on_frame(raw)` and, once, `on_end(problem)` are called from that thread; `problem` is how the worker
    broke the rules of the channel, or None where the stream simply ended. `on_frame` may raise ChannelError.
    `cwd`: where it works, the folder of this process unless told otherwise. `runner`: of what kind its jobs
    will be, where that is known: it imports what they need without waiting for the first of them.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        on_frame: Callable[[bytes], None],
        on_end: Callable[[str | None], None],
        cwd: Path | None = None,
        runner: Runner | None = None,
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        # what it says before its first job or after its last; during a job all goes to the run's log
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `reap`
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *SAME_PATH,
                    "-m",
                    MODULE,
                    str(theirs.fileno()),
                    *([runner] if runner else []),
                ],
                env={**os.environ, **import_path(), **environment},
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                start_new_session=True,  # Ctrl-C and a closed terminal are the parent's to hear
            )
        self._channel = Channel(ours)
        self._on_frame, self._on_end = on_frame, on_end
        self._reader = Thread(target=self._read, name=f"worker {self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, as `subprocess` says it; None while it runs."""
        return self._process.poll()

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.returncode is None

    def send(self, raw: bytes) -> None:
        """Hand it a frame; one that is dead or dying gets none, as `on_end` will tell."""
        with suppress(ChannelError):
            self._channel.send_raw(raw)

    def finish(self) -> None:
        """No more jobs: it leaves, after its present step."""
        self._channel.finish()

    def kill(self) -> None:
        """End it at once; works on a stopped process too."""
        with suppress(ProcessLookupError):
            self._process.kill()

    def ask_to_leave(self) -> None:
        """Have it leave after its present step, however long that takes, with a checkpoint (SIGTERM)."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within `timeout_s`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return not self.is_running()

    def reap(self) -> str:
        """See it to its end, by force if need be, and let go of everything; how it ended, in words."""
        if not self.wait(REAP_S):
            self.kill()
            self._process.wait()
        self._channel.close()
        self._reader.join(REAP_S)
        words = self._last_words()
        self._words.close()
        return ending(self._process.returncode, words)

    def _read(self) -> None:
        problem = None
        try:
            while (raw := self._channel.receive()) is not None:
                self._on_frame(raw)
        except ChannelError as error:
            problem = str(error)
            log.warning("worker %d is dropped: %s", self.pid, problem)
        self._on_end(problem)

    def _last_words(self) -> str:
        with suppress(OSError, ValueError):
            size = self._words.seek(0, os.SEEK_END)
            self._words.seek(max(0, size - MAX_WORDS))
            return self._words.read().decode(errors="replace")
        return ""


def import_path() -> dict[str, str]:
    """The worker imports from where this process does, in the same order; start it with `SAME_PATH`.

    What it starts itself imports from where the user said.
    """
    path = os.pathsep.join(path or os.getcwd() for path in sys.path)
    return {"PYTHONPATH": path, OWN_PATH: os.environ.get(OWN_PATH, os.environ.get("PYTHONPATH", ""))}
