"""Real engines, web seeds and a tracker of a few lines, all on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import libtorrent as lt
import pytest

from outpour.engine import Engine, EngineSettings, Status
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

VERSIONS = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}


def reach(engine: Engine, infohash: bytes, *states: str, seconds: float = 60) -> Status:
    """Wait until a torrent is in one of the states."""
    deadline = time.monotonic() + seconds
    while (status := engine.status(infohash)).state not in states:
        assert time.monotonic() < deadline, f"still {status}"
        engine.wait(0.02)
        engine.events()
    if status.complete:
        assert engine.flush()
    return status


def make_torrent(
    root: Path,
    version: str = "v1",
    *,
    trackers: Sequence[str] = (),
    web_seeds: Sequence[str] = (),
    piece_length: int = 65536,
) -> Metainfo:
    made = lt.create_torrent(lt.list_files(str(root)), piece_length, VERSIONS[version])
    lt.set_piece_hashes(made, str(root.parent))
    for url in trackers:
        made.add_tracker(url)
    for url in web_seeds:
        made.add_url_seed(url)
    return Metainfo.parse(lt.bencode(made.generate()))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A folder of some megabytes in three files, one of them in a subfolder."""
    root = tmp_path / "origin" / "release"
    (root / "docs").mkdir(parents=True)
    (root / "image.bin").write_bytes(os.urandom(3_000_001))
    (root / "docs" / "notes.txt").write_bytes(os.urandom(70_000))
    (root / "readme").write_bytes(b"hello\n")
    return root


@pytest.fixture
def settings() -> EngineSettings:
    return EngineSettings().isolated()


@pytest.fixture
def engine(settings: EngineSettings) -> Iterator[Engine]:
    with Engine(settings) as made:
        yield made


@pytest.fixture
def seeder(settings: EngineSettings) -> Iterator[Engine]:
    with Engine(settings) as made:
        yield made


def same_files(one: Path, other: Path) -> bool:
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    found = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return names == found and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1000

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of these tests hang up whenever they like."""


class WebHost:
    """Serves files by ranges, and whatever else a test puts into `answers`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        self.hosts: set[str] = set()
        self.answers: dict[str, tuple[int, bytes]] = {}
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                # Behind a proxy a kept connection has requests with whole URLs.
                target = re.sub(r"^http://[^/]*", "", self.path)
                host.requests.append(target)
                host.hosts.add(self.client_address[0])
                status, body, headers = host.respond(target, self.headers.get("Range"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        if target in self.answers:
            status, body = self.answers[target]
            return status, body, {}
        path = self.root / unquote(target).lstrip("/")
        if not path.is_file():
            return 404, b"no such file", {}
        body = path.read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if match is None:
            return 200, body, {}
        first, last = int(match[1]), int(match[2] or len(body) - 1)
        part = body[first : last + 1]
        return 206, part, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web_host(tmp_path: Path) -> Iterator[WebHost]:
    root = tmp_path / "origin"
    root.mkdir(exist_ok=True)
    host = WebHost(root)
    yield host
    host.close()


class TinyTracker(WebHost):
    """Knows every peer that has announced itself to it."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.announce_url = f"{self.url}announce"
        self.peers: defaultdict[bytes, set[int]] = defaultdict(set)
        self.events: list[tuple[bytes, str]] = []
        self.extra: dict[bytes, bencode.Value] = {}
        self.paths = ["/announce"]

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        path, _, query = target.partition("?")
        if path not in self.paths:
            return 404, b"", {}
        pairs = dict(pair.split("=", 1) for pair in query.split("&"))
        infohash = unquote_to_bytes(pairs["info_hash"])
        event = pairs.get("event", "")
        self.events.append((infohash, event))
        peers = self.peers[infohash]
        (peers.discard if event == "stopped" else peers.add)(int(pairs["port"]))
        compact = b"".join(b"\x7f\0\0\1" + port.to_bytes(2, "big") for port in sorted(peers))
        answer: dict[bytes, bencode.Value] = {
            b"interval": 1800, b"peers": compact, b"complete": len(peers), **self.extra
        }  # fmt: skip
        return 200, bencode.encode(answer), {}


@pytest.fixture
def tracker() -> Iterator[TinyTracker]:
    made = TinyTracker()
    yield made
    made.close()


LOOPBACK = ("--bind", "127.0.0.1")
# Apart from those of `free_ports`, which are told before somebody listens at them.
OLD_PORTS = (*LOOPBACK, "--minport", "33000", "--maxport", "60000", "--random_port", "1")


class Command:
    """A running `outpour`; its lines on stdout and stderr go into files."""

    def __init__(self, base: Path, *args: object) -> None:
        self.log = base / f"stdout-{time.monotonic_ns()}"
        self.errors = self.log.with_name(self.log.name.replace("stdout", "stderr"))
        environ = {**os.environ, "XDG_STATE_HOME": str(base / "state")}
        with self.log.open("wb") as out, self.errors.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "outpour", *map(str, args)],
                stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environ, cwd=base,
            )  # fmt: skip

    def wait(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_bytes().splitlines(keepends=True)
        # The last line may still be on its way into the file.
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    @property
    def talk(self) -> str:
        return self.errors.read_text()

    def last(self, name: str) -> int:
        """The last value of a number in the statuses."""
        values = [event[name] for event in self.events if event["event"] == "status"]
        return int(values[-1]) if values else 0


@pytest.fixture
def outpour(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    running: list[Command] = []

    def start(*args: object) -> Command:
        running.append(Command(tmp_path, *args))
        return running[-1]

    yield start
    for command in running:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()


@pytest.fixture
def torrent(content: Path, tracker: TinyTracker, tmp_path: Path) -> Path:
    path = tmp_path / "release.torrent"
    make_torrent(content, "hybrid", trackers=[tracker.announce_url]).write(path)
    return path


def address(engine: Engine) -> str:
    host, port = engine.addresses[0]
    return f"{host}:{port}"
