"""The map of all pages for search engines (sitemaps.org), split where it is too long for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.context import context_of
from outpour.web.feeds.feed_item import TIME_MAX
from outpour.web.links import Links
from outpour.web.rendered_pages import Rendered
from outpour.web.reply import reply

if TYPE_CHECKING:
    from xml.etree import ElementTree

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
URLS_MAX = 50_000
"""URLs of one file, as the protocol says."""


async def sitemap(request: Request) -> Response:
    """`/sitemap.xml`: all pages, or the parts of the map; `?part=` is one of them."""
    context, links = context_of(request), context_of(request).links(request)
    names = await context.url_names.names()
    rows = context.url_names.rows()
    asked = request.query_params.get("part", "")
    part = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0

    def render() -> Rendered:
        # Of a torrent that is known by nothing but its infohash there is nothing to find.
        named = [row for row in rows if row.name is not None]
        pages: list[tuple[str, TorrentRow | None]] = [(links.at("/"), None)]
        pages += [(links.torrent(row.infohash), row) for row in named]
        parts = -(-len(pages) // URLS_MAX)
        if part == 0 and parts > 1:
            return Rendered.of(_index(links, parts))
        if part > parts:
            return Rendered.of(b"")
        begin = max(part - 1, 0) * URLS_MAX
        return Rendered.of(_urls(links, pages[begin : begin + URLS_MAX]))

    key = ("sitemap", links, part)
    found = await context.pages.get(key, (names, context.view.revision()), render)
    if not found.raw:
        raise HTTPException(404)
    return await reply(
        request,
        found.raw,
        "application/xml",
        cache="max-age=3600",
        packed=found.packed,
        headers={"etag": found.tag},
    )


def _index(links: Links, parts: int) -> bytes:
    from xml.etree import ElementTree

    root = ElementTree.Element("sitemapindex", {"xmlns": NAMESPACE})
    for part in range(1, parts + 1):
        element = ElementTree.SubElement(root, "sitemap")
        url = links.absolute(links.at("/sitemap.xml", part=part))
        ElementTree.SubElement(element, "loc").text = url
    return _document(root)


def _urls(links: Links, pages: Sequence[tuple[str, TorrentRow | None]]) -> bytes:
    from xml.etree import ElementTree

    root = ElementTree.Element("urlset", {"xmlns": NAMESPACE})
    for path, row in pages:
        element = ElementTree.SubElement(root, "url")
        ElementTree.SubElement(element, "loc").text = links.absolute(path)
        at = row.published_at if row is not None else None
        if at is not None and 0 < at < TIME_MAX:
            ElementTree.SubElement(element, "lastmod").text = text_format.day(at)
    return _document(root)


def _document(root: ElementTree.Element) -> bytes:
    from xml.etree import ElementTree

    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
