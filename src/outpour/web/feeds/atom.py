"""A feed as Atom (RFC 4287), with the .torrent as enclosure."""

from __future__ import annotations

from xml.etree import ElementTree

from outpour.web import text_format
from outpour.web.feeds.feed_item import TORRENT_TYPE, Feed, FeedItem
from outpour.web.feeds.rss import ATOM

MEDIA_TYPE = "application/atom+xml"


def atom(feed: Feed) -> bytes:
    """Write a feed."""
    root = ElementTree.Element(_tag("feed"))
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.description)
    _add(root, "id", feed.itself)
    _add(root, "updated", text_format.iso(feed.updated_at))
    if feed.licence is not None:
        _add(root, "rights", feed.licence)
    _add(root, "generator", feed.generator)
    _add(ElementTree.SubElement(root, _tag("author")), "name", feed.title)
    _link(root, href=feed.itself, rel="self", type=MEDIA_TYPE)
    _link(root, href=feed.site, rel="alternate", type="text/html")
    for item in feed.items:
        _add_entry(root, item)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_entry(root: ElementTree.Element, of: FeedItem) -> None:
    entry = ElementTree.SubElement(root, _tag("entry"))
    _add(entry, "title", of.title)
    _add(entry, "id", f"urn:btih:{of.infohash}")
    _add(entry, "updated", text_format.iso(of.published_at or 0))
    if of.published_at is not None:
        _add(entry, "published", text_format.iso(of.published_at))
    _add(entry, "summary", of.summary)
    if of.licence is not None:
        _add(entry, "rights", of.licence)
    if of.group is not None:
        ElementTree.SubElement(entry, _tag("category"), {"term": of.group})
    _link(entry, href=of.page, rel="alternate", type="text/html")
    if of.torrent is not None:
        # The last, as clients exist that take the last link for the torrent whatever it says.
        url, size = of.torrent
        _link(entry, href=url, rel="enclosure", type=TORRENT_TYPE, length=str(size))


def _link(parent: ElementTree.Element, **attributes: str) -> None:
    ElementTree.SubElement(parent, _tag("link"), attributes)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{ATOM}}}{name}"
