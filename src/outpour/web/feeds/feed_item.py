"""A torrent as an item of a feed, whatever the feed is written in."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from outpour.base.units import format_size
from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.contract import View
from outpour.web.limits import FEED_ITEMS_MAX
from outpour.web.links import Links
from outpour.web.query import is_infohash
from outpour.web.url_names import Names

TIME_MAX = 1 << 33
"""A torrent may say that it was made in the year 300,000,000,000, and no feed can."""
TEXT_MAX = 200
TORRENT_TYPE = "application/x-bittorrent"


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A torrent as readers of a feed see it.

    Attributes:
        title: Its name.
        infohash: The 20 bytes in hexadecimal.
        page: URL of its page.
        published_at: Unix second, None if it is not known.
        summary: Size and comment.
        length: Bytes of its content, None if not known.
        torrent: URL and bytes of the .torrent, None without one.
        magnet: Magnet link, None without one.
        group: The group it belongs to, None without one.
        licence: Under which terms it may be used, None if nobody says of it alone.
    """

    title: str
    infohash: str
    page: str
    published_at: int | None
    summary: str
    length: int | None
    torrent: tuple[str, int] | None
    magnet: str | None
    group: str | None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed.

    Attributes:
        title: What it is called.
        description: One sentence.
        site: URL of the page that shows the same.
        itself: URL of the feed.
        generator: The program that writes it.
        items: The newest first.
        licence: Under which terms the files may be used, None if nobody says.
    """

    title: str
    description: str
    site: str
    itself: str
    generator: str
    items: Sequence[FeedItem]
    licence: str | None = None

    @property
    def updated_at(self) -> int:
        """When the newest item was published, 0 without any."""
        return max((item.published_at or 0 for item in self.items), default=0)


def newest(rows: Iterable[TorrentRow], text: str, group: str) -> list[TorrentRow]:
    """The newest torrents that have all words of a text in their names, and are of a group.

    Args:
        rows: All torrents.
        text: Words, or the beginning of an infohash; empty for all.
        group: Name of a group; empty for all.
    """
    words = text.casefold().split()
    found = (
        row
        for row in rows
        if row.name is not None
        and (not group or row.group == group)
        and (
            all(word in row.name.casefold() for word in words)
            or (len(words) == 1 and is_infohash(row, words[0]))
        )
    )
    return heapq.nsmallest(
        FEED_ITEMS_MAX, found, key=lambda row: (-(row.published_at or 0), row.infohash)
    )


def item_of(view: View, links: Links, names: Names, row: TorrentRow) -> FeedItem:
    """Describe a torrent."""
    name = names.metainfo_of.get(row.infohash)
    file = view.metainfo_file(row.infohash)
    size = format_size(row.length) if row.length is not None else "size unknown"
    is_dated = row.published_at is not None and 0 <= row.published_at < TIME_MAX
    torrent = None
    if name is not None and file is not None:
        torrent = (links.absolute(links.metainfo(name)), file.size)
    return FeedItem(
        title=text_format.label(row.name or row.infohash_hex),
        infohash=row.infohash_hex,
        page=links.absolute(links.torrent(row.infohash)),
        published_at=row.published_at if is_dated else None,
        summary=text_format.label(f"{size}. {row.comment}" if row.comment else size),
        length=row.length,
        torrent=torrent,
        magnet=links.magnet(row),
        group=None if row.group is None else text_format.label(row.group),
        licence=None if row.licence is None else text_format.label(row.licence),
    )
