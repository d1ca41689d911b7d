"""A real tracker with operator's pages, in a thread of its own, whose clock a test moves on."""

from __future__ import annotations

import asyncio
import http.client
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from outpour.tracker.deeds import TrackerDeeds
from outpour.tracker.lists.keys_in_force import Keyring
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.tracker_console import tracker_console
from outpour.web.api.administration import Admin
from outpour.web.api.who_asks import AccessAsks
from outpour.web.app import make_app
from outpour.web.contract import WebOptions
from outpour.web.serve_until_signal import web_side
from tests.waiting import wait_for

from .admin_site import FORM, TOKEN

NOON = 1_795_003_200
WANTED, OTHER = b"\xab" * 20, b"\xcd" * 20


class RightToken:
    def is_right(self, given: str) -> bool:
        return given == TOKEN


class RunningTracker:
    """The tracker.

    Args:
        folder: Where its list and state lie.
        given: Settings beside those.
    """

    def __init__(self, folder: Path, **given: Any) -> None:
        self.now = float(NOON - 600)
        self.list = folder / "allow.txt"
        self.allow(WANTED, OTHER)
        settings = TrackerSettings(
            listen=("127.0.0.1:0",),
            workers=1,
            udp=False,
            allow_list=self.list,
            state=folder / "s",
            **given,
        )
        self.service = TrackerService(settings, clock=lambda: self.now)
        # A minute of this clock is a minute for everybody.
        self.service.operation._up = lambda: self.now
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._is_up.wait(60)
        self.host, self.port = self.service.http_addresses[0]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def _run(self) -> None:
        self.service.start()
        service = self.service
        access = AdminAccess(RightToken(), service.tell)
        keys = service.settings.key_list
        admin = Admin(
            AccessAsks(access),
            Keyring(keys, service.refresh, lambda: self.now) if keys else None,
            service.ruling,
            TrackerDeeds(service),
        )
        console = tracker_console(service, access)
        app = make_app(service, WebOptions(), console=console, administration=admin)
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

    def has_told(self, words: str) -> bool:
        """Whether an event of lists said so."""
        latest = self.service.operation.log.latest(9, kind="lists")
        return any(words in one.text for one in latest)

    def announce(
        self, infohash: bytes, peer: int, *, host: str = "127.0.0.1", key: str = ""
    ) -> bytes:
        connection = http.client.HTTPConnection(
            self.host, self.port, timeout=60, source_address=(host, 0)
        )
        try:
            connection.request(
                "GET",
                f"{key}/announce?info_hash={quote(infohash)}&peer_id=-qB4650-{peer:012}"
                f"&port={10_000 + peer}&uploaded=0&downloaded=0&left=0&compact=1",
                headers={"user-agent": "qBittorrent/4.6.5"},
            )
            return connection.getresponse().read()
        finally:
            connection.close()

    def request(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Ask as a browser does that sends a form."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            given = {"content-type": FORM, **headers}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read().decode(), fields
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
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join(60)
        self._loop.close()
