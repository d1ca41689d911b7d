"""Turns what a person names into torrents: files, URLs, magnet links, infohashes, pages, feeds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from outpour.base.deadline import Deadline
from outpour.base.errors import FormatError, NetworkError, OutpourError, ReadError, UsageError
from outpour.base.http_route import DIRECT, Route
from outpour.base.text import printable
from outpour.base.units import MIB
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

if TYPE_CHECKING:
    from outpour.base.http_fetch import Fetched
    from outpour.client import Feed, FeedEntry, FetchedFeed
    from outpour.client.answers import ListedTorrent

BYTES_MAX = 64 * MIB
"""Of a .torrent, and of a list."""
LIST_PAGES_MAX = 1000
LIST_TIMES = 10
"""So many times as long as one answer may the whole list take."""
LIST_PATH = "api/v1/torrents"

_INFOHASH = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?\Z")
_HOST = re.compile(r"(?!.*\.torrent\Z)(\w[\w-]*\.)*[\w-]+:\d+(/.*)?\Z")
_INFOHASH_OF_PAGE = re.compile(r"/torrent/([0-9a-f]{40})/?\Z")


@dataclass(frozen=True, slots=True)
class Asking:
    """How sources are fetched.

    Attributes:
        timeout_s: For each torrent, and ten times as long for the list of a page.
        route: By which way.
        on_fault: Takes what is wrong with one torrent of a page or feed, so that the others are
            found; None makes it the fault of the page.
        matches: Tells by their names which torrents of a page or feed are wanted; None for all.
        deadline: When everything must be over, however much a page or feed names; it ends in a
            `TimeoutError`.
    """

    timeout_s: float = 30.0
    route: Route = DIRECT
    on_fault: Callable[[OutpourError], None] | None = None
    matches: Callable[[str], bool] | None = None
    deadline: Deadline | None = None

    def wants(self, name: str) -> bool:
        """Whether a torrent of a page or feed is wanted."""
        return self.matches is None or self.matches(name)


@dataclass(frozen=True, slots=True)
class Offer:
    """A torrent that a page or feed names, and that may be fetched.

    Attributes:
        key: What stays the same when it is named again.
        name: What it is called there; may be empty.
        fetch: Fetches it, with the errors of `resolve`.
    """

    key: str
    name: str
    fetch: Callable[[], tuple[Metainfo | Magnet, ...]]


def resolve(source: str, asking: Asking | None = None) -> tuple[Metainfo | Magnet, ...]:
    """Find the torrents that a text names.

    Args:
        source: A .torrent file; the URL of one; a magnet link; an infohash in hexadecimal; the URL
            of an outpour page, which names everything that is published there; or that of a feed.
        asking: How to fetch what is not here.

    Raises:
        ReadError: The file is missing or no torrent.
        NetworkError: The URL does not answer, or with something else.
        UsageError: The text is none of these.
        TimeoutError: Its deadline passed.
    """
    if source[:7].lower() == "magnet:":
        return (Magnet.parse(source),)
    if source.partition("://")[0].lower() in ("http", "https"):
        return _from_url(source, asking or Asking())
    if _INFOHASH.match(source) and not Path(source).exists():
        return (_of_infohash(bytes.fromhex(source)),)
    if "://" in source:
        raise UsageError(
            f"`{source}`: cannot be downloaded from",
            hint="name a .torrent file, its URL, a magnet link or an outpour page",
        )
    return (_read(source),)


def _of_infohash(digest: bytes) -> Magnet:
    if len(digest) == 20:
        return Magnet(infohash_v1=digest)
    return Magnet(infohash_v1=None, infohash_v2=digest)


def _from_url(url: str, asking: Asking) -> tuple[Metainfo | Magnet, ...]:
    offers, _ = offers_at(url, asking)
    if not offers:
        raise NetworkError(f"`{url}`: nothing there is called so", hint="`--match` chooses")
    return tuple(torrent for offer in offers for torrent in _taken(offer, len(offers), asking))


def offers_at(url: str, asking: Asking) -> tuple[list[Offer], FetchedFeed | None]:
    """Find what a URL names: itself where it is a .torrent, else what a page or feed has.

    Args:
        url: Of a .torrent, an outpour page, or a feed.
        asking: How to fetch.

    Returns:
        What is offered, and the feed where it is one.

    Raises:
        NetworkError: The URL does not answer, or with something else, or names nothing.
        FormatError: The list or feed is damaged.
    """
    from outpour.client import FetchedFeed, is_feed, read_feed

    answer = _fetch(url, asking, asking.timeout_s)
    # No .torrent begins with anything but a dictionary, and no page or list begins with one.
    if answer.body[:1] == b"d":
        metainfo = Metainfo.parse(answer.body, origin=f"`{url}`")
        return [Offer(metainfo.info.infohash_hex, metainfo.info.name, lambda: (metainfo,))], None
    if is_feed(answer.body):
        tag, modified = (answer.headers.get(name) for name in ("etag", "last-modified"))
        feed = FetchedFeed(read_feed(answer.body, answer.url), answer.url, tag, modified)
        return offers_of_feed(feed.feed, url, asking), feed
    asking = _as_at(asking, url, answer.url)
    one = _INFOHASH_OF_PAGE.search(urlsplit(answer.url).path)
    wanted = [row for row in _list_of(answer, url, asking) if not one or row.infohash == one[1]]
    if not wanted:
        raise NetworkError(f"`{answer.url}`: nothing is published there")
    return [
        Offer(row.infohash, row.name or "", partial(_one_of_row, row, answer.url, asking))
        for row in wanted
        if asking.wants(row.name or row.infohash)
    ], None


def offers_of_feed(feed: Feed, url: str, asking: Asking) -> list[Offer]:
    """What a feed names.

    Args:
        feed: The feed.
        url: Where it came from.
        asking: How to fetch what it names.

    Raises:
        NetworkError: It names no torrent.
    """
    if not feed.entries:
        raise NetworkError(f"`{url}`: a feed that names no torrent")
    if feed.is_cut and asking.on_fault is not None:
        text = f"`{url}`: names more than {len(feed.entries)} torrents; the rest is left out"
        asking.on_fault(NetworkError(text))
    return [
        Offer(entry.key, entry.title, partial(_of_entry, entry, url, asking))
        for entry in feed.entries
        if asking.wants(entry.title or entry.key)
    ]


def _of_entry(entry: FeedEntry, url: str, asking: Asking) -> tuple[Metainfo | Magnet, ...]:
    found: list[Metainfo | Magnet] = []
    for source in entry.sources:
        if source[:7].lower() == "magnet:":
            found.append(Magnet.parse(source.strip()))
        else:
            answer = _fetch(source, _as_at(asking, url, source), asking.timeout_s)
            found.append(Metainfo.parse(answer.body, origin=f"`{source}`"))
    return tuple(found)


def _as_at(asking: Asking, base: str, url: str) -> Asking:
    """What a person sends to the server that was named is not another's to read."""
    return replace(asking, route=asking.route.to(url, base))


def _taken(offer: Offer, count: int, asking: Asking) -> tuple[Metainfo | Magnet, ...]:
    try:
        return offer.fetch()
    except OutpourError as error:
        if asking.on_fault is None or count == 1:
            raise
        asking.on_fault(error)
        return ()


def _one_of_row(row: ListedTorrent, url: str, asking: Asking) -> tuple[Metainfo | Magnet, ...]:
    return (_from_row(row, url, asking),)


def _list_of(page: Fetched, url: str, asking: Asking) -> list[ListedTorrent]:
    base = page.url
    if _INFOHASH_OF_PAGE.search(urlsplit(base).path):
        base = base[: base.rindex("/torrent/") + 1]
    deadline = Deadline.after(asking.timeout_s * LIST_TIMES)
    is_list = urlsplit(page.url).path.endswith(LIST_PATH)
    answer = page if is_list else _first_list(urljoin(base, LIST_PATH), url, asking)
    rows, following = _part_of(answer)
    seen = {answer.url}
    while following is not None:
        if following in seen or len(seen) == LIST_PAGES_MAX:
            raise NetworkError(f"`{url}`: the list of torrents has no end")
        seen.add(following)
        try:
            asking = _as_at(asking, answer.url, following)
            answer = _fetch(following, asking, min(asking.timeout_s, deadline.rest()))
        except TimeoutError:
            raise NetworkError(f"`{url}`: the list of torrents takes too long") from None
        more, following = _part_of(answer)
        rows += more
    return rows


def _part_of(answer: Fetched) -> tuple[list[ListedTorrent], str | None]:
    """Read a part of a list: its torrents, and the URL of the next."""
    from outpour.client.answers import object_of, page_of

    try:
        page = page_of(object_of(answer.body), None)
        following = urljoin(answer.url, page.next) if page.next is not None else None
    except FormatError as error:
        raise FormatError(f"`{answer.url}`: the list of torrents {error.message}") from None
    except ValueError:
        raise FormatError(
            f"`{answer.url}`: the list of torrents has a `next` that is no URL"
        ) from None
    return [*page.torrents], following


def _first_list(listing: str, url: str, asking: Asking) -> Fetched:
    hint = "open it in a browser and copy the address of the .torrent file"
    try:
        answer = _fetch(listing, asking, asking.timeout_s, accept="application/json")
    except NetworkError as error:
        if "HTTP 4" not in error.message:
            raise
        text = f"`{url}`: neither a torrent nor an outpour page"
        raise NetworkError(text, hint=hint) from error
    if answer.body.lstrip()[:1] not in (b"{", b"["):
        raise NetworkError(f"`{url}`: neither a torrent nor an outpour page", hint=hint)
    return answer


def _from_row(row: ListedTorrent, url: str, asking: Asking) -> Metainfo | Magnet:
    if row.torrent_url:
        target = urljoin(url, row.torrent_url)
        answer = _fetch(target, _as_at(asking, url, target), asking.timeout_s)
        metainfo = Metainfo.parse(answer.body, origin=f"`{row.torrent_url}`")
        if metainfo.info.infohash_hex != row.infohash:
            raise NetworkError(f"`{row.torrent_url}`: not the torrent that the page lists")
        return metainfo
    if row.magnet:
        return Magnet.parse(row.magnet)
    raise NetworkError(
        f"`{url}`: `{printable(row.name or row.infohash)}` can neither be fetched nor asked for"
    )


def _fetch(url: str, asking: Asking, timeout_s: float, accept: str = "*/*") -> Fetched:
    # What is on this machine, or comes from peers alone, needs none of HTTP and TLS.
    from outpour.base.http_fetch import fetch

    if asking.deadline is not None:
        timeout_s = min(timeout_s, asking.deadline.rest())
    return fetch(url, bytes_max=BYTES_MAX, timeout_s=timeout_s, accept=accept, route=asking.route)


def _read(source: str) -> Metainfo:
    try:
        return Metainfo.read(source)
    except FormatError:
        raise
    except ReadError as error:
        if _HOST.match(source):
            raise ReadError(error.message, hint=f"did you mean `http://{source}`?") from error
        raise
