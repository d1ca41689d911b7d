"""What an administrator does to a running publisher: withdraw, publish again, verify, rates."""

from __future__ import annotations

import http.server
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outpour.client import Client, ListedTorrent, ProblemAnswered
from outpour.torrent.editor import Changes, edit
from tests.free_ports import free_port
from tests.waiting import wait_for

from .conftest import Running, Start, get, peer, same_bytes

pytestmark = pytest.mark.live
TOKEN = "a-token-that-is-long-enough"


class Publisher:
    """A publisher with an administrator."""

    def __init__(self, start: Start, tmp_path: Path, *more: str) -> None:
        (tmp_path / "token").write_text(TOKEN)
        (tmp_path / "settings.toml").write_text('admin_token_file = "token"\n')
        self.folder = tmp_path / "files"
        self.folder.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}/"
        self._start = start
        self._words = [
            "outpour", "publish", str(self.folder), "--listen", self.url[7:-1],
            "--peer-port", str(free_port()), "--state", str(tmp_path / "state"),
            "--config", str(tmp_path / "settings.toml"), *more,
        ]  # fmt: skip
        self.client = Client(self.url, token=TOKEN)

    def begin(self) -> Running:
        self.process = self._start(*self._words)
        self.process.line_with("ready:")
        return self.process

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    def listed(self) -> dict[str | None, ListedTorrent]:
        return {torrent.name: torrent for torrent in self.client.torrents()}

    def only(self) -> ListedTorrent:
        return wait_for(lambda: next(iter(self.listed().values()), None), what="torrent")  # type: ignore[return-value]

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def verified(self, infohash: str) -> dict[str, Any]:
        path = f"torrents/{infohash}/verification"
        assert self.client.change("PUT", path)["state"] in ("waiting", "verifying")

        def ended() -> dict[str, Any] | None:
            found = self.client.change("GET", path)
            return found if found["ended"] is not None else None

        found = wait_for(ended, what="end")
        assert found is not None
        return found


@pytest.fixture
def publisher(start: Start, tmp_path: Path) -> Publisher:
    return Publisher(start, tmp_path)


@pytest.mark.long
def test_what_is_withdrawn_is_not_served_in_any_way_nor_published_by_a_restart(
    publisher: Publisher,
):
    publisher.put("a.bin", b"a" * 50_000)
    publisher.put("b.bin", b"b" * 50_000)
    publisher.begin()
    torrent = publisher.listed()["a.bin"]
    publisher.client.withdraw(torrent.infohash)
    publisher.process.line_with("administrator (token from 127.0.0.1): withdrew `a.bin`")
    assert publisher.status("content/a.bin") == 404
    assert publisher.status("torrents/a.bin.torrent") == 404
    wait_for(lambda: [*publisher.listed()] == ["b.bin"])
    assert publisher.process.stop() == 0
    publisher.begin()
    publisher.process.line_with("a.bin: ")
    assert [*publisher.listed()] == ["b.bin"]
    publisher.client.change("POST", "torrents", {"path": "a.bin"})
    wait_for(lambda: sorted(map(str, publisher.listed())) == ["a.bin", "b.bin"])
    assert publisher.listed()["a.bin"].infohash == torrent.infohash
    assert get(f"{publisher.url}content/a.bin") == b"a" * 50_000


def test_to_undo_the_denial_publishes_the_content_again(publisher: Publisher):
    publisher.put("a.bin", b"a" * 50_000)
    publisher.begin()
    infohash = publisher.only().infohash
    publisher.client.deny(infohash)
    publisher.process.line_with("withdrawn a.bin: withdrawn by an administrator")
    assert publisher.status("content/a.bin") == 404
    publisher.client.change("DELETE", f"denied/{infohash}")
    assert publisher.only().infohash == infohash


def test_content_that_is_right_goes_on_being_served_after_it_was_verified(
    publisher: Publisher, start: Start, tmp_path: Path
):
    aria2c = peer("aria2c")
    publisher.put("a.bin", os.urandom(3_000_000))
    publisher.begin()
    torrent = publisher.only()
    found = publisher.verified(torrent.infohash)
    assert (found["state"], found["done"], found["total"]) == ("right", 3_000_000, 3_000_000)
    publisher.process.line_with("verified `a.bin`: right")
    # By peers alone, as the web seed has not rested.
    alone = tmp_path / "a.torrent"
    alone.write_bytes(edit(publisher.client.metainfo(torrent), Changes(web_seeds=())).raw)
    fetched = start(
        aria2c, "--seed-time=0", "--enable-dht=false", "--bt-enable-lpd=false",
        "--bt-stop-timeout=90", "-d", tmp_path / "got", alone,
    )  # fmt: skip
    assert fetched.wait() == 0
    assert same_bytes(publisher.folder / "a.bin", tmp_path / "got" / "a.bin")


@pytest.mark.long
def test_content_that_rotted_is_withdrawn_and_comes_back_once_it_was_mended(publisher: Publisher):
    data = os.urandom(3_000_000)
    path = publisher.put("a.bin", data)
    publisher.begin()
    torrent = publisher.only()
    status = path.stat()
    with path.open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"rotten")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # By all that the disk tells, nothing changed.
    found = publisher.verified(torrent.infohash)
    assert found["state"] == "wrong"
    assert found["message"].startswith("differs from its torrent: 1 of ")
    assert publisher.status("content/a.bin") == 404
    assert publisher.process.stop() == 0
    publisher.begin()
    assert publisher.listed() == {}
    path.write_bytes(data)
    assert publisher.only().infohash == torrent.infohash
    assert get(f"{publisher.url}content/a.bin") == data
    assert publisher.client.change("GET", "denied")["rules"] == []


def test_what_lies_elsewhere_is_not_published(publisher: Publisher, tmp_path: Path):
    publisher.put("a.bin", b"a" * 50_000)
    (tmp_path / "secret").write_text("x")
    publisher.begin()
    for path in ("../secret", str(tmp_path / "secret"), "nothing", "", ".", "..", "a\0b", "/etc"):
        with pytest.raises(ProblemAnswered, match="not there in what is published"):
            publisher.client.change("POST", "torrents", {"path": path})
    for path in ("a.bin", str(publisher.folder / "a.bin"), "./a.bin"):
        answer = publisher.client.change("POST", "torrents", {"path": path})
        assert answer["infohash"] == publisher.only().infohash


@pytest.mark.long
def test_rates_of_the_seeder_change_while_it_runs(publisher: Publisher):
    publisher.put("a.bin", b"a" * 50_000)
    publisher.begin()
    assert publisher.client.change("GET", "rates")["upload_rate"] == 0
    rates = publisher.client.change("PATCH", "rates", {"upload_rate": 5000, "interval_s": 900})
    assert (rates["upload_rate"], rates["download_rate"], rates["interval_s"]) == (5000, 0, 900)
    publisher.process.line_with("`interval_s` 1800 to 900, `upload_rate` 0 to 5000")
    with pytest.raises(ProblemAnswered) as caught:
        publisher.client.change("PATCH", "rates", {"upload_rate": 1, "interval_s": 27_000})
    assert caught.value.status == 409
    assert publisher.client.change("GET", "rates")["upload_rate"] == 5000
    publisher.process.stop()
    publisher.begin()
    rates = publisher.client.change("GET", "rates")
    assert (rates["upload_rate"], rates["changed"]) == (5000, ["interval_s", "upload_rate"])
    assert publisher.client.change("PATCH", "rates", {"upload_rate": None})["upload_rate"] == 0


@pytest.fixture
def other_tracker() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = b"d8:intervali1800e5:peers0:e"
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/announce", asked
    server.shutdown()
    server.server_close()


def test_a_torrent_is_announced_anew_when_that_is_asked_for(
    start: Start, tmp_path: Path, other_tracker: tuple[str, list[str]]
):
    url, asked = other_tracker
    publisher = Publisher(start, tmp_path, "--tracker", url)
    publisher.put("a.bin", b"a" * 50_000)
    publisher.begin()
    wait_for(lambda: asked, what="announce")
    before = len(asked)
    publisher.client.change("POST", f"torrents/{publisher.only().infohash}/announcement")
    wait_for(lambda: len(asked) > before, what="another announce")


def test_without_another_tracker_there_is_nobody_to_announce_to(publisher: Publisher):
    publisher.put("a.bin", b"a" * 50_000)
    publisher.begin()
    with pytest.raises(ProblemAnswered, match="no other tracker"):
        publisher.client.change("POST", f"torrents/{publisher.only().infohash}/announcement")
    assert json.loads(get(f"{publisher.url}api/v1/torrents"))["matched"] == 1
