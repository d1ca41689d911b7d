"""“Why are announces refused since noon?”: a real tracker, real announces, and `/admin` alone."""

from __future__ import annotations

import asyncio
import http.client
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from outpour.tracker import saver
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.console import Console
from outpour.web.app import make_app
from outpour.web.contract import WebOptions
from outpour.web.serve_until_signal import web_side
from tests.waiting import wait_for

from .admin_site import TOKEN

pytestmark = pytest.mark.live

NOON = 1_795_003_200
WANTED, OTHER = b"\xab" * 20, b"\xcd" * 20


class RightToken:
    def is_right(self, given: str) -> bool:
        return given == TOKEN


class RunningTracker:
    """A tracker with its pages, in a thread of its own, whose clock a test moves on."""

    def __init__(self, folder: Path) -> None:
        self.now = float(NOON - 600)
        self.list = folder / "allow.txt"
        self.allow(WANTED, OTHER)
        settings = TrackerSettings(
            listen=("127.0.0.1:0",), workers=1, udp=False, allow_list=self.list, state=folder / "s"
        )
        self.service = TrackerService(settings, clock=lambda: self.now)
        # A minute of this clock is a minute for everybody.
        self.service.operation._up = lambda: self.now
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._is_up.wait(20)
        self.host, self.port = self.service.http_addresses[0]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def _run(self) -> None:
        self.service.start()
        service = self.service
        console = Console(AdminAccess(RightToken(), service.tell), service.operation, service.usage)
        app = make_app(service, WebOptions(), console=console)
        try:
            async with web_side(service, app):
                self._work = asyncio.ensure_future(service.run())
                self._is_up.set()
                await asyncio.gather(self._work, return_exceptions=True)
        finally:
            service.stop()

    def allow(self, *infohashes: bytes) -> None:
        new = self.list.with_suffix(".new")
        new.write_text("".join(f"{infohash.hex()}\n" for infohash in infohashes))
        new.replace(self.list)

    def announce(self, infohash: bytes, peer: int) -> bytes:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(
                "GET",
                f"/announce?info_hash={quote(infohash)}&peer_id=-qB4650-{peer:012}"
                f"&port={10_000 + peer}&uploaded=0&downloaded=0&left=0&compact=1",
                headers={"user-agent": "qBittorrent/4.6.5"},
            )
            return connection.getresponse().read()
        finally:
            connection.close()

    def minute(self, wanted: int, other: int, *, broken: int = 0) -> None:
        """Let peers announce for a minute."""
        for peer in range(wanted):
            assert b"failure" not in self.announce(WANTED, peer)
        for peer in range(other):
            self.announce(OTHER, peer)
        for peer in range(broken):
            self.announce(b"short", peer)
        sampled = self.service.operation._sampled
        before = sampled[-1]
        self.now += 60
        wait_for(lambda: sampled[-1] is not before, what="a sample")

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningTracker]:
    # How long it rests between two looks at the clock.
    monkeypatch.setattr(saver, "TURN_S", 0.02)
    running = RunningTracker(tmp_path)
    yield running
    running.close()


def test_the_page_says_since_when_and_why_announces_are_refused(
    tracker: RunningTracker, visit_url: Callable[..., Any]
):
    for number in range(13):
        tracker.minute(4, 25, broken=number % 2)
    # It is 12:03, and somebody takes a line out of the list.
    tracker.now += 5
    tracker.allow(WANTED)
    wait_for(lambda: b"failure" in tracker.announce(OTHER, 1), what="a refusal")
    for number in range(7):
        tracker.minute(4, 50, broken=number % 2)

    page = visit_url(tracker.url, "/admin")
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    notice = page.locator(".story")
    notice.wait_for()
    said = r"Since 12:03: 5\d a minute refused, (over )?99 % because the torrent is not tracked"
    assert re.search(said, notice.inner_text())

    notice.get_by_role("link", name="Why?").click()
    page.get_by_role("heading", name="What happened around 12:03").wait_for()
    likely = page.locator(".event.is-likely").first
    assert f"`{tracker.list}`: read again, 1 less, 1 now" in likely.inner_text()
    assert "in that minute" in likely.inner_text()
    assert page.locator(".mark-text").text_content() == "12:03"
    refused = page.locator("section", has=page.locator("#top-torrents")).locator("tbody tr")
    assert OTHER.hex() in refused.first.inner_text()
    assert "torrent not tracked" in refused.first.inner_text()
    clients = page.locator("section", has=page.locator("#top-clients")).locator("tbody tr")
    assert "qBittorrent" in clients.first.inner_text()
    addresses = page.locator("section", has=page.locator("#top-addresses")).locator("tbody tr")
    assert "127.0.0.1" in addresses.first.inner_text()


def test_what_is_over_is_told_with_its_end(tracker: RunningTracker, visit_url: Callable[..., Any]):
    for _ in range(10):
        tracker.minute(2, 0)
    tracker.allow(WANTED)
    wait_for(lambda: b"failure" in tracker.announce(OTHER, 1), what="a refusal")
    for _ in range(4):
        tracker.minute(2, 40)
    tracker.allow(WANTED, OTHER)
    wait_for(lambda: b"failure" not in tracker.announce(OTHER, 1), what="an answer")
    for _ in range(6):
        tracker.minute(2, 40)
    page = visit_url(tracker.url, "/admin/refusals")
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    page.get_by_role("heading", name="Refusals").wait_for()
    page.locator(".story").wait_for()
    assert "Next to nothing is refused now" in page.locator("main").inner_text()
    # Some are refused until the list is read again.
    said = r"From 12:00 to 12:0[45]: [34]\d a minute refused, 100 % because the torrent is not"
    assert re.search(said, page.locator(".story").inner_text())
