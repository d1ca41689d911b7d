"""Receives from a plain connection in large amounts: who waits is woken once for many packets."""

from __future__ import annotations

import os
import socket
import struct

from outpour.base.units import KIB

LOW_WATER = 512 * KIB
"""Bytes that are worth waking up for. A gigabyte comes in tens of thousands of packets, and to be
woken by each costs both ends more than to copy it."""
WAIT_S = 0.25
"""What is there by then is taken, however little it is."""


class BulkReceiver:
    """A connection of which much is received, until `close` gives it back.

    Args:
        connection: One that `takes` says yes to.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._low_water = 1
        self._timeout_s = connection.gettimeout()
        connection.settimeout(None)
        wait = struct.pack("ll", int(WAIT_S), int(WAIT_S % 1 * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)

    @staticmethod
    def takes(connection: socket.socket | None) -> bool:
        """Whether this is a connection for it: one without TLS, on a system that waits so."""
        return os.name == "posix" and type(connection) is socket.socket

    def receive(self, buffer: memoryview) -> int | None:
        """Return how many bytes came, 0 at the end of the stream, None if none came in a while.

        Args:
            buffer: Nothing else may come before it is full.

        Raises:
            OSError: The connection broke.
        """
        # Fewer bytes than the mark, if no more are to come, would wake nobody.
        self._set_low_water(LOW_WATER if len(buffer) >= LOW_WATER else 1)
        try:
            return self._connection.recv_into(buffer)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Have its next reader woken by whatever comes, and by its timeout."""
        self._set_low_water(1)
        self._connection.settimeout(self._timeout_s)

    def _set_low_water(self, count: int) -> None:
        if count != self._low_water:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
            self._low_water = count
