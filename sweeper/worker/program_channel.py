"""The worker's end of the streams from a program's processes: JSON lines of bounded size."""

import json
import os
import selectors
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 128 * 2**20
"""Eight million values by example."""
MAX_PATH_BYTES = 100
"""What every system takes as the name of a socket."""
OURS = Path(__file__).parent.parent
"""The package that an app imports `report` from."""


@dataclass(eq=False)
class Speaker:
    """A process of the program that has connected."""

    connection: socket.socket
    unread: bytearray = field(default_factory=bytearray)

    def answer(self, word: str) -> None:
        """Answer its last report; one that is gone wants no answer."""
        with suppress(OSError):
            self.connection.send(f"{word}\n".encode())


@dataclass(frozen=True)
class Said:
    """A message, and whom to answer. `problem` instead, where it is none: nothing more is read from there."""

    speaker: Speaker
    message: dict[str, Any]
    problem: str = ""


class ProgramChannel:
    """A folder of our own with a socket, and everybody who has connected to it.

    `path` is the socket's. Beside it is a link to this package, so that an app that runs in another
    environment can import it.
    """

    def __init__(self) -> None:
        self.folder = folder_with_us()
        self.path = self.folder / "socket"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def also_wake_at(self, descriptor: int) -> None:
        """Have `receive` return when there is something to read there."""
        self._selector.register(descriptor, selectors.EVENT_READ, data="other")

    def receive(self, timeout_s: float) -> list[Said]:
        """What was said since, waiting so long for it."""
        said: list[Said] = []
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, Speaker):
                said += self._read(key.data)
            elif key.data is None:
                self._accept()
        return said

    def rest(self) -> list[Said]:
        """All that is still to be read, once nobody is there any more to say anything."""
        said: list[Said] = []
        while any(key.data != "other" for key, _ in self._selector.select(0)):
            said += self.receive(0)
        return said

    def close(self) -> None:
        """Let go of everything, the folder too."""
        for key in tuple((self._selector.get_map() or {}).values()):
            if isinstance(key.data, Speaker):
                self._drop(key.data)
        self._selector.close()
        self._listener.close()
        with suppress(OSError):
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, data=Speaker(connection))

    def _read(self, speaker: Speaker) -> list[Said]:
        try:
            part = speaker.connection.recv(2**20)
        except BlockingIOError:
            return []
        except OSError:
            part = b""
        if not part:
            self._drop(speaker)
            return []
        try:
            return [Said(speaker, message) for message in _messages(speaker.unread, part)]
        except ValueError as error:
            self._drop(speaker)
            return [Said(speaker, {}, f"what a process of the program said cannot be understood: {error}")]

    def _drop(self, speaker: Speaker) -> None:
        self._selector.unregister(speaker.connection)
        speaker.connection.close()


def _messages(unread: bytearray, part: bytes) -> Iterator[dict[str, Any]]:
    """The messages that are whole now; the beginning of the next stays in `unread`. Raises ValueError."""
    unread += part
    if len(unread) > MAX_LINE_BYTES:
        raise ValueError(f"a line of more than {MAX_LINE_BYTES} bytes")
    if b"\n" not in part:
        return
    *lines, rest = unread.split(b"\n")
    unread[:] = rest
    for line in lines:
        message = json.loads(line)
        if not isinstance(message, dict) or not _are_numbers(message.get("figures", {})):
            raise ValueError(f"{bytes(line[:80])!r} is no message")
        yield message


def _are_numbers(figures: Any) -> bool:
    return isinstance(figures, dict) and all(isinstance(value, int | float) for value in figures.values())


def folder_with_us() -> Path:
    """A private folder, to be the last place where a program looks, with a link to this package."""
    folder = _short_folder()
    (folder / OURS.name).symlink_to(OURS)
    return folder


def _short_folder() -> Path:
    """A new folder that nobody else can enter, with a name that leaves room for a socket's."""
    folder = tempfile.mkdtemp(prefix="sweeper-")
    if len(os.fsencode(folder)) <= MAX_PATH_BYTES - len("/socket"):
        return Path(folder)
    os.rmdir(folder)
    return Path(tempfile.mkdtemp(prefix="sweeper-", dir="/tmp"))
