"""A feed as JSON Feed 1.1, with the .torrent as attachment."""

from __future__ import annotations

import json

from outpour.web import text_format
from outpour.web.feeds.feed_item import TORRENT_TYPE, Feed, FeedItem

MEDIA_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"

Object = dict[str, object]


def json_feed(feed: Feed) -> bytes:
    """Write a feed."""
    body: Object = {
        "version": VERSION,
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.site,
        "feed_url": feed.itself,
        "items": [_item(item) for item in feed.items],
    }
    if feed.licence is not None:
        body["_licence"] = feed.licence
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _item(of: FeedItem) -> Object:
    item: Object = {
        "id": f"urn:btih:{of.infohash}",
        "url": of.page,
        "title": of.title,
        "content_text": of.summary,
    }
    if of.published_at is not None:
        item["date_published"] = text_format.iso(of.published_at)
    if of.group is not None:
        item["tags"] = [of.group]
    if of.licence is not None:
        item["_licence"] = of.licence
    if of.torrent is not None:
        url, size = of.torrent
        item["attachments"] = [{"url": url, "mime_type": TORRENT_TYPE, "size_in_bytes": size}]
    # An extension, as the format has it: readers pass over what begins with an underscore.
    item["_torrent"] = {
        "infohash": of.infohash,
        "magnet": of.magnet,
        "content_length": of.length,
    }
    return item
