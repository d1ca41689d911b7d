"""Reads JSON Feed 1.1, with the extension `_torrent` that outpour's own feeds have."""

from __future__ import annotations

import json

from outpour.base.errors import FormatError
from outpour.client.feed_collection import Collection, RawEntry, length_of

ATTACHMENTS_MAX = 100


def read_json_feed(body: bytes, found: Collection) -> None:
    """Read a feed in JSON.

    Raises:
        FormatError: It is no feed.
    """
    try:
        root = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError("the feed is damaged: it is no JSON") from error
    items = root.get("items") if isinstance(root, dict) else None
    if not isinstance(items, list):
        raise FormatError("it is neither RSS, Atom nor JSON Feed")
    found.title = " ".join(_text(root, "title").split())
    for item in items:
        if isinstance(item, dict) and not found.take(_entry_of(item)):
            return


def _entry_of(item: dict[str, object]) -> RawEntry:
    entry = RawEntry()
    entry.title = _text(item, "title")
    entry.key = _text(item, "id")
    entry.link = _text(item, "url") or _text(item, "external_url")
    entry.dates = [_text(item, "date_published"), _text(item, "date_modified")]
    attachments = item.get("attachments")
    for one in attachments[:ATTACHMENTS_MAX] if isinstance(attachments, list) else ():
        if isinstance(one, dict):
            entry.links.append((_text(one, "url"), _text(one, "mime_type")))
    own = item.get("_torrent")
    if isinstance(own, dict):
        entry.infohash = _text(own, "infohash")
        entry.magnet = _text(own, "magnet")
        entry.length = length_of(own.get("content_length"))
    return entry


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    # The version before had numbers as ids.
    if isinstance(value, int) and not isinstance(value, bool) and name == "id":
        return str(value)
    return value if isinstance(value, str) else ""
