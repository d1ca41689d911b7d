"""A server of a few lines: what it does with a connection is up to the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
Serve = Callable[[socket.socket], object]


class LittleServer:
    """Takes connections on loopback, and serves each in a thread; none that breaks is an error.

    Args:
        serve: Takes each of them.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            self._serve(connection)

    def close(self) -> None:
        # Closing alone leaves a thread that waits in `accept` where it is.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Callers(LittleServer):
    """Hangs up on everybody, and keeps from which address each came."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        super().__init__(lambda connection: self.hosts.append(connection.getpeername()[0]))


def answers(raw: bytes, heard: list[bytes] | None = None) -> Serve:
    """Read one request, give this answer, and hang up."""

    def serve(connection: socket.socket) -> None:
        request = connection.recv(65536)
        if heard is not None:
            heard.append(request)
        connection.sendall(raw)

    return serve
