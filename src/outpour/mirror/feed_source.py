"""A feed that is followed: asked every few minutes, and only for what is new."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_fetch import Fetched, fetch
from outpour.base.http_route import Route
from outpour.base.public_address import addresses_of, is_public
from outpour.client import Feed, FetchedFeed, fetch_feed
from outpour.mirror.listing_source import Complain, Tell
from outpour.mirror.offer import MAGNET, Listing, Offer, OfferedFile
from outpour.mirror.told_table import ToldWords
from outpour.torrent.bencode import LIMITS
from outpour.torrent.metainfo import Metainfo

FETCH_S = 60.0
PAUSE_S, PAUSE_S_MAX = 5.0, 600.0
AGAIN_S = 6 * 3600.0
"""Between two looks at a .torrent that did not change: its maker may add web seeds to it later."""
AGAIN_AT_ONCE = 4
AGAIN_MAX = 1000
"""Of a feed, the newest are looked at again."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A .torrent as it was, and what its server says of that state."""

    tag: str
    at: float
    etag: str | None
    modified: str | None

    @classmethod
    def of(cls, answer: Fetched) -> _Known:
        headers = answer.headers
        modified = headers.get("last-modified")
        return cls(tag_of(answer.body), time.monotonic(), headers.get("etag"), modified)


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
        self._torrents: dict[str, _Known] = {}

    def follow(self, tell: Tell, complain: Complain, ended: threading.Event) -> None:
        """Tell what is listed, at once and whenever it changes, until `ended` is set."""
        pause_s = PAUSE_S
        is_first = True
        while not ended.is_set():
            try:
                self._look(tell)
            except OutpourError as error:
                complain(error)
                ended.wait(min(pause_s, self._every_s))
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
            else:
                pause_s = PAUSE_S
                if not is_first:
                    self._look_again(tell)
                is_first = False
                ended.wait(self._every_s)

    def metainfo(self, offer: Offer) -> Metainfo:
        """Fetch the .torrent of an offer."""
        answer = self._ask(offer.key)
        metainfo = Metainfo.parse(answer.body, origin=f"`{offer.key}`")
        self._torrents[offer.key] = _Known.of(answer)
        return metainfo

    def told(self, infohash: bytes, file_count: int) -> ToldWords:
        """Ask what is told of a torrent; a feed tells nothing more."""
        del file_count
        raise NetworkError(f"`{infohash.hex()}`: a feed tells no more than it lists")

    def file(self, offered: OfferedFile) -> bytes:
        """Fetch a file beside content; a feed offers none."""
        raise NetworkError(f"`{offered.name}`: a feed has no files beside content")

    def _ask(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> Fetched:
        route = replace(
            self._route, may_reach=self._may_reach, headers=(*self._route.headers, *headers)
        )
        any_status = bool(headers)
        return fetch(
            url, bytes_max=LIMITS.length, timeout_s=FETCH_S, any_status=any_status, route=route
        )

    def _look_again(self, tell: Tell) -> None:
        """Look whether some .torrent files are still what they were, as cheaply as can be."""
        offers = [*listing_of(self._last.feed).offers.values()] if self._last else []
        due = [one for one in offers[:AGAIN_MAX] if one.torrent_url and self._is_due(one.key)]
        changed: dict[str, Offer] = {}
        for offer in due[:AGAIN_AT_ONCE]:
            before = self._torrents.get(offer.key)
            asked: list[tuple[str, str]] = []
            if before is not None and before.etag:
                asked.append(("If-None-Match", before.etag))
            if before is not None and before.modified:
                asked.append(("If-Modified-Since", before.modified))
            try:
                answer = self._ask(offer.key, asked)
            except OutpourError:
                # What is mirrored stays; a server that is down is asked again by itself.
                continue
            if answer.status == 200:
                known = self._torrents[offer.key] = _Known.of(answer)
                changed[offer.key] = replace(offer, tag=known.tag)
            elif before is not None:
                self._torrents[offer.key] = replace(before, at=time.monotonic())
        if changed:
            tell(Listing(changed, is_whole=False))

    def _is_due(self, key: str) -> bool:
        known = self._torrents.get(key)
        return known is None or time.monotonic() - known.at > AGAIN_S

    def _may_reach(self, address: str) -> bool:
        return is_public(address) or address in self._near

    def _look(self, tell: Tell) -> None:
        found = fetch_feed(self._url, last=self._last, timeout_s=FETCH_S, route=self._route)
        if found is self._last:
            return
        self._near = addresses_of(urlsplit(found.url).hostname or "")
        self._last = found
        tell(listing_of(found.feed))


def tag_of(raw: bytes) -> str:
    """What differs once a .torrent was written anew, where nothing else tells."""
    return hashlib.sha256(raw).hexdigest()[:16]


def listing_of(feed: Feed) -> Listing:
    """What a feed offers: a torrent for each .torrent that its entries name."""
    offers: dict[str, Offer] = {}
    for entry in feed.entries:
        for url in entry.torrents or ((entry.magnet,) if entry.magnet else ()):
            name = entry.title or unquote(urlsplit(url).path.rpartition("/")[2])
            where = url if entry.torrents else None
            key = url if entry.torrents else MAGNET + url[len(MAGNET) :]
            offers.setdefault(
                key, Offer(key, name, entry.length, entry.published_at, torrent_url=where)
            )
    return Listing(offers, is_whole=False, is_cut=feed.is_cut)
