"""A connection has no past: announces on connections that asked for pages and content before.

Directly, and through real proxies that pool their connections to the tracker.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from outpour.torrent import bencode
from outpour.web.limits import HOLD_S
from tests.free_ports import free_port
from tests.waiting import wait_for

from .conftest import BIN, Running, peer

pytestmark = pytest.mark.live
Ask = Callable[[str], bytes]

CONTENT = bytes(range(256)) * 4000
ROUNDS = 10


class Tracked:
    """A publisher of one file, behind which the tracker counts."""

    def __init__(self, folder: Path, *words: str) -> None:
        (folder / "content").mkdir(parents=True)
        (folder / "content" / "a.bin").write_bytes(CONTENT)
        self.port = free_port()
        self.running = Running(
            [
                str(BIN / "outpour"), "publish", str(folder / "content"), "--no-seed", "--listen",
                f"127.0.0.1:{self.port}", "--state", str(folder / "state"), *words,
            ]
        )  # fmt: skip
        self.running.line_with("ready: ")
        self.infohash = bytes.fromhex(wait_for(self.row, what="the torrent")["infohash"])

    def row(self) -> dict[str, str]:
        raw = plain_get(self.port, "/api/v1/torrents")[1]
        rows: list[dict[str, str]] = json.loads(raw)["torrents"]
        return rows[0] if rows else {}

    def announce(self, number: int, key: str = "") -> str:
        escaped = "".join(f"%{byte:02x}" for byte in self.infohash)
        peer_id = f"-CR0001-{number:012}"
        return (
            f"{key}/announce?info_hash={escaped}&peer_id={peer_id}&port={20_000 + number}&left=0"
            "&compact=1"
        )

    def scrape(self) -> str:
        return "/scrape?info_hash=" + "".join(f"%{byte:02x}" for byte in self.infohash)

    def counters(self) -> dict[str, int]:
        raw = plain_get(self.port, "/api/v1/stats")[1]
        counters: dict[str, int] = json.loads(raw)["counters"]
        return counters


def plain_get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[Tracked]:
    tracked = Tracked(tmp_path)
    yield tracked
    tracked.running.stop()


@pytest.fixture
def ask(tracked: Tracked) -> Iterator[Ask]:
    """Ask on one connection, which must never be closed."""
    connection = http.client.HTTPConnection("127.0.0.1", tracked.port, timeout=60)
    connection.connect()
    first = connection.sock

    def run(path: str) -> bytes:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, path
        raw = answer.read()
        assert connection.sock is first, f"closed after {path}"
        return raw

    yield run
    connection.close()


def complete(raw: bytes) -> int:
    found = bencode.decode(raw)
    assert isinstance(found, dict)
    assert b"failure reason" not in found, found
    count = found[b"complete"]
    assert isinstance(count, int)
    return count


PAGES = ("/", "/torrents/a.bin.torrent", "/content/a.bin", "/api/v1/torrents", "/healthz",
         "/metrics", "/feed.xml")  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_an_announce_on_a_connection_is_answered_whatever_it_asked_for_before(
    tracked: Tracked, ask: Ask, path: str
):
    for number in range(1, 4):
        ask(path)
        assert complete(ask(tracked.announce(number))) == number
        ask(path)
        assert b"5:files" in ask(tracked.scrape())
    assert ask("/content/a.bin") == CONTENT


def test_requests_in_one_packet_are_answered_in_order_by_whoever_has_the_answer(tracked: Tracked):
    paths = ["/healthz", tracked.announce(1), "/content/a.bin", tracked.announce(2),
             tracked.scrape(), "/healthz", "/healthz", tracked.announce(3)]  # fmt: skip
    stream = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode()
    for size in (len(stream), 7, 150):
        with socket.create_connection(("127.0.0.1", tracked.port), timeout=60) as connection:
            for at in range(0, len(stream), size):
                connection.sendall(stream[at : at + size])
            file = connection.makefile("rb")
            bodies = [read_answer(file) for _ in paths]
        assert bodies[0] == bodies[5] == bodies[6] == b"ok\n"
        assert bodies[2] == CONTENT
        assert b"5:files" in bodies[4]
        assert [b"8:complete" in bodies[at] for at in (1, 3, 7)] == [True] * 3


def read_answer(file: BinaryIO) -> bytes:
    assert file.readline().startswith(b"HTTP/1.1 200")
    length = 0
    while line := file.readline().strip().lower():
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return file.read(length)


def test_a_range_of_content_then_an_announce_then_another_range(tracked: Tracked):
    connection = http.client.HTTPConnection("127.0.0.1", tracked.port, timeout=60)
    for number in range(1, 5):
        begin = number * 1000
        connection.request("GET", "/content/a.bin", headers={"range": f"bytes={begin}-{begin + 9}"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (206, CONTENT[begin : begin + 10])
        connection.request("GET", tracked.announce(number))
        assert complete(connection.getresponse().read()) == number
    connection.close()
    assert tracked.counters()["connections_http"] < 10


def test_range_after_range_is_not_handed_back_and_forth(tracked: Tracked):
    connection = http.client.HTTPConnection("127.0.0.1", tracked.port, timeout=60)
    before = tracked.counters()["handed_over"]
    pauses, last = 0, time.monotonic()
    for begin in range(0, 40_000, 2000):
        connection.request("GET", "/content/a.bin", headers={"range": f"bytes={begin}-{begin + 9}"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (206, CONTENT[begin : begin + 10])
        # On a busy machine the connection may have rested, and gone back.
        pauses += time.monotonic() - last > HOLD_S / 2
        last = time.monotonic()
    connection.request("GET", tracked.announce(1))
    assert complete(connection.getresponse().read()) == 1
    connection.close()
    # That of the ranges, and that of the question.
    assert 2 <= tracked.counters()["handed_over"] - before <= 2 + pauses


def test_a_key_in_the_path_is_an_announce_after_a_page_too(tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text("alice\n")
    config = tmp_path / "tracker.toml"
    config.write_text(f'key_list = "{keys}"\napi = "open"\n')
    tracked = Tracked(tmp_path, "--config", str(config))
    try:
        connection = http.client.HTTPConnection("127.0.0.1", tracked.port, timeout=60)
        for number in range(1, 4):
            connection.request("GET", "/alice/")
            page = connection.getresponse()
            assert (page.status, b"a.bin" in page.read()) == (200, True)
            connection.request("GET", tracked.announce(number, "/alice"))
            assert complete(connection.getresponse().read()) == number
            connection.request("GET", tracked.announce(number, "/bob"))
            assert b"not known" in connection.getresponse().read()
            connection.request("GET", "/alice/content/a.bin")
            assert connection.getresponse().read() == CONTENT
        connection.close()
    finally:
        tracked.running.stop()


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream tracker {{ server 127.0.0.1:{tracker}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://tracker; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend front
  bind 127.0.0.1:{port}
  default_backend tracker
backend tracker
  http-reuse always
  server one 127.0.0.1:{tracker} pool-max-conn 1
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  reverse_proxy 127.0.0.1:{tracker} {{
    transport http {{
      keepalive 60s
      keepalive_idle_conns 1
      keepalive_idle_conns_per_host 1
    }}
  }}
}}
"""
PROXIES = {
    "nginx": (NGINX, ["-c", "{config}", "-p", "{folder}", "-e", "{folder}/error.log"]),
    "haproxy": (HAPROXY, ["-db", "-f", "{config}"]),
    "caddy": (CADDY, ["run", "--adapter", "caddyfile", "--config", "{config}"]),
}


@pytest.mark.parametrize("name", PROXIES)
def test_announces_through_a_proxy_that_pools_its_connections(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    template, arguments = PROXIES[name]
    folder = tmp_path / name
    folder.mkdir()
    port, config = free_port(), folder / "config"
    config.write_text(template.format(folder=folder, port=port, tracker=tracked.port))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    words = [word.format(config=config, folder=folder) for word in arguments]
    proxy = Running([peer(name), *words])
    try:
        wait_for(lambda: is_open(port), what=name, still=lambda: proxy.output)
        before = tracked.counters()["connections_http"]
        for number in range(1, ROUNDS + 1):
            for path in ("/", "/content/a.bin", "/torrents/a.bin.torrent"):
                assert plain_get(port, path)[0] == 200
                status, raw = plain_get(port, tracked.announce(number))
                assert (status, complete(raw)) == (200, number)
            assert b"5:files" in plain_get(port, tracked.scrape())[1]
        # Seven requests a round went over the few connections of the pool.
        assert tracked.counters()["connections_http"] - before < 3 * ROUNDS
    finally:
        proxy.stop()


def is_open(port: int) -> bool:
    try:
        return plain_get(port, "/healthz")[0] == 200
    except OSError:
        return False
