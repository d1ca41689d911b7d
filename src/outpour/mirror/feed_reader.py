"""Reads the feeds of other tools: RSS, Atom and JSON Feed, whose items bring .torrent files.

A feed is a stranger's: its entities are not expanded (of XML none that a document type declares),
so many items and no more are read, and what has no .torrent is passed over.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from outpour.base.errors import FormatError
from outpour.base.text import printable
from outpour.mirror.offer import Listing, Offer

ITEMS_MAX = 10_000
TITLE_MAX = 500
URL_MAX = 4000
TORRENT_TYPE = "application/x-bittorrent"


def is_feed(body: bytes) -> bool:
    """Whether an answer is a feed by how it begins."""
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"{"):
        return b"jsonfeed.org/version" in head
    is_xml = head.startswith((b"<?xml", b"<rss", b"<feed", b"<rdf:rdf"))
    return is_xml and any(mark in head for mark in (b"<rss", b"<feed", b"<rdf:rdf"))


def read_feed(body: bytes, url: str) -> Listing:
    """Read a feed.

    Args:
        body: Its bytes.
        url: Where they came from, as links may be relative.

    Raises:
        FormatError: It is none.
    """
    is_json = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    items = _of_json(body, url) if is_json else _of_xml(body, url)
    offers: dict[str, Offer] = {}
    left_out = 0
    for title, link, published_at in items:
        try:
            place = urljoin(url, link.strip())
            parts = urlsplit(place)
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or len(place) > URL_MAX or place in offers:
            continue
        if len(offers) == ITEMS_MAX:
            left_out += 1
            continue
        name = printable(title.strip())[:TITLE_MAX] or unquote(parts.path.rpartition("/")[2])
        offers[place] = Offer(place, name, published_at=published_at, torrent_url=place)
    return Listing(offers, is_whole=False, left_out=left_out)


Item = tuple[str, str, "int | None"]
"""Title, URL of the .torrent, and Unix time in seconds."""


def _of_xml(body: bytes, url: str) -> Iterator[Item]:
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(body), ("start", "end"), forbid_dtd=True):
            if event == "start":
                if root is None:
                    root = element
                    if _local(root) not in ("rss", "feed", "RDF"):
                        raise FormatError(f"`{url}`: neither RSS nor Atom")
                continue
            if _local(element) in ("item", "entry"):
                found = _item(element)
                if found is not None:
                    yield found
                # What was read is not held: a feed may have a million items.
                element.clear()
                assert root is not None
                if root is not element and len(root) > 1:
                    _drop_read(root)
    except ParseError as error:
        raise FormatError(f"`{url}`: a feed that is no XML: {error}") from None
    except DefusedXmlException as error:
        what = type(error).__name__
        raise FormatError(f"`{url}`: a feed that declares types of its own ({what})") from None
    except (LookupError, ValueError) as error:
        # An encoding that is not known, or bytes that are not of it.
        raise FormatError(f"`{url}`: a feed that cannot be read: {error}") from None


def _drop_read(root: Element) -> None:
    for parent in (root, *[child for child in root if _local(child) == "channel"]):
        for child in [one for one in parent if _local(one) in ("item", "entry")]:
            parent.remove(child)


def _item(element: Element) -> Item | None:
    title, published_at = "", None
    links: list[tuple[int, str]] = []
    for child in element:
        name, text = _local(child), (child.text or "").strip()
        if name == "title":
            title = text
        elif name in ("pubDate", "published", "updated", "date"):
            published_at = published_at if published_at is not None else _time(text)
        elif name == "enclosure":
            links.append(_ranked(child.get("url", ""), child.get("type", ""), is_enclosure=True))
        elif name == "link":
            is_enclosure = child.get("rel") == "enclosure"
            links.append(
                _ranked(child.get("href") or text, child.get("type", ""), is_enclosure=is_enclosure)
            )
    link = _best(links)
    return None if link is None else (title, link, published_at)


def _of_json(body: bytes, url: str) -> Iterator[Item]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise FormatError(f"`{url}`: a feed that is no JSON") from None
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list):
        raise FormatError(f"`{url}`: no JSON Feed")
    for item in items:
        if not isinstance(item, dict):
            continue
        links = [_ranked(_text(item, "url"), "", is_enclosure=False)]
        attachments = item.get("attachments")
        for one in attachments if isinstance(attachments, list) else ():
            if isinstance(one, dict):
                links.append(_ranked(_text(one, "url"), _text(one, "mime_type"), is_enclosure=True))
        link = _best(links)
        if link is not None:
            yield _text(item, "title"), link, _time(_text(item, "date_published"))


def _ranked(url: str, media_type: str, *, is_enclosure: bool) -> tuple[int, str]:
    """A link with how likely it leads to a .torrent, 0 for not at all."""
    if media_type.partition(";")[0].strip().lower() == TORRENT_TYPE:
        return 3, url
    try:
        is_torrent = urlsplit(url).path.lower().endswith(".torrent")
    except ValueError:
        return 0, url
    return (2 if is_enclosure else 1) if is_torrent else 0, url


def _best(links: Iterable[tuple[int, str]]) -> str | None:
    rank, url = max(links, key=lambda pair: pair[0], default=(0, ""))
    return url if rank and url else None


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _time(text: str) -> int | None:
    for read in (parsedate_to_datetime, lambda said: datetime.fromisoformat(_iso(said))):
        try:
            moment = read(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return int(moment.timestamp())
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _iso(text: str) -> str:
    # Python 3.10 reads no `Z`.
    return f"{text[:-1]}+00:00" if text[-1:] in ("Z", "z") else text


def _local(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
