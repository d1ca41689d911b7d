"""`/feed.xml`, `/feed.atom`, `/feed.json`: the newest torrents, of all, a group or a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from outpour.web.context import Context, context_of
from outpour.web.feeds import json_feed
from outpour.web.feeds.feed_item import TEXT_MAX, Feed, FeedItem, item_of, newest
from outpour.web.links import Links
from outpour.web.rendered_pages import Rendered
from outpour.web.reply import reply
from outpour.web.text_format import label
from outpour.web.url_names import Names

# What writes XML is half a megabyte that a tracker has no use for until somebody asks for a feed.

Writer = Callable[[Feed], bytes]


async def rss_feed(request: Request) -> Response:
    """`/feed.xml`."""
    from outpour.web.feeds import rss

    return await _feed(request, "/feed.xml", rss.rss, f"{rss.MEDIA_TYPE}; charset=utf-8")


async def atom_feed(request: Request) -> Response:
    """`/feed.atom`."""
    from outpour.web.feeds import atom

    return await _feed(request, "/feed.atom", atom.atom, f"{atom.MEDIA_TYPE}; charset=utf-8")


async def json_items(request: Request) -> Response:
    """`/feed.json`."""
    return await _feed(request, "/feed.json", json_feed.json_feed, json_feed.MEDIA_TYPE)


async def _feed(request: Request, path: str, write: Writer, media_type: str) -> Response:
    context, links = context_of(request), context_of(request).links(request)
    text = request.query_params.get("q", "").strip()[:TEXT_MAX]
    group = request.query_params.get("group", "")[:TEXT_MAX]
    names = await context.url_names.names()
    rows = context.url_names.rows()

    def render() -> Rendered:
        found = newest(rows, text, group)
        items = [item_of(context.view, links, names, row) for row in found]
        return Rendered.of(write(_feed_of(context, links, path, text, group, items)))

    # The numbers of a row are not told here.
    inputs: tuple[Names, object] = (names, context.view.revision())
    found = await context.pages.get((path, links, text, group), inputs, render)
    return await reply(
        request,
        found.raw,
        media_type,
        cache="max-age=60",
        packed=found.packed,
        headers={"etag": found.tag},
    )


def _feed_of(
    context: Context, links: Links, path: str, text: str, group: str, items: Sequence[FeedItem]
) -> Feed:
    title = context.options.title
    what = (not (group or text) and context.options.site.description) or "The newest torrents"
    if group:
        title, what = f"{title}: {label(group)}", f"{what} of {label(group)}"
    if text:
        title, what = f"{title}: “{label(text)}”", f"{what} with “{label(text)}”"
    asked = {"q": text, "group": group}
    return Feed(
        title=title,
        description=what,
        site=links.absolute(links.at("/", **asked)),
        itself=links.absolute(links.at(path, **asked)),
        generator=f"outpour {context.view.version}",
        items=items,
        licence=context.options.site.licence,
    )
