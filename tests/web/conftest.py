"""A web server on a free port of loopback, and a small view whose numbers a test may change."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from outpour.base.event import Event
from outpour.torrent import bencode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.cluster.cluster_figures import ClusterFigures
from outpour.tracker.figures import Extremes, Sample, Stretch, TorrentRow, Totals
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.tracker.views.outlines import Outlines, joined
from outpour.tracker.views.usage_book import UsageBook
from outpour.web.access import AccessRules
from outpour.web.admin.console import Console
from outpour.web.api.administration import Admin
from outpour.web.app import make_app
from outpour.web.asgi_server import WebServer
from outpour.web.content_copy import ContentCopy
from outpour.web.contract import ContentRoot, WebOptions
from outpour.web.visitors.beside import About, Sidecar

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
DEVICES = [DESK, PHONE]
"""Options of a browser's context."""
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
T = TypeVar("T")
NOW = 1_795_000_000
Identity = Callable[[tuple[str, ...], os.stat_result], bool]


@dataclass
class FakeUsage:
    """What a core saw, of nobody."""

    clients: list[tuple[bytes, int]] = field(default_factory=list)
    agents: list[tuple[bytes, int]] = field(default_factory=list)
    refused_torrents: list[tuple[str, bytes, int]] = field(default_factory=list)
    refused_addresses: list[tuple[str, str, int]] = field(default_factory=list)
    refused_clients: list[tuple[str, bytes, int]] = field(default_factory=list)


@dataclass
class FakeCore:
    """What a core counts, in plain lists; what is taken of it is there the next time, too."""

    requests: list[tuple[str, str, str, str | None, int]] = field(default_factory=list)
    times: list[tuple[str, list[tuple[int, int]], int, float]] = field(default_factory=list)
    seen: FakeUsage = field(default_factory=FakeUsage)
    key_uses: list[tuple[str, int, int]] = field(default_factory=list)

    def request_counts(self) -> list[tuple[str, str, str, str | None, int]]:
        return self.requests

    def latencies(self) -> list[tuple[str, list[tuple[int, int]], int, float]]:
        return self.times

    def take_usage(self) -> FakeUsage:
        return self.seen

    def take_key_uses(self) -> list[tuple[str, int, int]]:
        return self.key_uses


@dataclass
class FakeView:
    """A view over plain dictionaries."""

    torrents: dict[bytes, TorrentRow] = field(default_factory=dict)
    metainfos: dict[bytes, bytes] = field(default_factory=dict)
    contents: dict[bytes, Path] = field(default_factory=dict)
    identities: dict[bytes, Identity] = field(default_factory=dict)
    samples: dict[bytes, tuple[Sample, ...]] = field(default_factory=dict)
    withdrawn: dict[bytes, TorrentRow] = field(default_factory=dict)
    checksums: dict[bytes, Sequence[bytes]] = field(default_factory=dict)
    tracker_counters: dict[str, int] = field(default_factory=dict)
    core: FakeCore = field(default_factory=FakeCore)
    tracker_fault: str | None = None
    tracker_unready: str | None = None
    version: str = "9.8.7"
    time: float = NOW

    def now(self) -> float:
        return self.time

    def rows(self) -> tuple[TorrentRow, ...]:
        return tuple(self.torrents.values())

    def row(self, infohash: bytes) -> TorrentRow | None:
        return self.torrents.get(infohash)

    def walk(self, cursor: str, limit: int) -> tuple[Sequence[TorrentRow], str | None]:
        at = int(cursor or "0")
        rows = sorted(self.rows(), key=lambda row: row.infohash)
        following = str(at + limit) if at + limit < len(rows) else None
        return rows[at : at + limit], following

    def totals(self) -> Totals:
        rows = self.rows()
        complete = sum(row.complete for row in rows)
        downloading = sum(row.downloading for row in rows)
        downloaded = sum(row.downloaded for row in rows)
        return Totals(
            torrents=len(rows),
            length=sum(row.length or 0 for row in rows),
            complete_ips=(complete + 1) // 2,
            complete=complete,
            downloading_ips=(downloading + 1) // 2,
            downloading=downloading,
            downloaded=downloaded,
            downloaded_all=downloaded + 7,
            transferred=sum(row.transferred or 0 for row in rows),
        )

    def revision(self) -> object:
        return tuple(self.torrents), tuple(self.contents)

    async def history(self, infohash: bytes) -> tuple[Sample, ...]:
        return self.samples.get(infohash, ())

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Sequence[Stretch]]:
        outlines = Outlines(self._span, self._stretches, parts_max)
        found = {infohash: outlines.get(infohash, 0, 0) for infohash in infohashes}
        return {infohash: outline for infohash, outline in found.items() if outline}

    def _span(self, infohash: bytes) -> tuple[int, int] | None:
        samples = self.samples.get(infohash)
        return (samples[0].at, samples[-1].at) if samples else None

    def _stretches(self, infohash: bytes, step_s: int, after: int) -> Sequence[Stretch]:
        return joined(
            [
                Stretch(
                    sample.at,
                    sample.at,
                    Extremes(*[sample.complete] * 4),
                    Extremes(*[sample.downloading] * 4),
                    sample.downloaded,
                )
                for sample in self.samples.get(infohash, ())
                if sample.at > after
            ],
            step_s,
        )

    async def stretches(self, infohash: bytes, since: int, step_s: int) -> Sequence[Stretch]:
        found = self._stretches(infohash, step_s, since - 3600)
        shown = [stretch for stretch in found if stretch.ended >= since]
        return shown[:1] + [
            replace(later, is_after_gap=later.began - earlier.ended > max(step_s, 7200))
            for earlier, later in pairwise(shown)
        ]

    def gone(self, infohash: bytes) -> TorrentRow | None:
        return self.withdrawn.get(infohash)

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        raw = self.metainfos.get(infohash)
        return None if raw is None else MetainfoFile(Listing.of(Metainfo.parse(raw)), raw)

    def content(self, infohash: bytes) -> ContentRoot | None:
        path = self.contents.get(infohash)
        if path is None:
            return None
        fence = path if path.is_dir() else path.parent
        is_same = self.identities.get(infohash, lambda *_: True)
        return ContentRoot(path, fence, is_same)

    def made_checksums(self, infohash: bytes) -> Sequence[bytes]:
        return self.checksums.get(infohash, ())

    def counters(self) -> Mapping[str, int]:
        return self.tracker_counters

    @property
    def usage(self) -> UsageBook:
        return UsageBook(self.core, self.now)

    def unready(self) -> str | None:
        return self.tracker_unready

    def cluster_figures(self) -> ClusterFigures | None:
        return None

    def fault(self) -> str | None:
        return self.tracker_fault

    def change(self, infohash: bytes, **numbers: Any) -> None:
        self.torrents[infohash] = replace(self.torrents[infohash], **numbers)

    def list_metainfo(self, metainfo: Metainfo, path: Path | None, **numbers: Any) -> bytes:
        """List a torrent, with its content if a path is given."""
        info = metainfo.info
        row = TorrentRow(
            infohash=info.infohash,
            name=info.name,
            length=info.length,
            magnet=str(Magnet.of(metainfo)),
            file_count=len(info.files),
            is_folder=info.is_folder,
            version=info.version,
            published_at=NOW - 1000,
            transferred=info.length * numbers.get("downloaded", 0),
        )
        self.torrents[info.infohash] = replace(row, **numbers)
        self.metainfos[info.infohash] = metainfo.raw
        if path is not None:
            self.contents[info.infohash] = path
        return info.infohash

    def publish(
        self,
        name: str | bytes,
        files: Mapping[str, bytes] | bytes,
        root: Path | None = None,
        **numbers: Any,
    ) -> bytes:
        """List a torrent of a file, or of a folder, and write its content below a root."""
        raw_name = name.encode() if isinstance(name, str) else name
        metainfo = make_metainfo(raw_name, files)
        infohash = self.list_metainfo(metainfo, None, **numbers)
        if root is not None:
            target = root / metainfo.info.name
            self.contents[infohash] = target
            if isinstance(files, bytes):
                target.write_bytes(files)
            else:
                for path, data in files.items():
                    (target / path).parent.mkdir(parents=True, exist_ok=True)
                    (target / path).write_bytes(data)
        return infohash


def make_metainfo(name: bytes, files: Mapping[str, bytes] | bytes, **more: Any) -> Metainfo:
    """Make a v1 torrent of small content."""
    info: dict[bytes, Any] = {b"name": name, b"piece length": 16384}
    if isinstance(files, bytes):
        data = files
        info[b"length"] = len(files)
    else:
        data = b"".join(files.values())
        info[b"files"] = [
            {b"length": len(content), b"path": [part.encode() for part in path.split("/")]}
            for path, content in files.items()
        ]
    info[b"pieces"] = b"".join(
        hashlib.sha1(data[at : at + 16384]).digest() for at in range(0, len(data), 16384)
    )
    root: dict[bytes, Any] = {b"info": info, b"announce": b"http://127.0.0.1:6969/announce"}
    root |= {key.encode(): value for key, value in more.items()}
    return Metainfo.parse(bencode.encode(root))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeBeside:
    """Files beside content, in plain dictionaries."""

    abouts: dict[bytes | str | None, About] = field(default_factory=dict)
    sums: dict[bytes, dict[tuple[str, ...], str]] = field(default_factory=dict)
    files: dict[str, tuple[Sidecar, Path]] = field(default_factory=dict)

    def revision(self) -> object:
        return repr(self)

    async def about(self, infohash: bytes) -> About:
        return self.abouts.get(infohash, About())

    async def about_group(self, group: str | None) -> About:
        return self.abouts.get(group, About())

    def checksums(self, infohash: bytes) -> Mapping[tuple[str, ...], str]:
        return self.sums.get(infohash, {})

    def sidecars(self) -> Mapping[str, Sidecar]:
        return {name: sidecar for name, (sidecar, _) in self.files.items()}

    def group_of(self, name: str) -> str | None:
        del name
        return None

    def root(self, name: str) -> ContentRoot | None:
        if name not in self.files:
            return None
        path = self.files[name][1]
        return ContentRoot(path, path.parent, lambda *_: True)


@dataclass
class FakeCopies:
    """What is known of copies, in a plain dictionary."""

    known: dict[bytes, tuple[ContentCopy, ...]] = field(default_factory=dict)
    own: str = "http://own.example/"

    def of(self, infohash: bytes) -> tuple[ContentCopy, ...]:
        return self.known.get(infohash, ())

    def is_own(self, url: str) -> bool:
        return url.startswith(self.own)


class Site:
    """A server that runs in a thread of its own."""

    def __init__(
        self,
        view: FakeView,
        options: WebOptions | None = None,
        administration: Admin | None = None,
        rules: AccessRules | None = None,
        beside: FakeBeside | None = None,
        console: Console | None = None,
        copies: FakeCopies | None = None,
    ) -> None:
        self.view = view
        self.copies = copies or FakeCopies()
        self.told: list[Event] = []
        self.beside = beside or FakeBeside()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.app = make_app(
            view,
            options,
            beside=self.beside,
            administration=administration,
            rules=rules,
            console=console,
            copies=self.copies,
            tell=self.told.append,
        )
        # What is worked out is kept in proportion to how long that took, which on a busy machine is
        # long enough to hide what a test has changed since.
        self.app.state.context.url_names._rows._cost_factor = 0
        self.app.state.context.url_names._totals._cost_factor = 0
        self.server = WebServer(self.app)
        self.call(self.server.start())
        self.host, self.port = self.call(self.server.listen("127.0.0.1", 0))
        self.is_stopped = False

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def on_loop(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self.call(run())

    def get(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers=given)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=60)

    def raw(self, request: bytes) -> bytes:
        """Send bytes and read until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)

    def stop(self) -> None:
        if not self.is_stopped:
            self.is_stopped = True
            self.call(self.server.stop())

    def close(self) -> None:
        try:
            self.stop()
            self.call(self._loop.shutdown_default_executor())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(60)
            self._loop.close()


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Read until the stream ends with some bytes."""
    stream = b""
    while not stream.endswith(end):
        chunk = connection.recv(1 << 16)
        assert chunk, stream
        stream += chunk
    return stream


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    parts = []
    while chunk := connection.recv(1 << 20):
        parts.append(chunk)
    return b"".join(parts)


@pytest.fixture
def view() -> FakeView:
    return FakeView()


@pytest.fixture
def start() -> Iterator[Callable[..., Site]]:
    """Start sites that are stopped after the test."""
    sites: list[Site] = []

    def run(
        view: FakeView, options: WebOptions | None = None, beside: FakeBeside | None = None
    ) -> Site:
        sites.append(Site(view, options, beside=beside))
        return sites[-1]

    yield run
    for site in sites:
        site.close()


@pytest.fixture
def site(view: FakeView, start: Callable[..., Site]) -> Site:
    return start(view)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    path = CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing, and continuous integration must have it")
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit_url(browser: Any, start: Callable[..., Site]) -> Iterator[Callable[..., Any]]:
    """Open pages of any site that may not complain, and may speak to nobody but their site."""
    # Their sites are there for longer: a page whose site is gone complains.
    del start
    contexts = []
    complaints: list[str] = []

    def run(url: str, path: str = "/", **options: Any) -> Any:
        context = browser.new_context(**options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def check(request: Any) -> None:
            if not request.url.startswith((url + "/", "data:")):
                complaints.append(f"request to {request.url}")

        page.on("request", check)
        page.goto(url + path)
        return page

    yield run
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def visit(visit_url: Callable[..., Any], site: Site) -> Callable[..., Any]:
    """Open pages of the site."""

    def run(path: str = "/", **options: Any) -> Any:
        return visit_url(site.url, path, **options)

    return run


@pytest.fixture
def flaws() -> Callable[[Any], list[str]]:
    """Tell what axe-core finds wrong with a page for those who do not see, hear or point.

    The page is asked in light and in dark; dark changes colours alone, and most of the time goes
    into the rules about all else.
    """
    Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe  # noqa: N806
    violations = {"resultTypes": ["violations"]}
    schemes = {"light": violations, "dark": violations | {"runOnly": COLOUR_RULES}}

    def run(page: Any) -> list[str]:
        found = []
        for scheme, options in schemes.items():
            page.emulate_media(color_scheme=scheme)
            found += [
                f"{scheme}: {one['id']}: {node['target']} {node.get('failureSummary', '')}"
                for one in Axe().run(page, options=options).response["violations"]
                for node in one["nodes"]
            ]
        page.emulate_media(color_scheme="light")
        return found

    return run


@pytest.fixture
def flaws_everywhere(
    visit: Callable[..., Any], flaws: Callable[[Any], list[str]]
) -> Callable[..., list[str]]:
    """The same of paths, each on a desk and on a phone."""

    def run(*paths: str, prepare: Callable[[Any], None] = lambda page: None) -> list[str]:
        found = []
        for path in paths:
            for device in DEVICES:
                page = visit(path, **device)
                prepare(page)
                where = f"{path} {device['viewport']['width']}"
                found += [f"{where}: {flaw}" for flaw in flaws(page)]
                page.context.close()
        return found

    return run
