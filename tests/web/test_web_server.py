"""The server: connections handed over, its own port, its limits, and how it stops."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from outpour.web.guarded_protocol import GuardedProtocol
from outpour.web.limits import CONTENT_WINDOW_BYTES
from tests.waiting import wait_for

from .conftest import FakeView, Site, read_all, read_until

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def accepted() -> Iterator[tuple[socket.socket, int]]:
    """A connection that someone else has accepted: the client's end, and the descriptor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=10)
        server, _ = listener.accept()
        with client:
            yield client, server.detach()


@pytest.mark.parametrize("cut", [0, 1, 5, 20, len(REQUEST) - 1, len(REQUEST)])
def test_a_connection_is_served_wherever_its_request_was_cut(site: Site, cut: int):
    with accepted() as (client, descriptor):
        site.on_loop(lambda: site.server.adopt(descriptor, REQUEST[:cut]))
        client.sendall(REQUEST[cut:])
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok\n")


def test_a_handed_over_connection_is_kept_for_more_requests(
    view: FakeView, site: Site, tmp_path: Path
):
    view.publish("x", b"c" * 5000, tmp_path)
    kept = REQUEST.replace(b"close", b"keep-alive")
    with accepted() as (client, descriptor):
        site.on_loop(lambda: site.server.adopt(descriptor, kept[:10]))
        client.sendall(kept[10:])
        read_until(client, b"ok\n")
        client.sendall(b"GET /content/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_all(client).endswith(b"c" * 5000)


def test_bytes_of_several_requests_handed_over_are_all_answered(site: Site):
    with accepted() as (client, descriptor):
        prefix = REQUEST.replace(b"close", b"keep-alive") * 3 + REQUEST
        site.on_loop(lambda: site.server.adopt(descriptor, prefix))
        assert read_all(client).count(b"ok\n") == 4


def test_a_socketpair_is_taken_too(site: Site):
    client, server = socket.socketpair()
    with client:
        site.on_loop(lambda: site.server.adopt(server.detach(), REQUEST))
        assert read_all(client).endswith(b"ok\n")


def test_a_connection_whose_peer_is_gone_is_forgotten(site: Site):
    with accepted() as (client, descriptor):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    site.on_loop(lambda: site.server.adopt(descriptor, REQUEST))
    wait_for(lambda: site.server.connection_count == 0)
    assert site.get("/healthz").status == 200


def test_a_stopped_server_closes_what_it_is_handed(site: Site):
    site.stop()
    with accepted() as (client, descriptor):
        site.on_loop(lambda: site.server.adopt(descriptor, REQUEST))
        assert read_all(client) == b""


def test_answers_carry_the_date(site: Site):
    assert site.get("/healthz").headers["date"].endswith("GMT")


def test_a_trickle_of_bytes_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(GuardedProtocol, "request_s", 0.3)
    with site.connect() as connection:
        deadline = time.monotonic() + 30
        connection.sendall(b"GET / HTTP/1.1\r\n")
        answer = b""
        connection.settimeout(0.05)
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"X-Slow: 1\r\n")
                chunk = connection.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not chunk:
                break
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_a_request_ends_without_a_word(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GuardedProtocol, "request_s", 0.2)
    with site.connect() as connection:
        assert connection.recv(100) == b""


def test_a_request_that_never_ends_is_refused(site: Site):
    with site.connect() as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 3_000_000)
        except ConnectionError:
            return
        try:
            answer = read_all(connection)
        except ConnectionError:
            return
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_body_that_never_ends_is_cut_off(site: Site):
    with site.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        try:
            for _ in range(2000):
                connection.sendall(b"x" * 65536)
        except ConnectionError:
            pass
        else:
            raise AssertionError("a hundred megabytes were taken")
    wait_for(lambda: site.server.connection_count == 0)


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01", b"\x13BitTorrent protocol" + b"\0" * 48, b"GET\r\n\r\n"],
)
def test_what_is_no_http_is_refused(site: Site, garbage: bytes):
    assert site.raw(garbage).startswith(b"HTTP/1.1 400 ")


def test_a_request_for_a_websocket_is_answered_as_a_page(site: Site):
    with site.connect() as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert read_until(connection, b"ok\n").startswith(b"HTTP/1.1 200 ")


def test_connections_beyond_the_limit_are_told_so(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.server._config.limit_concurrency = 3
    held = [site.connect() for _ in range(3)]
    wait_for(lambda: site.server.connection_count == 3)
    assert site.raw(REQUEST).startswith(b"HTTP/1.1 503 ")
    monkeypatch.setattr("outpour.web.guarded_protocol.CONNECTIONS_MAX", 3)
    monkeypatch.setattr("outpour.web.guarded_protocol.SPARE_CONNECTIONS", 0)
    with suppress(ConnectionError):
        assert site.raw(REQUEST) == b""
    for connection in held:
        connection.close()
    wait_for(lambda: site.server.connection_count == 0)


def test_a_reader_that_stalls_is_cut_off(
    view: FakeView, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GuardedProtocol, "write_stall_s", 0.2)
    view.publish("big", b"x" * (8 * CONTENT_WINDOW_BYTES), tmp_path)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect((site.host, site.port))
        lazy.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: site.server.connection_count == 1)
        wait_for(lambda: site.server.connection_count == 0, what="cut connection")


def test_a_slow_reader_gets_everything(view: FakeView, site: Site, tmp_path: Path):
    data = bytes(range(256)) * (3 * CONTENT_WINDOW_BYTES // 256)
    view.publish("big", data, tmp_path)
    received = b""
    with socket.socket() as slow:
        # Far less than a window has room on the way, so the server has to wait again and again.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        slow.settimeout(10)
        slow.connect((site.host, site.port))
        slow.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while chunk := slow.recv(20_000):
            received += chunk
    assert received.partition(b"\r\n\r\n")[2] == data


def test_stopping_ends_streams_and_downloads_within_two_seconds(
    view: FakeView,
    start: Callable[..., Site],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    view.publish("big", b"x" * (16 * CONTENT_WINDOW_BYTES), tmp_path)
    site = start(view)
    streams = [site.connect() for _ in range(5)]
    for stream in streams:
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"numbers" not in stream.recv(4096):
            pass
    download = socket.socket()
    download.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    download.connect((site.host, site.port))
    download.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\n\r\n")
    download.recv(100)
    idle = site.connect()
    wait_for(lambda: site.server.connection_count == 7)
    # None of them ends by itself: whoever waits for one waits for ever.
    site.stop()
    assert site.server.connection_count == 0
    assert not caplog.records
    for stream in streams:
        # The chunked answer came to its proper end.
        assert read_all(stream).endswith(b"0\r\n\r\n")
        stream.close()
    idle.close()
    download.close()
    with pytest.raises(ConnectionRefusedError):
        site.connect()


def test_stopping_lets_a_request_in_progress_end(
    view: FakeView, start: Callable[..., Site], tmp_path: Path
):
    data = b"y" * (4 << 20)
    view.publish("big", data, tmp_path)
    site = start(view)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.settimeout(10)
        reader.connect((site.host, site.port))
        reader.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\n\r\n")
        received = reader.recv(1000)
        stopping = asyncio.run_coroutine_threadsafe(site.server.stop(), site._loop)
        site.is_stopped = True
        while chunk := reader.recv(1 << 20):
            received += chunk
        stopping.result(5)
    assert received.partition(b"\r\n\r\n")[2] == data


def test_a_taken_port_is_an_os_error(site: Site):
    with pytest.raises(OSError, match="in use"):
        site.call(site.server.listen(site.host, site.port))
