"""The newest torrents as RSS 2.0, with the .torrent as enclosure and the magnet link beside it."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response

from outpour.base.units import format_size
from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.context import Context, context_of
from outpour.web.links import Links
from outpour.web.rendered_pages import Rendered
from outpour.web.reply import reply
from outpour.web.torrent_files import MEDIA_TYPE
from outpour.web.url_names import Names

ATOM = "http://www.w3.org/2005/Atom"
TORRENT = "http://xmlns.ezrss.it/0.1/"
"""The namespace in which feed readers of BitTorrent clients look for the magnet link."""

ElementTree.register_namespace("atom", ATOM)
ElementTree.register_namespace("torrent", TORRENT)


async def feed(request: Request) -> Response:
    """`/feed.xml`."""
    context, links = context_of(request), context_of(request).links(request)
    names = await context.url_names.names()
    listed = (context.view.row(infohash) for infohash in names.newest)
    rows = [row for row in listed if row is not None]

    def render() -> Rendered:
        return Rendered.of(_document(context, links, names, rows))

    # The numbers of a row are not told here.
    inputs = (names, context.view.revision())
    found = await context.pages.get(("feed", links), inputs, render)
    return await reply(
        request,
        found.raw,
        "application/rss+xml; charset=utf-8",
        cache="max-age=60",
        packed=found.packed,
        headers={"etag": found.tag},
    )


def _document(context: Context, links: Links, names: Names, rows: Sequence[TorrentRow]) -> bytes:
    root = ElementTree.Element("rss", {"version": "2.0"})
    channel = ElementTree.SubElement(root, "channel")
    _add(channel, "title", context.options.title)
    _add(channel, "link", links.absolute(links.at("/")))
    _add(channel, "description", "The newest torrents")
    _add(channel, "generator", f"outpour {context.view.version}")
    itself = links.absolute(links.at("/feed.xml"))
    attributes = {"href": itself, "rel": "self", "type": "application/rss+xml"}
    ElementTree.SubElement(channel, f"{{{ATOM}}}link", attributes)
    for row in rows:
        _add_item(channel, links, row, _enclosure(context, links, names, row))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _enclosure(
    context: Context, links: Links, names: Names, row: TorrentRow
) -> dict[str, str] | None:
    name = names.metainfo_of.get(row.infohash)
    file = context.view.metainfo_file(row.infohash)
    if name is None or file is None:
        return None
    return {
        "url": links.absolute(links.metainfo(name)),
        "length": str(file.size),
        "type": MEDIA_TYPE,
    }


def _add_item(
    channel: ElementTree.Element, links: Links, row: TorrentRow, enclosure: dict[str, str] | None
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
    if enclosure is not None:
        ElementTree.SubElement(item, "enclosure", enclosure)
    if row.length is not None:
        _add(item, f"{{{TORRENT}}}contentLength", str(row.length))
    _add(item, f"{{{TORRENT}}}infoHash", row.infohash_hex)
    magnet = links.magnet(row)
    if magnet is not None:
        _add(item, f"{{{TORRENT}}}magnetURI", magnet)


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    # XML 1.0 cannot hold control characters, escaped or not.
    ElementTree.SubElement(parent, tag).text = text_format.label(text)
