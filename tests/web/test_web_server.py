"""The server: connections handed over, its own port, its limits, and how it stops."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from outpour.web.connection_table import ConnectionTable
from outpour.web.guarded_protocol import GuardedProtocol
from outpour.web.limits import CONTENT_WINDOW_BYTES
from tests.waiting import wait_for

from .conftest import FakeView, Site, read_all, read_until

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def accepted() -> Iterator[tuple[socket.socket, int]]:
    """A connection that someone else has accepted: the client's end, and the descriptor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=60)
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
    # It has begun when its time begins, however late this thread gets its turn.
    with accepted() as (connection, descriptor):
        site.on_loop(lambda: site.server.adopt(descriptor, b"GET / HTTP/1.1\r\n"))
        deadline = time.monotonic() + 60
        answer = b""
        connection.settimeout(0.05)
        while time.monotonic() < deadline:
            # What was answered before the end can be read after it.
            with suppress(ConnectionError):
                connection.sendall(b"X-Slow: 1\r\n")
            try:
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


def test_a_body_that_is_too_long_is_told_so_as_a_problem(site: Site):
    head = b"POST /content/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    with accepted() as (client, descriptor):
        site.on_loop(lambda: site.server.adopt(descriptor, head + b"x" * 100_000))
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


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


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_a_target_that_is_no_path_is_refused_and_no_fault(
    site: Site, caplog: pytest.LogCaptureFixture, method: str
):
    asked = f"{method} * HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert site.raw(asked.encode()).startswith(b"HTTP/1.1 400 ")
    assert not caplog.records


def test_a_request_for_a_websocket_is_answered_as_a_page(site: Site):
    with site.connect() as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert read_until(connection, b"ok\n").startswith(b"HTTP/1.1 200 ")


class Crowd:
    """Connections to a site from an address of loopback."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.connections: list[socket.socket] = []

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        where = (self._site.host, self._site.port)
        connection = socket.create_connection(where, timeout=60, source_address=(host, 0))
        self.connections.append(connection)
        wait_for(lambda: connection.getsockname()[1] in self._ports())
        return connection

    def _ports(self) -> set[int]:
        clients = [getattr(one, "client", None) for one in tuple(self._site.server._table._sites)]
        clients += [getattr(one, "client", None) for one in tuple(self._site.server._table._spare)]
        return {client[1] for client in clients if client}

    def stream(self, host: str = "127.0.0.1") -> socket.socket:
        """A connection that is never idle."""
        connection = self.connect(host)
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096)
        return connection

    def ask(self, path: str, host: str = "127.0.0.1") -> bytes:
        connection = self.connect(host)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return connection.recv(12)


@pytest.fixture
def crowd(site: Site) -> Iterator[Crowd]:
    crowd = Crowd(site)
    yield crowd
    for connection in crowd.connections:
        connection.close()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def limit(*, total: int, own: int, spare: int = 2) -> None:
        table = "outpour.web.connection_table."
        monkeypatch.setattr(table + "CONNECTIONS_MAX", total)
        monkeypatch.setattr(table + "CONNECTIONS_PER_ADDRESS_MAX", own)
        monkeypatch.setattr(table + "CONNECTIONS_SPARE_MAX", spare)

    return limit


def test_beyond_the_limit_the_longest_idle_connection_makes_room(
    crowd: Crowd, limits: Callable[..., None]
):
    limits(total=3, own=3)
    first, second, third = crowd.connect(), crowd.connect(), crowd.connect()
    second.sendall(REQUEST.replace(b"close", b"keep-alive"))
    read_until(second, b"ok\n")
    first.sendall(REQUEST.replace(b"close", b"keep-alive"))
    read_until(first, b"ok\n")
    assert crowd.ask("/") == b"HTTP/1.1 200"
    assert third.recv(1) == b""
    for connection in (first, second):
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


def test_one_address_leaves_room_for_the_others(crowd: Crowd, limits: Callable[..., None]):
    limits(total=9, own=3)
    for _ in range(3):
        crowd.stream("127.0.0.2")
    assert crowd.ask("/", "127.0.0.2") == b"HTTP/1.1 503"
    assert crowd.ask("/", "127.0.0.3") == b"HTTP/1.1 200"


def test_health_is_told_however_many_connections_there_are(
    crowd: Crowd, limits: Callable[..., None]
):
    limits(total=3, own=3)
    for _ in range(3):
        crowd.stream()
    assert crowd.ask("/") == b"HTTP/1.1 503"
    assert crowd.ask("/healthz") == b"HTTP/1.1 200"
    # Those who came for nothing are closed for those who ask.
    waiting = [crowd.connect() for _ in range(2)]
    assert crowd.ask("/healthz", "127.0.0.9") == b"HTTP/1.1 200"
    assert waiting[0].recv(1) == b""


def test_a_connection_that_ended_leaves_its_place(
    site: Site, crowd: Crowd, limits: Callable[..., None]
):
    limits(total=2, own=2)
    streams = [crowd.stream(), crowd.stream()]
    assert crowd.ask("/") == b"HTTP/1.1 503"
    streams[0].close()
    wait_for(lambda: len(site.server._table) == 1)
    assert crowd.ask("/") == b"HTTP/1.1 200"


def test_a_trusted_proxy_has_as_many_connections_as_it_has_visitors(
    view: FakeView, limits: Callable[..., None]
):
    limits(total=9, own=1)
    table = ConnectionTable(["127.0.0.0/8", "fd00::/8"])

    class Busy:
        is_idle = False
        last_active_s = 0.0

        def evict(self) -> None:
            raise AssertionError("evicted")

    assert all(table.enter(Busy(), ("127.0.0.1", 1)) for _ in range(3))
    assert all(table.enter(Busy(), ("fd00::1", 1)) for _ in range(2))
    assert table.enter(Busy(), ("2001:db8::1", 1))
    assert not table.enter(Busy(), ("2001:db8::2", 1))
    assert table.enter(Busy(), ("2001:db8:0:1::2", 1))


def test_one_address_has_only_so_many_event_streams(crowd: Crowd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("outpour.web.live_numbers.EVENT_CLIENTS_PER_ADDRESS_MAX", 2)
    for _ in range(2):
        crowd.stream("127.0.0.2")
    assert crowd.ask("/api/v1/events", "127.0.0.2") == b"HTTP/1.1 503"
    assert crowd.ask("/api/v1/events", "127.0.0.3") == b"HTTP/1.1 200"


def test_a_reader_that_stalls_is_cut_off(
    view: FakeView, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GuardedProtocol, "write_stall_s", 0.2)
    view.publish("big", b"x" * (8 * CONTENT_WINDOW_BYTES), tmp_path)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect((site.host, site.port))
        lazy.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\n\r\n")
        # Whoever looks for the connection may find it cut already.
        assert lazy.recv(100).startswith(b"HTTP/1.1 200 ")
        wait_for(lambda: site.server.connection_count == 0, what="cut connection")


@pytest.mark.long
def test_a_slow_reader_gets_everything(view: FakeView, site: Site, tmp_path: Path):
    data = bytes(range(256)) * (3 * CONTENT_WINDOW_BYTES // 256)
    view.publish("big", data, tmp_path)
    received = b""
    with socket.socket() as slow:
        # Far less than a window has room on the way, so the server has to wait again and again.
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        slow.settimeout(60)
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
        reader.settimeout(60)
        reader.connect((site.host, site.port))
        reader.sendall(b"GET /content/big HTTP/1.1\r\nHost: x\r\n\r\n")
        received = reader.recv(1000)
        # So long that it is the end of the request that ends it, on a busy machine as well.
        stopping = asyncio.run_coroutine_threadsafe(site.server.stop(grace_s=60), site._loop)
        site.is_stopped = True
        while chunk := reader.recv(1 << 20):
            received += chunk
        stopping.result(60)
    assert received.partition(b"\r\n\r\n")[2] == data


def test_a_taken_port_is_an_os_error(site: Site):
    with pytest.raises(OSError, match="in use"):
        site.call(site.server.listen(site.host, site.port))
