"""Asks pages and feeds again and again for torrents that are new, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from outpour.base.errors import OutpourError
from outpour.downloader.sources import Asking, Offer, offers_at, offers_of_feed
from outpour.downloader.supply import Supplied
from outpour.downloader.taken_keys import TakenKeys

if TYPE_CHECKING:
    from outpour.client import FetchedFeed

WAITING_MAX = 1000
"""Torrents that were fetched and not yet begun."""
TOLD_MAX = 10_000
"""Faults that are told once."""
PUT_S = 0.5


class FollowedSources:
    """Follows some URLs; a `Supply`.

    Args:
        sources: URLs of pages and feeds.
        asking: How to ask, and for what.
        every_s: Seconds between two looks.
        taken: Of each URL what was downloaded before; None to remember nothing.
    """

    def __init__(
        self,
        sources: Sequence[str],
        asking: Asking,
        every_s: float,
        taken: Mapping[str, TakenKeys] | None,
    ) -> None:
        self._sources = tuple(sources)
        self._asking = replace(asking, on_fault=self._tell)
        self._every_s = every_s
        self._taken = taken or {}
        self._given: set[tuple[str, str]] = set()
        self._feeds: dict[str, FetchedFeed] = {}
        self._told: dict[str, None] = {}
        self._found: queue.Queue[Supplied | OutpourError] = queue.Queue(WAITING_MAX)
        self._origins: dict[str, tuple[str, str]] = {}
        self._missing: dict[tuple[str, str], int] = {}
        self._is_over = threading.Event()
        threading.Thread(target=self._run, name="outpour-follow", daemon=True).start()

    def turn(self) -> list[Supplied | OutpourError]:
        """What has come since the last turn."""
        found: list[Supplied | OutpourError] = []
        while not self._found.empty():
            found.append(self._found.get())
        return found

    def completed(self, key: str) -> None:
        """Remember one; errors as for `TakenKeys.add`."""
        origin = self._origins.pop(key, None)
        if origin is None:
            return
        self._missing[origin] -= 1
        # An entry may name several torrents.
        if not self._missing[origin]:
            del self._missing[origin]
            source, name = origin
            if source in self._taken:
                self._taken[source].add(name)

    def failed(self, key: str) -> None:
        """Let one come again at the next look."""
        origin = self._origins.pop(key, None)
        if origin is not None:
            self._given.discard(origin)

    def close(self) -> None:
        """Ask no more."""
        self._is_over.set()

    def _run(self) -> None:
        while not self._is_over.is_set():
            for source in self._sources:
                self._look(source)
            self._is_over.wait(self._every_s)

    def _look(self, source: str) -> None:
        try:
            offers = self._offers(source)
        except OutpourError as error:
            self._tell(error)
            return
        for offer in offers:
            is_known = (source, offer.key) in self._given
            if self._is_over.is_set():
                return
            if not is_known and offer.key not in self._taken.get(source, ()):
                self._take(source, offer)

    def _take(self, source: str, offer: Offer) -> None:
        try:
            torrents = offer.fetch()
        except OutpourError as error:
            self._tell(error)
            return
        origin = (source, offer.key)
        self._given.add(origin)
        self._missing[origin] = len(torrents)
        for number, torrent in enumerate(torrents):
            key = f"{source} {offer.key} {number}"
            self._origins[key] = origin
            self._put(Supplied(key, torrent))

    def _offers(self, source: str) -> list[Offer]:
        from outpour.client import fetch_feed

        asking, last = self._asking, self._feeds.get(source)
        if last is None:
            offers, feed = offers_at(source, asking)
            if feed is not None:
                self._feeds[source] = feed
            return offers
        now = fetch_feed(source, last=last, timeout_s=asking.timeout_s, route=asking.route)
        self._feeds[source] = now
        return offers_of_feed(now.feed, source, asking)

    def _tell(self, error: OutpourError) -> None:
        # What stays wrong is told once, not at every look.
        if error.message in self._told:
            return
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told[error.message] = None
        self._put(error)

    def _put(self, one: Supplied | OutpourError) -> None:
        while not self._is_over.is_set():
            try:
                self._found.put(one, timeout=PUT_S)
                return
            except queue.Full:
                continue
