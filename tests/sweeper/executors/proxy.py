"""Somebody between a study and an agent: passes bytes on, keeps them, or stops passing them."""

import socket
from contextlib import suppress
from threading import Thread
from urllib.parse import urlsplit


class Proxy:
    """Listens on loopback for one study. While it `is_deaf`, what comes is swallowed and nothing closes."""

    def __init__(self, address: str) -> None:
        there = urlsplit(address)
        self._there = (there.hostname or "", there.port or 0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"{there.scheme}://127.0.0.1:{self._server.getsockname()[1]}"
        self.is_deaf = False
        self.kept: dict[str, bytes] = {"to study": b"", "to agent": b""}
        self._sockets: list[socket.socket] = []
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End all connections."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._accepting.join()
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def send_to_study(self, raw: bytes) -> None:
        """Words of its own, in an agent's place."""
        self._sockets[1].sendall(raw)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                agent, _ = self._server.accept()
                self._sockets.append(agent)
                study = socket.create_connection(self._there)
                self._sockets.append(study)
                for name, source, target in (("to study", agent, study), ("to agent", study, agent)):
                    Thread(target=self._pass, args=(name, source, target), daemon=True).start()

    def _pass(self, name: str, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while raw := source.recv(65536):
                if not self.is_deaf:
                    self.kept[name] += raw
                    target.sendall(raw)
            if not self.is_deaf:
                target.shutdown(socket.SHUT_WR)
