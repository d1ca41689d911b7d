"""TLS that takes from the system all that has come at once (RFC 8446).

OpenSSL by itself asks the system twice for every record, which has 16 KiB at the most: a fifth of
what it costs to receive.
"""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import suppress
from typing import Any

from outpour.base.units import KIB

ROOM = 64 * KIB
"""Taken at once, by who reads little."""


class TlsSocket:
    """Stands for a socket on whose connection TLS is spoken; the handshake is done with it.

    Args:
        connection: To the server; it is closed where the handshake fails.
        context: Whom to trust.
        name: Of the server, as its certificate is to have it.

    Raises:
        OSError: The connection broke, or whoever answers is not to be trusted.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, name: str) -> None:
        self._connection = connection
        self._came, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._leaving, server_hostname=name)
        self._room = memoryview(bytearray(ROOM))
        self._readers = 0
        self._is_closed = False
        try:
            self._shake_hands()
        except BaseException:
            # It wants to know why.
            with suppress(OSError):
                self._send()
            connection.close()
            raise

    def fileno(self) -> int:
        """What the system knows the connection by."""
        return self._connection.fileno()

    def gettimeout(self) -> float | None:
        """As that of the socket below."""
        return self._connection.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        """As that of the socket below."""
        self._connection.settimeout(seconds)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """As that of the socket below."""
        self._connection.setsockopt(level, option, value)

    def sendall(self, data: Any) -> None:  # noqa: ANN401 - any bytes
        """Send all of it."""
        with memoryview(data).cast("B") as view:
            at = 0
            while at < len(view):
                at += self._tls.write(view[at:])
        self._send()

    def recv_into(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Wait for something and return how many bytes there were, 0 at the end of the stream."""
        with memoryview(buffer).cast("B") as view:
            while (count := self.decipher(view)) is None:
                self.take()
        return count

    def decipher(self, buffer: memoryview) -> int | None:
        """Return how many bytes came of a record that was taken, None if none is there as a whole.

        0 is the end of the stream.
        """
        if not len(buffer):
            return 0
        try:
            count = self._tls.read(len(buffer), buffer)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0
        finally:
            if self._leaving.pending:
                self._send()
        return int(count)

    def take(self) -> None:
        """Take from the system what has come, waiting for it as the timeout says."""
        count = self._connection.recv_into(self._room)
        if count:
            self._came.write(self._room[:count])
        else:
            self._came.write_eof()

    def widen(self, length: int) -> None:
        """Take up to so many bytes at once from now on."""
        if length > len(self._room):
            self._room = memoryview(bytearray(length))

    def makefile(self, mode: str, buffering: int = 0) -> io.RawIOBase:
        """Return what reads from it, and keeps it open for that long."""
        del mode, buffering
        self._readers += 1
        return _Reader(self)

    def close(self) -> None:
        """Close the connection as soon as nobody reads from it."""
        self._is_closed = True
        self._close_unread()

    def leave(self) -> None:
        """Take note that somebody reads no more."""
        self._readers -= 1
        self._close_unread()

    def _close_unread(self) -> None:
        if self._is_closed and self._readers <= 0:
            self._connection.close()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send()
                self.take()
            else:
                self._send()
                return

    def _send(self) -> None:
        while self._leaving.pending:
            self._connection.sendall(self._leaving.read())


class _Reader(io.RawIOBase):
    def __init__(self, connection: TlsSocket) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        return self._connection.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._connection.leave()
