"""A feed as RSS 2.0, with the .torrent as enclosure and the magnet link beside it."""

from __future__ import annotations

from email.utils import formatdate
from xml.etree import ElementTree

from outpour.web.feeds.feed_item import TORRENT_TYPE, Feed, FeedItem

MEDIA_TYPE = "application/rss+xml"
ATOM = "http://www.w3.org/2005/Atom"
TORRENT = "http://xmlns.ezrss.it/0.1/"
"""The namespace in which feed readers of BitTorrent clients look for the magnet link."""

ElementTree.register_namespace("atom", ATOM)
ElementTree.register_namespace("torrent", TORRENT)


def rss(feed: Feed) -> bytes:
    """Write a feed."""
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.site)
    _add(channel, "description", feed.description)
    if feed.licence is not None:
        _add(channel, "copyright", feed.licence)
    _add(channel, "generator", feed.generator)
    attributes = {"href": feed.itself, "rel": "self", "type": MEDIA_TYPE}
    ElementTree.SubElement(channel, f"{{{ATOM}}}link", attributes)
    for item in feed.items:
        _add_item(channel, item)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_item(channel: ElementTree.Element, of: FeedItem) -> None:
    item = ElementTree.SubElement(channel, "item")
    _add(item, "title", of.title)
    _add(item, "link", of.page)
    guid = ElementTree.SubElement(item, "guid", {"isPermaLink": "false"})
    guid.text = f"urn:btih:{of.infohash}"
    if of.published_at is not None:
        _add(item, "pubDate", formatdate(of.published_at, usegmt=True))
    if of.group is not None:
        _add(item, "category", of.group)
    _add(item, "description", of.summary)
    if of.torrent is not None:
        url, size = of.torrent
        enclosure = {"url": url, "length": str(size), "type": TORRENT_TYPE}
        ElementTree.SubElement(item, "enclosure", enclosure)
    if of.length is not None:
        _add(item, f"{{{TORRENT}}}contentLength", str(of.length))
    _add(item, f"{{{TORRENT}}}infoHash", of.infohash)
    if of.magnet is not None:
        _add(item, f"{{{TORRENT}}}magnetURI", of.magnet)


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
