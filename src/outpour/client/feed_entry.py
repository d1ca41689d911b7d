"""What a feed names: its entries, each with where its torrents are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry of a feed that names something; all of it is text of a stranger.

    Attributes:
        key: What stays the same when the entry is written anew: its `guid` or `id`, else the first
            of its URLs.
        title: What it is called; may be empty.
        page: URL of the page about it, None without one.
        torrents: URLs of its .torrent files, absolute, as it lists them.
        magnet: Its magnet link, None without one.
        length: Bytes of its content, where the feed tells; never the size of a .torrent.
        published_at: Unix second, None if it does not tell.
    """

    key: str
    title: str = ""
    page: str | None = None
    torrents: tuple[str, ...] = ()
    magnet: str | None = None
    length: int | None = None
    published_at: int | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """What to download for it: its .torrent files, or its magnet link where there are none."""
        return self.torrents or ((self.magnet,) if self.magnet else ())


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, as it was at one moment.

    Attributes:
        title: What it is called; may be empty.
        entries: Those with a torrent, in the order of the feed, each key once.
        left_out: Entries without a torrent.
        is_cut: Whether it goes on beyond the limit, so that its last entries were not read.
    """

    title: str
    entries: tuple[FeedEntry, ...]
    left_out: int = 0
    is_cut: bool = False
