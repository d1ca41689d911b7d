"""Receives from a connection in large amounts: who waits is woken once for many packets."""

from __future__ import annotations

import os
import select
import socket

from outpour.base.tls_socket import TlsSocket
from outpour.base.units import KIB

LOW_WATER = 512 * KIB
"""Bytes that are worth waking up for. A gigabyte comes in tens of thousands of packets, and to be
woken by each costs both ends more than to copy it."""
RECORD_MAX = 17 * KIB
"""Of TLS, with its head and its seal (RFC 8446, section 5.2)."""
WAIT_MS = 250
"""What is there by then is taken, however little it is."""


class BulkReceiver:
    """A connection of which much is received, until `close` gives it back.

    Args:
        connection: One that `takes` says yes to.
    """

    def __init__(self, connection: socket.socket | TlsSocket) -> None:
        self._connection = connection
        self._low_water = 1
        self._timeout_s = connection.gettimeout()
        connection.settimeout(0)
        if isinstance(connection, TlsSocket):
            connection.widen(LOW_WATER)
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    @staticmethod
    def takes(connection: socket.socket | TlsSocket | None) -> bool:
        """Whether this is a connection for it, on a system that waits so."""
        return os.name == "posix" and isinstance(connection, (socket.socket, TlsSocket))

    def receive(self, buffer: memoryview) -> int | None:
        """Return how many bytes came, 0 at the end of the stream, None if none came in a while.

        Args:
            buffer: Nothing else may come before it is full.

        Raises:
            OSError: The connection broke.
        """
        if isinstance(self._connection, TlsSocket):
            return self._receive_records(self._connection, buffer)
        # To wait in `recv` is no good: it takes the little that is there, and then waits for the
        # mark anew, though the rest of the answer may be less than that.
        self._wait_for(len(buffer))
        try:
            return self._connection.recv_into(buffer)
        except BlockingIOError:
            return None

    def _receive_records(self, connection: TlsSocket, buffer: memoryview) -> int | None:
        done = 0
        has_waited = False
        while done < len(buffer):
            # One record at a time is all that OpenSSL gives.
            count = connection.decipher(buffer[done:])
            if count is None:
                if done or has_waited:
                    break
                # Of a record that has come in part OpenSSL has taken that part.
                self._wait_for(len(buffer) - RECORD_MAX)
                has_waited = True
                try:
                    connection.take()
                except BlockingIOError:
                    break
                continue
            if not count:
                return done
            done += count
        return done or None

    def _wait_for(self, count: int) -> None:
        self._set_low_water(max(1, min(LOW_WATER, count)))
        self._poll.poll(WAIT_MS)

    def close(self) -> None:
        """Have its next reader woken by whatever comes, and by its timeout."""
        self._set_low_water(1)
        self._connection.settimeout(self._timeout_s)

    def _set_low_water(self, count: int) -> None:
        if count != self._low_water:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
            self._low_water = count
