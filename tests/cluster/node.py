"""Trackers that act as one, each in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from outpour.torrent import bencode
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from tests.waiting import wait_for

ONE, OTHER = b"\x11" * 20, b"\x22" * 20


class Node:
    """A tracker of a cluster.

    Args:
        folder: Where its state lies, under its name.
        name: What it is called.
        given: Settings beside those that all have.

    Attributes:
        began_ready: Whether it said so as it began to serve.
    """

    def __init__(self, folder: Path, name: str, *cluster: str, clock=time.time, **given: Any):
        self.folder = folder
        self.name = name
        self.events: list[str] = []
        self.settings = TrackerSettings(
            listen=("127.0.0.1:0",),
            workers=1,
            state=folder / f"{name}.sqlite",
            cluster=cluster,
            node=name,
            private_networks=True,
            **{"open": True, "interval_s": 30, **given},
        )
        self.clock = clock
        self.start()

    def start(self) -> None:
        self.service = TrackerService(
            self.settings, clock=self.clock, on_event=lambda event: self.events.append(str(event))
        )
        self._loop = asyncio.new_event_loop()
        is_up = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(is_up),)
        )
        self._thread.start()
        assert is_up.wait(60)
        self.host, self.port = self.service.http_addresses[0]

    async def _run(self, is_up: threading.Event) -> None:
        try:
            self.service.start()
            # Before the first turn of its loop; a moment later it may have joined.
            self.began_ready = self.service.unready() is None
            self._work = asyncio.ensure_future(self.service.run())
        finally:
            is_up.set()
        try:
            await asyncio.gather(self._work, return_exceptions=True)
        finally:
            self.fault = self._work.exception() if not self._work.cancelled() else None
            self.service.stop()

    def call(self, work):
        """Call something where the tracker lives."""

        async def run():
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def announce(
        self, infohash: bytes, peer: int, *, left: int = 0, event: str = "", key: str = ""
    ):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            path = (
                f"{key}/announce?info_hash={quote(infohash)}&peer_id={'A' * 14}{peer:06}"
                f"&port={1000 + peer}&uploaded=0&downloaded=0&left={left}&compact=1&numwant=200"
            )
            connection.request("GET", path + (f"&event={event}" if event else ""))
            return bencode.decode(connection.getresponse().read(), strict=False)
        finally:
            connection.close()

    def download(self, infohash: bytes, peer: int) -> None:
        self.announce(infohash, peer, left=12, event="started")
        self.announce(infohash, peer, event="completed")

    def peers(self, infohash: bytes) -> set[int]:
        """Ports of the peers that it holds, less a thousand."""
        return {peer.port - 1000 for peer in self.service.peers(infohash)}

    def downloaded(self, infohash: bytes) -> int:
        """Completed downloads as the page shows them."""
        row = self.call(lambda: self.service.row(infohash))
        return 0 if row is None else row.downloaded

    def scraped(self, infohash: bytes) -> tuple[int, int, int]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("GET", f"/scrape?info_hash={quote(infohash)}")
            answer: Any = bencode.decode(connection.getresponse().read(), strict=False)
            one = answer[b"files"].get(infohash, {})
            return one.get(b"complete", 0), one.get(b"incomplete", 0), one.get(b"downloaded", 0)
        finally:
            connection.close()

    def figures(self):
        assert self.service.cluster is not None
        return self.call(self.service.cluster.figures)

    def is_ready(self) -> bool:
        return self.call(self.service.unready) is None

    def is_joined(self) -> bool:
        figures = self.figures()
        return figures.nodes[0].is_ready and not figures.is_alone

    def until_joined(self) -> Node:
        wait_for(self.is_joined, what="a node that joined", still=lambda: self.events)
        return self

    def said(self, text: str) -> bool:
        return any(text in event for event in self.events)

    def close(self) -> None:
        if not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._work.cancel)
            self._thread.join(60)
            self._loop.close()
