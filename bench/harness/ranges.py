"""What a range of a file costs its server: CPU time, on one connection that is kept."""

from __future__ import annotations

import random
import socket
import time
from urllib.parse import urlsplit

from harness.process import BenchError

SIZES = {"16 KiB": 16 << 10, "1 MiB": 1 << 20}
REQUESTS = 800
WARM_UP = 100
"""Before nginx ends a connection, which is after a thousand."""
PROCESS_CLOCK = 2


def cost_us(url: str, pid: int, size: int, length: int) -> float:
    """Ask for ranges here and there; returns the CPU microseconds of the server for each.

    Args:
        url: The file.
        pid: The process that serves it.
        size: Bytes of a range.
        length: Bytes of the file.

    Raises:
        BenchError: Something else than the range came.
    """
    at, places = urlsplit(url), random.Random(size)
    room = memoryview(bytearray(1 << 20))
    clock = ~pid << 3 | PROCESS_CLOCK
    began_s = 0.0
    with socket.create_connection((at.hostname or "", at.port or 80), timeout=20) as connection:
        for turn in range(WARM_UP + REQUESTS):
            if turn == WARM_UP:
                began_s = time.clock_gettime(clock)
            start = places.randrange(length - size)
            connection.sendall(
                f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\n"
                f"Range: bytes={start}-{start + size - 1}\r\n\r\n".encode()
            )
            take(connection, room, size)
    return (time.clock_gettime(clock) - began_s) / REQUESTS * 1e6


def take(connection: socket.socket, room: memoryview, size: int) -> None:
    """Read an answer with a part of a file, of which nothing is kept."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        head += more
        if not more or not head.startswith(b"HTTP/1.1 206"[: len(head)]):
            raise BenchError(f"no range but {head[:80]!r}")
    left = size - len(head.partition(b"\r\n\r\n")[2])
    while left > 0:
        count = connection.recv_into(room[: min(left, len(room))])
        if count == 0:
            raise BenchError("a range ends early")
        left -= count
