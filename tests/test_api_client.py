"""`outpour.client` against a real tracker, and against servers that answer anything."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import outpour
from outpour.base.errors import FormatError, NetworkError, OutpourError
from outpour.client import Client, ProblemAnswered
from tests.peers.little_server import LittleServer, answers
from tests.test_administration import TOKEN
from tests.trackers import BIG, HELLO, Process


def serving(root: Path) -> Iterator[Process]:
    (root / "token").write_text(TOKEN)
    (root / "torrents").mkdir()
    words = ("track", "--listen", "127.0.0.1:0", "--workers", "1")
    more = ("--allowed-dir", root / "torrents", "--admin-token-file", root / "token")
    process = Process([*words, *more], root)
    classic = Path(__file__).parent / "vectors" / "classic"
    client = Client(url_of(process), token=TOKEN)
    for name in ("hello", "big", "dir"):
        client.add((classic / f"{name}.torrent").read_bytes())
    yield process
    process.close()


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    yield from serving(tmp_path_factory.mktemp("client"))


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Process]:
    """A tracker for one test alone, which may change it."""
    yield from serving(tmp_path)


def url_of(process: Process) -> str:
    host, port = process.address
    return f"http://{host}:{port}/"


def test_the_client_lists_torrents_part_by_part_and_fetches_what_is_listed(tracker: Process):
    client = outpour.Client(url_of(tracker))
    names = [torrent.name for torrent in client.torrents()]
    assert names == ["big.bin", "dir", "hello.txt"]
    page = client.page(limit=2)
    assert page is not None
    assert (len(page.torrents), page.matched, page.next is not None) == (2, 3, True)
    assert client.page(limit=2, held=page.tag) is None
    (hello,) = client.torrents("hello")
    assert (hello.infohash, hello.length) == (HELLO.hex(), 12)
    assert client.metainfo(hello).info.infohash == HELLO
    whole = client.torrent(BIG.hex())
    assert whole.files is not None
    assert [(file.path, file.length) for file in whole.files] == [(("big.bin",), 300_000)]
    assert client.stats().totals["torrents"] == 3
    sparse = client.page(fields=["name"])
    assert sparse is not None
    assert (sparse.torrents[0].name, sparse.torrents[0].magnet) == ("big.bin", None)


def test_the_client_follows_numbers_as_they_change(tracker: Process):
    stream = Client(url_of(tracker)).follow([HELLO.hex()])
    first = next(stream)
    assert [torrent.infohash for torrent in first.torrents] == [HELLO.hex()]
    tracker.announce(HELLO, 7)
    # The sums may change a look earlier than the torrent.
    assert next(one for one in stream if one.torrents).torrents[0].complete == 1


def test_the_client_tells_problems_by_their_kind(tracker: Process):
    client = Client(url_of(tracker))
    for call, status, kind in (
        (lambda: client.torrent("0" * 40), 404, "not-found"),
        (lambda: client.deny("0" * 40), 401, "needs-token"),
        (lambda: client.page(sort="colour"), 400, "wrong-parameter"),
    ):
        with pytest.raises(ProblemAnswered) as caught:
            call()
        assert (caught.value.status, caught.value.kind) == (status, kind)
    assert caught.value.parameter == "sort"


def test_the_client_does_what_an_administrator_may(changed: Process):
    client = Client(url_of(changed), token=TOKEN)
    client.deny("ab" * 20, "why")
    client.allow("cd" * 20)
    client.ban("192.0.2.0/24")
    found = client.change("GET", "denied")["rules"]
    assert [(rule["subject"], rule["note"]) for rule in found] == [("ab" * 20, "why")]
    client.change("DELETE", "banned-addresses/192.0.2.0/24")
    assert client.change("PATCH", "rates", {"interval_s": 900})["interval_s"] == 900
    infohash = next(client.torrents("dir")).infohash
    client.withdraw(infohash)
    with pytest.raises(ProblemAnswered, match="no such torrent"):
        client.torrent(infohash)


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    servers = []

    def serve(body: bytes) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"torrents": {}}', b'{"torrents": [1]}',
        b'{"torrents": [{"infohash": "x"}]}', b'{"torrents": [], "next": 5}',
        b'{"torrents": [], "next": "http://["}', b'{"torrents": [], "next": "\\ud800"}',
        b'{"torrents": [], "next": "file:///etc/passwd"}', b'{"torrents": [], "matched": 1e30}',
        json.dumps({"torrents": [{"infohash": "0" * 40, "length": 1 << 63}]}).encode(),
        json.dumps({"torrents": [{"infohash": "0" * 40, "length": "x"}]}).encode(),
        json.dumps({"torrents": [{"infohash": "0" * 40, "files": [{"path": 1}]}]}).encode(),
    ],
)  # fmt: skip
def test_whatever_a_server_lists_is_one_clear_error(answering: Callable[[bytes], str], body: bytes):
    client = Client(answering(body))
    with pytest.raises(FormatError, match=r"`http://127\.0\.0\.1"):
        list(client.torrents())
    for call in (client.stats, lambda: client.torrent("0" * 40)):
        with pytest.raises(OutpourError):
            call()


def test_a_time_that_no_calendar_has_is_not_told_and_the_rest_is(
    answering: Callable[[bytes], str],
):
    rows = [{"infohash": "0" * 40, "name": "x", "created": at} for at in (5, 10**15, -(10**30))]
    client = Client(answering(json.dumps({"torrents": rows}).encode()))
    assert [row.created for row in client.torrents()] == [5, None, None]


def test_what_did_not_change_though_nobody_asked_is_one_clear_error():
    with LittleServer(answers(b"HTTP/1.1 304 Not Modified\r\n\r\n")) as server:
        client = Client(server.url)
        for call in (client.page, client.sidecars, lambda: list(client.walk())):
            with pytest.raises(NetworkError, match="HTTP 304, though"):
                call()
        assert client.page(held='"x"') is None
        assert client.sidecars(held='"x"') is None


def test_a_list_that_leads_to_itself_ends(answering: Callable[[bytes], str]):
    client = Client(answering(b'{"torrents": [], "next": "/again"}'))
    with pytest.raises(NetworkError, match="no end"):
        list(client.torrents())


def test_an_event_without_end_is_one_clear_error(
    answering: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("outpour.client.api_client.EVENT_BYTES_MAX", 10_000)
    with pytest.raises(NetworkError, match="an event is longer than"):
        list(Client(answering(b"data: 0123456789\n" * 2000)).follow())


def test_a_list_without_end_is_refused_before_it_fills_the_memory(
    answering: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("outpour.client.api_client.LIST_BYTES_MAX", 10_000)
    client = Client(answering(b" " * 20_000 + b'{"torrents": []}'))
    # All at once may be ten thousand, and those in full.
    assert list(client.torrents()) == []
    for call in (lambda: client.page(limit=100), client.sidecars, lambda: list(client.walk())):
        with pytest.raises(NetworkError, match="longer than"):
            call()


def test_an_event_that_is_no_event_is_one_clear_error(answering: Callable[[bytes], str]):
    for body in (b"data: x\n\n", b'data: {"torrents": 1}\n\n', b"data: [\n\n"):
        with pytest.raises(FormatError):
            list(Client(answering(body)).follow())
    assert list(Client(answering(b": nothing\n\nevent: x\n\n")).follow()) == []
