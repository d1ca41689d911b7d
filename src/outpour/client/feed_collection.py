"""Puts the entries of a feed together, whatever the feed is written in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from outpour.client.feed_entry import Feed, FeedEntry

ENTRIES_MAX = 100_000
"""Entries that are read of one feed, the newest in nearly all feeds."""
SOURCES_MAX = 100
"""Torrents of one entry."""
TEXT_MAX = 8192
"""Letters of a title, URL or magnet link; longer ones are left out of account."""
TORRENT_TYPE = "application/x-bittorrent"


class Collection:
    """Takes the entries of a feed one by one.

    Args:
        url: Where the feed came from.
        entries_max: Entries beyond are not taken.
    """

    def __init__(self, url: str, entries_max: int) -> None:
        self.title = ""
        self._url = url
        self._entries_max = entries_max
        self._entries: dict[str, FeedEntry] = {}
        self._seen = self._left_out = 0
        self._is_cut = False

    def take(self, entry: RawEntry) -> bool:
        """Take an entry; False when there are too many already."""
        if self._seen == self._entries_max:
            self._is_cut = True
            return False
        self._seen += 1
        made = entry.made(self._url)
        if made is None:
            self._left_out += 1
        else:
            self._entries.setdefault(made.key, made)
        return True

    def feed(self) -> Feed:
        """What was taken."""
        return Feed(self.title, tuple(self._entries.values()), self._left_out, self._is_cut)


class RawEntry:
    """An entry while it is read: whatever its feed calls its parts."""

    __slots__ = ("dates", "infohash", "key", "length", "link", "links", "magnet", "title")

    def __init__(self) -> None:
        self.title = self.key = self.link = self.infohash = self.magnet = ""
        self.length: int | None = None
        self.dates: list[str] = []
        self.links: list[tuple[str, str]] = []
        """(URL, media type) of what is attached."""

    def made(self, base: str) -> FeedEntry | None:
        """The entry, None if it names no torrent."""
        magnet = self.magnet if is_magnet(self.magnet) else ""
        torrents: list[str] = []
        is_url = self.key.strip()[:4].lower() == "http"
        named = [*self.links, (self.link, ""), *([(self.key, "")] if is_url else [])]
        for url, media_type in named:
            if is_magnet(url):
                magnet = magnet or url.strip()
            elif _is_torrent(url, media_type):
                absolute = _absolute(base, url)
                if absolute and absolute not in torrents and len(torrents) < SOURCES_MAX:
                    torrents.append(absolute)
        if not torrents and not magnet and _is_infohash(self.infohash):
            magnet = f"magnet:?xt=urn:btih:{self.infohash.strip().lower()}"
        if not torrents and not magnet:
            return None
        page = _absolute(base, self.link) if self.link and not is_magnet(self.link) else None
        return FeedEntry(
            key=_short(self.key.strip()) or (torrents[0] if torrents else magnet),
            title=_short(" ".join(self.title.split())),
            page=page if page not in torrents else None,
            torrents=tuple(torrents),
            magnet=magnet or None,
            length=self.length,
            published_at=_first_time(self.dates),
        )


def is_magnet(text: str) -> bool:
    """Whether text is a magnet link that may be one of a torrent."""
    return text.lstrip()[:8].lower() == "magnet:?" and len(text) <= TEXT_MAX


def length_of(value: object) -> int | None:
    """Read a number of bytes, None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    return value if isinstance(value, int) and 0 < value < 1 << 63 else None


def _is_torrent(url: str, media_type: str) -> bool:
    if not url or len(url) > TEXT_MAX:
        return False
    if media_type.partition(";")[0].strip().lower() == TORRENT_TYPE:
        return True
    try:
        return urlsplit(url.strip()).path.lower().endswith(".torrent")
    except ValueError:
        return False


def _absolute(base: str, url: str) -> str | None:
    try:
        absolute = urljoin(base, url.strip())
        return absolute if urlsplit(absolute).scheme in ("http", "https") else None
    except ValueError:
        return None


def _is_infohash(text: str) -> bool:
    text = text.strip()
    return len(text) == 40 and not text.strip("0123456789abcdefABCDEF")


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else ""


def _first_time(texts: Iterable[str]) -> int | None:
    for text in texts:
        moment = _moment(text.strip())
        if moment is not None:
            return moment
    return None


def _moment(text: str) -> int | None:
    """Read a time as RFC 3339 or RFC 822 has it; Unix second."""
    if not text or len(text) > 100:
        return None
    for read in (_rfc3339, parsedate_to_datetime):
        try:
            moment = read(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return int(moment.timestamp())
        except (ValueError, TypeError, OverflowError, OSError, IndexError):
            continue
    return None


def _rfc3339(text: str) -> datetime:
    # Python 3.10 reads neither `Z` nor fractions of other than three or six digits.
    whole, _, rest = text.replace("Z", "+00:00").replace("z", "+00:00").partition(".")
    zone = rest.lstrip("0123456789")
    return datetime.fromisoformat(whole + zone)
