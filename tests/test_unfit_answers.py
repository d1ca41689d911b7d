"""Answers of servers that are not what was asked for are never taken for it."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import closing
from email.message import Message
from email.utils import formatdate

import pytest

from outpour.base.errors import NetworkError, OutpourError, UsageError
from outpour.base.http_answer import wait_of
from outpour.base.http_fetch import fetch, lines_of
from outpour.base.http_probe import BusyError, RemoteFile, probe
from outpour.base.http_ranges import STALL_S, RangeReader
from outpour.base.http_route import Route
from outpour.downloader import Asking, resolve
from outpour.making.elsewhere import remote_plan
from tests.peers.little_server import LittleServer, answers
from tests.remote_server import serving

BODY = os.urandom(5000)


def speaks(answer: Callable[[int, int], bytes]) -> LittleServer:
    """A server that answers each request for a part by its first and last byte."""

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            asked = re.search(rb"bytes=(\d+)-(\d+)", request)
            assert asked is not None
            connection.sendall(answer(int(asked[1]), int(asked[2])))

    return LittleServer(serve)


def part(head: str, body: bytes, status: str = "206 Partial Content") -> bytes:
    length = "" if "Content-Length" in head else f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\n{head}\r\n{length}\r\n".encode() + body


def read(server: LittleServer, start: int, stop: int, *, route: Route | None = None) -> bytes:
    found = RemoteFile(server.url, server.url, len(BODY), has_ranges=True)
    buffer = bytearray(stop - start)
    with closing(RangeReader(found, route=route or Route())) as reader:
        reader.read_into(start, memoryview(buffer), lambda _: None)
    return bytes(buffer)


UNFIT: dict[str, tuple[Callable[[int, int], bytes], str]] = {
    "from the beginning": (
        lambda a, b: part(f"Content-Range: bytes 0-{b - a}/5000", BODY[: b - a + 1]),
        "another part",
    ),
    "one before": (
        lambda a, b: part(f"Content-Range: bytes {a - 1}-{b - 1}/5000", BODY[a - 1 : b]),
        "another part",
    ),
    "of nothing": (lambda a, b: part("Content-Range: bytes */5000", BODY[a : b + 1]), "part"),
    "no part named": (lambda a, b: part("X: y", BODY[a : b + 1]), "another part"),
    "in several parts": (
        lambda a, b: part("Content-Type: multipart/byteranges; boundary=x", BODY[a : b + 1]),
        "another part",
    ),
    "packed": (
        lambda a, b: part(
            f"Content-Range: bytes {a}-{b}/5000\r\nContent-Encoding: gzip", BODY[a : b + 1]
        ),
        "compressed (gzip)",
    ),
    "packed on its way": (
        lambda a, b: part(
            f"Content-Range: bytes {a}-{b}/5000\r\nTransfer-Encoding: gzip", BODY[a : b + 1]
        ),
        "compressed (gzip)",
    ),
    "all of it": (lambda a, b: part("X: y", BODY, "200 OK"), "all of it"),
    "nothing": (lambda a, b: part(f"Content-Range: bytes {a}-{b}/5000", b""), "cut short"),
    "longer than numbers are": (
        lambda a, b: part(f"Content-Range: bytes {a}-{b}/{'9' * 5000}", BODY[a : b + 1]),
        "another part",
    ),
}


@pytest.mark.parametrize(("answer", "text"), UNFIT.values(), ids=UNFIT)
def test_what_is_not_the_part_that_was_asked_for_is_told(monkeypatch, answer, text):
    monkeypatch.setattr("outpour.base.http_ranges.FAILURES_MAX", 1)
    began = time.monotonic()
    with speaks(answer) as server, pytest.raises(NetworkError) as refused:
        read(server, 1000, 1500)
    assert text in refused.value.message
    assert time.monotonic() - began < STALL_S - 10


@pytest.mark.parametrize(
    "said", ["Bytes {}-{}/5000", "bytes={}-{}/5000", "bytes {}-{}/*", " bytes  {} - {} / 5000 "]
)
def test_a_part_is_known_however_it_is_written(said):
    def answer(first: int, last: int) -> bytes:
        return part(f"Content-Range: {said.format(first, last)}", BODY[first : last + 1])

    with speaks(answer) as server:
        assert read(server, 1000, 1500) == BODY[1000:1500]


def test_a_server_that_sends_all_from_the_beginning_is_read_as_far_as_is_needed():
    with speaks(lambda *_: part("X: y", BODY, "200 OK")) as server:
        assert read(server, 0, 1500) == BODY[:1500]


def test_answers_that_only_say_that_another_follows_are_passed_over():
    interim = b"".join(
        b"HTTP/1.1 %b\r\nLink: </style.css>\r\n\r\n" % status
        for status in (b"100 Continue", b"102 Processing", b"103 Early Hints")
    )
    with LittleServer(answers(interim + part("X: y", b"ok", "200 OK"))) as server:
        assert fetch(server.url).body == b"ok"
    with (
        LittleServer(answers(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)) as server,
        pytest.raises(NetworkError, match="only says that an answer will follow"),
    ):
        fetch(server.url)


@pytest.mark.parametrize("length", [b"-1", b"-8000000000000000", b"f" * 24])
def test_a_chunk_of_no_length_that_there_is_ends_the_answer(length: bytes):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with LittleServer(answers(head + length + b"\r\n" + b"x" * 200_000)) as server:
        with pytest.raises(NetworkError, match="a chunk of no length that there is"):
            fetch(server.url)
        with pytest.raises(NetworkError, match="a chunk of no length that there is"):
            list(lines_of(server.url, 30.0, 1000))


def test_what_is_no_http_is_shown_in_part_and_not_in_the_words_of_python():
    with LittleServer(answers(b"x" * 30_000 + b"\r\n")) as server:
        with pytest.raises(NetworkError, match="not an HTTP answer: x") as refused:
            fetch(server.url)
        assert len(refused.value.message) < 200
    with (
        LittleServer(answers(part("Location: http://b\xfccher/", b"", "302 Found"))) as server,
        pytest.raises(NetworkError) as refused,
    ):
        fetch(server.url)
    assert "codec" not in refused.value.message


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("", 0),
        ("soon", 0),
        ("-3", 0),
        ("9" * 400, 0),
        (formatdate(0, usegmt=True), 0),
    ],
)
def test_when_to_ask_again_is_a_number_or_a_date(said, seconds):
    headers = Message()
    headers["Retry-After"] = said
    assert wait_of(headers) == seconds


def test_until_a_date_to_ask_again_at_are_the_seconds_from_now():
    headers = Message()
    headers["Retry-After"] = formatdate(time.time() + 3600, usegmt=True)
    assert abs(wait_of(headers) - 3600) < 60


@pytest.mark.parametrize("count", [1, 3])
def test_a_server_that_has_no_time_to_say_how_long_a_file_is_is_asked_again(
    run, tmp_path, monkeypatch, count
):
    monkeypatch.setattr(remote_plan, "BUSY_S", 0.01)
    with serving() as remote:
        names = "abc"[:count]
        remote.files = {f"/d/{name}": b"content" for name in names}
        remote.refuse = 2
        with pytest.raises(BusyError):
            probe(f"{remote.url}/d/a")
        words = ["create", "--as-one", *(f"{remote.url}/d/{name}" for name in names)]
        done = run(*words, "-o", tmp_path / "d.torrent")
        assert done.code == 0, done.err
        remote.refuse = 10**6
        refused = run(*words, "-o", tmp_path / "e.torrent")
        assert (refused.code, "HTTP 503" in refused.err) == (7, True)


def test_headers_are_for_the_server_that_was_named_whatever_that_answers(monkeypatch):
    monkeypatch.setattr("outpour.base.http_ranges.FAILURES_MAX", 1)
    route = Route(headers=(("Authorization", "Bearer s3cret"),))
    heard: list[bytes] = []
    empty = part("X: y", b'{"torrents": []}', "200 OK")
    with LittleServer(answers(empty, heard)) as other:
        moved = part(f"Location: {other.url}", b"", "302 Found")
        listed = part("X: y", b'{"torrents": [], "next": "%b"}' % other.url.encode(), "200 OK")
        for answer, path in ((moved, ""), (listed, "api/v1/torrents")):
            del heard[:]
            with LittleServer(answers(answer)) as named, pytest.raises(NetworkError):
                resolve(f"{named.url}{path}", Asking(route=route))
            assert heard
            assert not any(b"s3cret" in request for request in heard)
        del heard[:]
        found = RemoteFile("http://127.0.0.1:1/a", other.url, 5000, has_ranges=True)
        with closing(RangeReader(found, route=route)) as reader, pytest.raises(OutpourError):
            reader.read_into(0, memoryview(bytearray(9)), lambda _: None)
        assert heard
        assert b"s3cret" not in heard[0]
    assert route.to("http://h/", "https://h/").headers == ()
    assert route.to("https://H/x", "https://h/").headers == route.headers


def test_a_url_with_half_a_letter_in_it_is_one_clear_error():
    with pytest.raises(UsageError, match="holds letters that no URL may") as refused:
        fetch("http://127.0.0.1/\ud800\udcff")
    assert refused.value.hint == "write it as `http://127.0.0.1/??`"
