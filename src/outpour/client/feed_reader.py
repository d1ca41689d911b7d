"""Reads feeds that name torrents: RSS 0.9 to 2.0, Atom (RFC 4287) and JSON Feed 1.1.

    feed = read_feed(body, "https://example.org/feed.xml")
    for entry in feed.entries:
        print(entry.title, entry.sources)

A feed is of a stranger: XML is read as it streams, without entities of its own and without what
it refers to elsewhere, and no more entries than a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from outpour.base.errors import FormatError, NetworkError
from outpour.base.http_fetch import fetch
from outpour.base.http_route import DIRECT, Route
from outpour.base.text import typed
from outpour.base.units import MIB
from outpour.client.feed_collection import ENTRIES_MAX, Collection
from outpour.client.feed_entry import Feed
from outpour.client.feed_of_json import read_json_feed
from outpour.client.feed_of_xml import read_xml_feed

FEED_BYTES_MAX = 64 * MIB
HEAD_BYTES = 4096
ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9,"
    " */*;q=0.5"
)


@dataclass(frozen=True, slots=True)
class FetchedFeed:
    """A feed, and what its server says of this state of it.

    Attributes:
        feed: What it names.
        url: Where it came from, after redirects.
        etag: What the server calls this state, None if it does not.
        modified: When it says that this began, None if it does not.
    """

    feed: Feed
    url: str
    etag: str | None = None
    modified: str | None = None


def is_feed(body: bytes) -> bool:
    """Whether bytes look as a feed does, from their beginning."""
    head = typed(body[:HEAD_BYTES]).lstrip()
    if head[:1] == b"{":
        return b"jsonfeed.org/version" in head
    return head[:1] == b"<" and any(
        mark in head for mark in (b"<rss", b"<feed", b":feed", b"<rdf:RDF", b"<RDF")
    )


def read_feed(body: bytes, url: str, *, entries_max: int = ENTRIES_MAX) -> Feed:
    """Read a feed.

    Args:
        body: The feed.
        url: Where it came from, for URLs in it that are not absolute.
        entries_max: No more entries are read.

    Raises:
        FormatError: It is no feed.
    """
    found = Collection(url, entries_max)
    try:
        if typed(body[:HEAD_BYTES]).lstrip()[:1] in (b"{", b"["):
            read_json_feed(typed(body), found)
        else:
            # Its declaration says in which encoding XML is.
            read_xml_feed(body, found)
    except FormatError as error:
        raise FormatError(f"`{url}`: {error.message}") from None
    return found.feed()


def fetch_feed(
    url: str,
    *,
    last: FetchedFeed | None = None,
    timeout_s: float = 30.0,
    route: Route = DIRECT,
    entries_max: int = ENTRIES_MAX,
) -> FetchedFeed:
    """Fetch a feed and read it.

    Args:
        url: Of the feed.
        last: What came the last time, which is returned again where the server says that nothing
            has changed.
        timeout_s: For everything together.
        route: By which way.
        entries_max: No more entries are read.

    Raises:
        UsageError: The URL is neither HTTP nor HTTPS.
        NetworkError: The server is not reached, or answers with an error.
        FormatError: What comes is no feed.
    """
    asked: list[tuple[str, str]] = []
    if last is not None and last.etag:
        asked.append(("If-None-Match", last.etag))
    if last is not None and last.modified:
        asked.append(("If-Modified-Since", last.modified))
    answer = fetch(
        url,
        bytes_max=FEED_BYTES_MAX,
        timeout_s=timeout_s,
        accept=ACCEPT,
        any_status=True,
        route=replace(route, headers=(*route.headers, *asked)),
    )
    if answer.status == 304 and last is not None:
        return last
    if answer.status != 200:
        raise NetworkError(f"`{url}`: HTTP {answer.status}")
    return FetchedFeed(
        read_feed(answer.body, answer.url, entries_max=entries_max),
        answer.url,
        answer.headers.get("etag"),
        answer.headers.get("last-modified"),
    )
