"""Parts of files are read over connections that are kept, however the bytes come."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from outpour.base.bulk_receive import LOW_WATER
from outpour.base.errors import NetworkError
from outpour.base.http_probe import RemoteFile
from outpour.base.http_ranges import RangeReader

BODY = os.urandom(3 * LOW_WATER)


class Server:
    """Answers one connection after the other, with what a function sends as the body."""

    def __init__(self, answer: Callable[[socket.socket, int, int], None]) -> None:
        self.accepted = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/a"
        self.file = RemoteFile(url, url, len(BODY), has_ranges=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with connection, connection.makefile("rb") as lines, suppress(OSError):
                for line in lines:
                    if line.startswith(b"Range"):
                        start, last = map(int, line.partition(b"=")[2].split(b"-"))
                    elif line == b"\r\n":
                        self._head(connection, start, last)
                        self._answer(connection, start, last + 1)

    def _head(self, connection: socket.socket, start: int, last: int) -> None:
        head = (
            "HTTP/1.1 206 Partial Content",
            f"Content-Range: bytes {start}-{last}/{len(BODY)}",
            f"Content-Length: {last + 1 - start}\r\n\r\n",
        )
        connection.sendall("\r\n".join(head).encode())


def read(
    reader: RangeReader, start: int, stop: int, told: Callable[[int], None] = lambda _: None
) -> bytearray:
    found = bytearray(stop - start)
    reader.read_into(start, memoryview(found), told)
    return found


def test_parts_of_all_lengths_come_over_one_connection():
    with (
        Server(lambda connection, start, stop: connection.sendall(BODY[start:stop])) as server,
        closing(RangeReader(server.file)) as reader,
    ):
        for start, stop in [(0, 1), (5, 9000), (9000, 9000 + LOW_WATER), (1, len(BODY)), (7, 8)]:
            assert read(reader, start, stop) == BODY[start:stop]
        assert server.accepted == 1


def test_what_has_come_is_taken_though_the_server_waits_before_it_sends_more():
    come, total, taken = LOW_WATER // 2, 0, threading.Event()

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start : start + come])
        taken.wait(20)
        connection.sendall(BODY[start + come : stop])

    def told(count: int) -> None:
        nonlocal total
        total += count
        if total == come:
            taken.set()

    with Server(answer) as server, closing(RangeReader(server.file)) as reader:
        assert read(reader, 0, len(BODY), told) == BODY
        assert taken.is_set()


def test_who_waits_for_a_silent_server_can_be_told_to_stop():
    ended = threading.Event()

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start:LOW_WATER])
        ended.set()

    with (
        Server(answer) as server,
        closing(RangeReader(server.file, ended=ended)) as reader,
        pytest.raises(NetworkError),
    ):
        read(reader, 0, len(BODY))


def test_a_silent_server_is_given_up_after_a_while(monkeypatch):
    monkeypatch.setattr("outpour.base.http_ranges.STALL_S", 0.1)
    monkeypatch.setattr("outpour.base.http_ranges.FAILURES_MAX", 1)

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start:LOW_WATER])

    with (
        Server(answer) as server,
        closing(RangeReader(server.file)) as reader,
        pytest.raises(NetworkError, match="timed out"),
    ):
        read(reader, 0, len(BODY))


def test_an_answer_that_breaks_off_is_asked_for_from_there(monkeypatch):
    monkeypatch.setattr("outpour.base.http_ranges.PAUSE_S", 0.001)
    part = LOW_WATER + 1000

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start : min(stop, start + part)])
        if stop - start > part:
            connection.shutdown(socket.SHUT_RDWR)

    with Server(answer) as server, closing(RangeReader(server.file)) as reader:
        assert read(reader, 0, len(BODY)) == BODY
        assert server.accepted == 3
