"""Servers that are slow, cut their answers short, or lie about what they publish."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outpour.announcer import AnnounceRequest, announce, scrape
from outpour.base.deadline import Deadline, look_up
from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_fetch import fetch
from outpour.downloader import Asking, resolve
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

from .conftest import WebHost, make_torrent
from .little_server import LittleServer, answers

TRICKLE_S = 10.0
"""After so long a slow server gives up, and whoever waited for it has waited too long."""


class SlowHost:
    """Answers at once with `head`, and then with a byte now and then."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._is_over = threading.Event()
        self._server = LittleServer(self._trickle)
        self.url = f"{self._server.url}announce"

    def _trickle(self, connection: socket.socket) -> None:
        until = time.monotonic() + TRICKLE_S
        connection.sendall(self._head)
        while not self._is_over.wait(0.05) and time.monotonic() < until:
            connection.sendall(b"x")

    def close(self) -> None:
        self._is_over.set()
        self._server.close()


HEADS = {
    "status": b"",
    "headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n",
    "fault": b"HTTP/1.1 500 Sorry\r\nContent-Length: 10000\r\n\r\n",
}


@pytest.fixture(params=HEADS)
def slow(request: pytest.FixtureRequest) -> Iterator[SlowHost]:
    made = SlowHost(HEADS[request.param])
    yield made
    made.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda url: fetch(url, timeout_s=0.5, any_status=True),
        lambda url: announce(url, AnnounceRequest(infohash=bytes(20)), timeout_s=0.5),
        lambda url: scrape(url, [bytes(20)], timeout_s=0.5),
        lambda url: resolve(url, Asking(timeout_s=0.5)),
    ],
    ids=["fetch", "announce", "scrape", "resolve"],
)
def test_a_byte_now_and_then_does_not_stretch_the_time_limit(
    ask: Callable[[str], object], slow: SlowHost
) -> None:
    with pytest.raises(NetworkError, match=r"timed out|HTTP 500"):
        ask(slow.url)


def test_where_a_redirect_leads_has_what_is_left_of_the_time(
    web_host: WebHost, slow: SlowHost
) -> None:
    web_host.respond = lambda target, wanted: (302, b"", {"Location": slow.url})  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=r"timed out|HTTP 500"):
        fetch(web_host.url, timeout_s=0.5, any_status=True)


def test_redirects_in_a_circle_are_told(web_host: WebHost) -> None:
    web_host.respond = lambda target, wanted: (302, b"", {"Location": "/x"})  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="HTTP 302: it redirects without end"):
        fetch(web_host.url)


def test_a_resolver_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [silent.wait(TRICKLE_S)][:0])
    with pytest.raises(TimeoutError):
        look_up("host.invalid", 80, Deadline.after(0.2))
    with pytest.raises(NetworkError, match="timed out"):
        fetch("http://host.invalid/", timeout_s=0.2)
    with pytest.raises(NetworkError, match="timed out"):
        announce("udp://host.invalid:1/", AnnounceRequest(infohash=bytes(20)), timeout_s=0.2)
    silent.set()


class Cut(WebHost):
    """Announces more bytes than it sends."""

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(Path("/nonexistent"))
        self.body, self.headers = body, headers

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        return 200, self.body, self.headers


def test_a_compressed_answer_that_is_cut_is_an_error() -> None:
    whole = gzip.compress(b"d8:intervali1e5:peers0:e")
    host = Cut(whole[:-9], {"Content-Encoding": "gzip"})
    with pytest.raises(NetworkError, match="cut short"):
        fetch(host.url)
    with pytest.raises(NetworkError, match="cut short"):
        announce(f"{host.url}announce", AnnounceRequest(infohash=bytes(20)))
    host.close()


def test_an_answer_shorter_than_it_says_is_an_error() -> None:
    cut = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
    with LittleServer(cut) as server, pytest.raises(NetworkError, match="cut short"):
        fetch(server.url)


DEEP = b"[" * 100_000
LISTS: dict[str, tuple[object, str]] = {
    "next is a number": ({"torrents": [], "next": 5}, "a `next` that is no URL: 5"),
    "next is a host in brackets": ({"torrents": [], "next": "http://[x/"}, "`next` that is no URL"),
    "next leads to itself": ({"torrents": [], "next": "torrents"}, "has no end"),
    "torrents is an object": ({"torrents": {}}, "has no list `torrents`"),
    "no torrents": ({}, "has no list `torrents`"),
    "a list": ([], "is no object"),
    "deep": (DEEP, "is no JSON"),
    "deep inside": (b'{"torrents":' + DEEP, "is no JSON"),
    "a number without end": (b'{"torrents":[],"next":' + b"9" * 10_000 + b"}", "is no JSON"),
    "a row is a text": ({"torrents": ["x"]}, 'lists what is no torrent: "x"'),
    "a row without infohash": ({"torrents": [{"name": "x"}]}, "lists a torrent without infohash"),
    "an infohash of another kind": ({"torrents": [{"infohash": 5}]}, "without infohash"),
    "a URL of another kind": (
        {"torrents": [{"infohash": "ab" * 20, "torrent_url": 5}]}, "a `torrent_url` that is no text"
    ),
    "a link of another kind": (
        {"torrents": [{"infohash": "ab" * 20, "magnet": []}]}, "a `magnet` that is no text"
    ),
    "nothing": ({"torrents": []}, "nothing is published there"),
    "neither way": ({"torrents": [{"infohash": "ab" * 20}]}, "can neither be fetched nor asked"),
}  # fmt: skip


@pytest.mark.parametrize("case", LISTS)
def test_whatever_a_page_lists_the_fault_is_one_clear_line(case: str, web_host: WebHost) -> None:
    listed, message = LISTS[case]
    body = listed if isinstance(listed, bytes) else json.dumps(listed).encode()
    web_host.answers["/"] = (200, b"<!doctype html>")
    web_host.answers["/api/v1/torrents"] = (200, body)
    with pytest.raises(OutpourError) as caught:
        resolve(web_host.url)
    assert message in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [("LIST_PAGES_MAX", 20, "has no end"), ("LIST_TIMES", 0, "takes too long")],
)
def test_a_list_whose_every_page_names_another_ends(
    limit: str, value: int, message: str, web_host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"outpour.downloader.sources.{limit}", value)
    pages = iter(range(10_000))

    def respond(target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        if "torrents" not in target:
            return 200, b"<!doctype html>", {}
        following = {"torrents": [], "next": f"/api/v1/torrents?after={next(pages)}"}
        return 200, json.dumps(following).encode(), {}

    web_host.respond = respond  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=message):
        resolve(web_host.url)


def test_one_bad_torrent_of_a_page_does_not_end_the_others(
    web_host: WebHost, content: Path, tmp_path: Path
) -> None:
    good = make_torrent(content, web_seeds=[web_host.url])
    other = make_torrent(content / "image.bin")
    rows = [
        {"infohash": "ab" * 20, "torrent_url": "/missing.torrent", "name": "missing"},
        {"infohash": "cd" * 20, "torrent_url": "/junk.torrent"},
        {"infohash": "ef" * 20, "torrent_url": "/other.torrent"},
        {"infohash": "01" * 20, "magnet": "magnet:?junk"},
        {"infohash": good.info.infohash_hex, "torrent_url": "/good.torrent"},
    ]
    web_host.answers |= {
        "/": (200, b"<!doctype html>"),
        "/api/v1/torrents": (200, json.dumps({"torrents": rows}).encode()),
        "/junk.torrent": (200, b"junk"),
        "/other.torrent": (200, other.raw),
        "/good.torrent": (200, good.raw),
    }
    faults: list[OutpourError] = []
    found = resolve(web_host.url, Asking(on_fault=faults.append))
    assert [one.info.infohash for one in found if isinstance(one, Metainfo)] == [good.info.infohash]
    assert not any(isinstance(one, Magnet) for one in found)
    assert len(faults) == 4
    done = subprocess.run(
        [sys.executable, "-m", "outpour", "download", web_host.url, "-o", "got", "--bind",
         "127.0.0.1"],
        cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.returncode in (4, 7)
    assert done.stderr.count("error: ") == 4
    assert (tmp_path / "got/release/image.bin").read_bytes() == (content / "image.bin").read_bytes()


def test_the_time_limit_of_a_download_holds_for_its_source_too(
    slow: SlowHost, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "outpour", "download", slow.url, "--timeout", "0.5"],
        cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 7
    assert "timed out" in done.stderr or "HTTP 500" in done.stderr
