"""A feed that is followed: asked every few minutes, and only for what is new."""

from __future__ import annotations

import threading
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from outpour.base.errors import OutpourError
from outpour.base.http_fetch import fetch
from outpour.base.http_route import Route
from outpour.base.public_address import addresses_of, is_public
from outpour.client import Feed, FetchedFeed, fetch_feed
from outpour.mirror.listing_source import Complain, Tell
from outpour.mirror.offer import Listing, Offer
from outpour.torrent.bencode import LIMITS
from outpour.torrent.metainfo import Metainfo

FETCH_S = 60.0
PAUSE_S, PAUSE_S_MAX = 5.0, 600.0


class FeedSource:
    """A feed of another tool.

    Its .torrent files may lie anywhere on the internet, and on a private network only where the
    feed itself does.

    Args:
        url: Of the feed.
        route: By which way.
        every_s: Seconds between two looks.
    """

    withdraws = False

    def __init__(self, url: str, route: Route, every_s: float) -> None:
        self._url = url
        self._route = route
        self._every_s = every_s
        self._last: FetchedFeed | None = None
        self._near: frozenset[str] = frozenset()

    def follow(self, tell: Tell, complain: Complain, ended: threading.Event) -> None:
        """Tell what is listed, at once and whenever it changes, until `ended` is set."""
        pause_s = PAUSE_S
        while not ended.is_set():
            try:
                self._look(tell)
            except OutpourError as error:
                complain(error)
                ended.wait(min(pause_s, self._every_s))
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
            else:
                pause_s = PAUSE_S
                ended.wait(self._every_s)

    def metainfo(self, offer: Offer) -> Metainfo:
        """Fetch the .torrent of an offer."""
        answer = fetch(
            offer.key,
            bytes_max=LIMITS.length,
            timeout_s=FETCH_S,
            route=replace(self._route, may_reach=self._may_reach),
        )
        return Metainfo.parse(answer.body, origin=f"`{offer.key}`")

    def _may_reach(self, address: str) -> bool:
        return is_public(address) or address in self._near

    def _look(self, tell: Tell) -> None:
        found = fetch_feed(self._url, last=self._last, timeout_s=FETCH_S, route=self._route)
        if found is self._last:
            return
        self._near = addresses_of(urlsplit(found.url).hostname or "")
        self._last = found
        tell(listing_of(found.feed))


def listing_of(feed: Feed) -> Listing:
    """What a feed offers: a torrent for each .torrent that its entries name."""
    offers: dict[str, Offer] = {}
    for entry in feed.entries:
        for url in entry.torrents or ((entry.magnet,) if entry.magnet else ()):
            name = entry.title or unquote(urlsplit(url).path.rpartition("/")[2])
            where = url if entry.torrents else None
            offers.setdefault(
                url, Offer(url, name, entry.length, entry.published_at, torrent_url=where)
            )
    return Listing(offers, is_whole=False, is_cut=feed.is_cut)
