"""Parts of files are read over connections that are kept, however the bytes come."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from outpour.base.bulk_receive import LOW_WATER
from outpour.base.errors import NetworkError
from outpour.base.http_probe import RemoteFile
from outpour.base.http_ranges import RangeReader
from outpour.base.http_route import DIRECT, Route
from tests.certificates import make_certificate

BODY = os.urandom(3 * LOW_WATER)


class Server:
    """Answers one connection after the other, with what a function sends as the body."""

    context: ssl.SSLContext | None = None
    route = DIRECT

    def __init__(self, answer: Callable[[socket.socket, int, int], None]) -> None:
        self.accepted = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        scheme = "https" if self.context else "http"
        url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/a"
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
            with connection, suppress(OSError):
                self._speak(connection)

    def _speak(self, connection: socket.socket) -> None:
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rb") as lines:
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


@pytest.fixture(params=["http", "https"], autouse=True)
def scheme(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    if request.param == "https":
        certificate, key = make_certificate(tmp_path_factory.getbasetemp())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        monkeypatch.setattr(Server, "context", context)
        monkeypatch.setattr(Server, "route", Route(ca_file=certificate))
    return str(request.param)


def reader_of(server: Server, ended: threading.Event | None = None) -> RangeReader:
    return RangeReader(server.file, route=server.route, ended=ended)


def read(
    reader: RangeReader,
    start: int,
    stop: int,
    told: Callable[[int], None] = lambda _: None,
    whole: int | None = None,
) -> bytearray:
    found = bytearray(stop - start)
    reader.read_into(start, memoryview(found), told, whole)
    return found


def test_parts_of_all_lengths_come_over_one_connection():
    with (
        Server(lambda connection, start, stop: connection.sendall(BODY[start:stop])) as server,
        closing(reader_of(server)) as reader,
    ):
        for start, stop in [(0, 1), (5, 9000), (9000, 9000 + LOW_WATER), (1, len(BODY)), (7, 8)]:
            assert read(reader, start, stop) == BODY[start:stop]
        assert server.accepted == 1


def test_what_has_come_is_taken_though_the_server_waits_before_it_sends_more():
    come, total, taken = LOW_WATER // 2, 0, threading.Event()

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start : start + come])
        taken.wait(60)
        connection.sendall(BODY[start + come : stop])

    def told(count: int) -> None:
        nonlocal total
        total += count
        if total == come:
            taken.set()

    with Server(answer) as server, closing(reader_of(server)) as reader:
        assert read(reader, 0, len(BODY), told) == BODY
        assert taken.is_set()


def test_who_waits_for_a_silent_server_can_be_told_to_stop():
    ended = threading.Event()

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start:LOW_WATER])
        ended.set()

    with (
        Server(answer) as server,
        closing(reader_of(server, ended)) as reader,
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
        closing(reader_of(server)) as reader,
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

    with Server(answer) as server, closing(reader_of(server)) as reader:
        assert read(reader, 0, len(BODY)) == BODY
        assert server.accepted == 3


def test_what_is_asked_for_at_once_comes_part_by_part():
    asked = []

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        asked.append((start, stop))
        connection.sendall(BODY[start:stop])

    middle, end = LOW_WATER + 7, len(BODY)
    with Server(answer) as server, closing(reader_of(server)) as reader:
        assert read(reader, 0, 5, whole=end) == BODY[:5]
        assert read(reader, 5, middle, whole=end) == BODY[5:middle]
        assert read(reader, middle, end, whole=end) == BODY[middle:]
    assert asked == [(0, end)]


def test_the_rest_of_an_answer_is_not_waited_for_once_it_is_there(monkeypatch):
    monkeypatch.setattr("outpour.base.bulk_receive.WAIT_MS", 60_000)
    part = LOW_WATER * 3 // 4
    taken = threading.Semaphore(0)

    def answer(connection: socket.socket, start: int, stop: int) -> None:
        connection.sendall(BODY[start : start + part])
        # Whoever has taken that part already waits for less than the mark.
        taken.acquire(timeout=0.02)
        connection.sendall(BODY[start + part : stop])

    began = time.monotonic()
    with Server(answer) as server, closing(reader_of(server)) as reader:
        for _ in range(8):
            told = lambda _: taken.release()  # noqa: E731
            assert read(reader, 0, 2 * part, told) == BODY[: 2 * part]
    assert time.monotonic() - began < 30


def test_a_certificate_that_nobody_signed_is_told_at_once_with_the_way_to_trust_it(scheme):
    if scheme == "http":
        pytest.skip("has no certificate")
    with (
        Server(lambda *_: None) as server,
        closing(RangeReader(server.file, route=Route(ca_flag="--ca-file"))) as reader,
        pytest.raises(NetworkError, match="its certificate is not trusted") as refused,
    ):
        read(reader, 0, 5)
    assert server.accepted == 1
    assert "`--ca-file FILE`" in str(refused.value.hint)
