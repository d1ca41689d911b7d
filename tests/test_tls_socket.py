"""TLS whose bytes are taken from the system by the many: they are those that were sent."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpour.base.tls_socket import ROOM, TlsSocket
from tests.certificates import make_certificate
from tests.peers.little_server import LittleServer
from tests.waiting import wait_for

Serve = Callable[[ssl.SSLSocket], object]


class Server(LittleServer):
    """Speaks TLS with whoever comes, as a function says."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.trusting = ssl.create_default_context(cafile=certificate)
        self.serve: Serve = lambda _: None
        self.faults: list[OSError] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        super().__init__(self._speak)

    def _speak(self, raw: socket.socket) -> None:
        try:
            with self._context.wrap_socket(raw, server_side=True) as connection:
                self.serve(connection)
        except OSError as error:
            self.faults.append(error)

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def connect(self) -> TlsSocket:
        return TlsSocket(self.dial(), self.trusting, "127.0.0.1")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(*make_certificate(tmp_path_factory.mktemp("tls")))
    yield made
    made.close()


def all_of(connection: TlsSocket, room: int = ROOM) -> bytes:
    body, buffer = b"", bytearray(room)
    while count := connection.recv_into(buffer):
        body += buffer[:count]
    return body


@settings(max_examples=50)
@given(
    writes=st.lists(st.integers(1, 3 * ROOM), max_size=8), room=st.integers(1000, 2 * ROOM),
    taken=st.sampled_from([ROOM, 1 << 20]),
)  # fmt: skip
def test_what_comes_is_what_was_sent(server: Server, writes: list[int], room: int, taken: int):
    sent = [os.urandom(length) for length in writes]

    def serve(connection: ssl.SSLSocket) -> None:
        for part in sent:
            connection.sendall(part)
        connection.unwrap()

    server.serve = serve
    connection = server.connect()
    connection.widen(taken)
    assert all_of(connection, room) == b"".join(sent)
    connection.close()


@pytest.mark.parametrize("length", [0, 1, 20_000, 1_000_000])
def test_what_is_sent_is_what_comes(server: Server, length: int):
    def serve(connection: ssl.SSLSocket) -> None:
        asked = b""
        while len(asked) < length:
            asked += connection.recv(65_536)
        connection.sendall(asked[::-1] or b"nothing")

    server.serve = serve
    body = os.urandom(length)
    connection = server.connect()
    connection.sendall(body)
    assert all_of(connection) == (body[::-1] or b"nothing")
    connection.close()


def test_an_end_without_goodbye_is_the_end_of_the_stream(server: Server):
    server.serve = lambda connection: connection.sendall(b"some")
    connection = server.connect()
    assert all_of(connection) == b"some"
    connection.close()


def test_a_server_that_says_nothing_is_not_waited_for_longer_than_the_timeout(server: Server):
    is_over = threading.Event()
    server.serve = lambda _: is_over.wait(60)
    connection = server.connect()
    connection.settimeout(0.1)
    with pytest.raises(TimeoutError):
        connection.recv_into(bytearray(10))
    is_over.set()
    connection.close()


def test_whoever_is_not_trusted_is_told_so_and_left(server: Server):
    raw = server.dial()
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsSocket(raw, ssl.create_default_context(), "127.0.0.1")
    assert raw.fileno() == -1
    wait_for(
        lambda: any("UNKNOWN_CA" in str(fault) for fault in server.faults), what="word of it",
        still=lambda: server.faults,
    )  # fmt: skip


def test_whoever_speaks_no_tls_is_told_apart():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.create_connection(listener.getsockname(), timeout=60)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
                TlsSocket(raw, ssl.create_default_context(), "127.0.0.1")


def test_it_stays_open_until_the_last_reader_has_closed(server: Server):
    server.serve = lambda connection: connection.sendall(b"some")
    connection = server.connect()
    with connection.makefile("rb") as reader:
        connection.close()
        assert reader.readall() == b"some"
        assert connection.fileno() >= 0
    assert connection.fileno() == -1
