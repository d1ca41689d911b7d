"""The newest torrents as RSS 2.0, with the .torrent as enclosure and the magnet link beside it."""

from __future__ import annotations

from email.utils import formatdate
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response

from outpour.base.units import format_size
from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.context import Context, context_of
from outpour.web.limits import FEED_ITEMS_MAX
from outpour.web.links import Links
from outpour.web.reply import reply
from outpour.web.torrent_files import MEDIA_TYPE

ATOM = "http://www.w3.org/2005/Atom"
TORRENT = "http://xmlns.ezrss.it/0.1/"
"""The namespace in which feed readers of BitTorrent clients look for the magnet link."""

ElementTree.register_namespace("atom", ATOM)
ElementTree.register_namespace("torrent", TORRENT)


async def feed(request: Request) -> Response:
    """`/feed.xml`."""
    context, links = context_of(request), context_of(request).links(request)
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    _add(channel, "title", context.options.title)
    _add(channel, "link", links.absolute(links.at("/")))
    _add(channel, "description", "The newest torrents")
    _add(channel, "generator", f"outpour {context.view.version}")
    itself = links.absolute(links.at("/feed.xml"))
    attributes = {"href": itself, "rel": "self", "type": "application/rss+xml"}
    ElementTree.SubElement(channel, f"{{{ATOM}}}link", attributes)
    named = [row for row in context.url_names.rows() if row.name is not None]
    named.sort(key=lambda row: (-(row.published_at or 0), row.infohash))
    for row in named[:FEED_ITEMS_MAX]:
        _add_item(channel, context, links, row)
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return await reply(request, body, "application/rss+xml; charset=utf-8", cache="max-age=60")


def _add_item(
    channel: ElementTree.Element, context: Context, links: Links, row: TorrentRow
) -> None:
    item = ElementTree.SubElement(channel, "item")
    _add(item, "title", row.name or row.infohash_hex)
    _add(item, "link", links.absolute(links.torrent(row.infohash)))
    guid = ElementTree.SubElement(item, "guid", {"isPermaLink": "false"})
    guid.text = f"urn:btih:{row.infohash_hex}"
    if row.published_at is not None and 0 <= row.published_at < 1 << 33:
        _add(item, "pubDate", formatdate(row.published_at, usegmt=True))
    size = format_size(row.length) if row.length is not None else "size unknown"
    _add(item, "description", f"{size}. {row.comment}" if row.comment else size)
    file_name = context.url_names.names().metainfo_of.get(row.infohash)
    raw = context.view.metainfo_bytes(row.infohash)
    if file_name is not None and raw is not None:
        url = links.absolute(links.metainfo(file_name))
        enclosure = {"url": url, "length": str(len(raw)), "type": MEDIA_TYPE}
        ElementTree.SubElement(item, "enclosure", enclosure)
    if row.length is not None:
        _add(item, f"{{{TORRENT}}}contentLength", str(row.length))
    _add(item, f"{{{TORRENT}}}infoHash", row.infohash_hex)
    if row.magnet is not None:
        _add(item, f"{{{TORRENT}}}magnetURI", row.magnet)


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    # XML 1.0 cannot hold control characters, escaped or not.
    ElementTree.SubElement(parent, tag).text = text_format.label(text)
