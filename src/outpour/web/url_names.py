"""The torrents of a view by the names they have in URLs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from outpour.base.cached import Cached
from outpour.torrent.disk_names import safe_name
from outpour.tracker.figures import TorrentRow, Totals
from outpour.web.adapted_names import adapted
from outpour.web.contract import View
from outpour.web.limits import COST_FACTOR, FEED_ITEMS_MAX, NAMED_AT_ONCE_MAX, NAMES_KEPT_S
from outpour.web.page_thread import PageThread


@dataclass(frozen=True, slots=True)
class Names:
    """Which name leads to which torrent.

    Attributes:
        metainfo: `NAME.torrent` to infohash.
        metainfo_of: The same, the other way round.
        content: Torrent name to infohash, for torrents whose content is served.
        content_of: The same, the other way round.
        adapted: The names of `content` as clients write them that adapt names to all systems,
            where that is unambiguous.
        newest: Infohashes of the newest torrents, the newest first; those of the feed.
    """

    metainfo: Mapping[str, bytes]
    metainfo_of: Mapping[bytes, str]
    content: Mapping[str, bytes]
    content_of: Mapping[bytes, str]
    adapted: Mapping[str, bytes]
    newest: Sequence[bytes]


Rows = Sequence[TorrentRow]


@dataclass(frozen=True, slots=True)
class _Kept:
    rows: Rows
    revision: object
    named: list[tuple[bytes, int | None]]
    names: Names


class UrlNames:
    """Rows of a view, and what they are called.

    Args:
        view: Has the rows.
        thread: Where many names are worked out.
    """

    def __init__(self, view: View, thread: PageThread) -> None:
        self._view = view
        self._thread = thread
        self._rows = Cached(lambda: tuple(view.rows()), cost_factor=COST_FACTOR)
        self._totals = Cached(view.totals, cost_factor=COST_FACTOR)
        self._kept: _Kept | None = None
        self._kept_until_s = 0.0
        self._revision: object = None

    def rows(self) -> tuple[TorrentRow, ...]:
        """All torrents; what has come is there at once."""
        revision = self._view.revision()
        if revision != self._revision:
            self._revision = revision
            self._rows.forget()
            self._totals.forget()
        return self._rows.get()

    def totals(self) -> Totals:
        """Sums over all torrents."""
        return self._totals.get()

    async def names(self) -> Names:
        """The names of all torrents; worked out anew only when torrents came or went."""
        revision, kept, now_s = self._view.revision(), self._kept, time.monotonic()
        is_same = kept is not None and kept.revision == revision
        if kept is not None and is_same and now_s < self._kept_until_s:
            return kept.names
        rows = self.rows()
        self._kept_until_s = now_s + NAMES_KEPT_S
        if kept is not None and is_same and kept.rows is rows:
            return kept.names
        if len(rows) <= NAMED_AT_ONCE_MAX:
            now = self._keep(rows, revision, kept)
        else:
            now = await self._thread.run(lambda: self._keep(rows, revision, kept))
        self._kept = now
        return now.names

    def _keep(self, rows: Rows, revision: object, kept: _Kept | None) -> _Kept:
        # The numbers of a row change all the time, and what it is called does not.
        named = [(row.infohash, row.published_at) for row in rows if row.name is not None]
        if kept is not None and kept.revision == revision and kept.named == named:
            return replace(kept, rows=rows)
        return _Kept(rows, revision, named, _named(rows, self._view))


def _named(rows: Rows, view: View) -> Names:
    metainfo: dict[str, bytes] = {}
    content: dict[str, bytes] = {}
    # The newest torrent of a name has the plain URL; the infohash settles equal times, so that a
    # URL means the same torrent after a restart.
    newest_first = sorted(
        # Another node of a cluster may have told what one is called, and has the .torrent.
        (row for row in rows if row.name is not None and row.version is not None),
        key=lambda row: (-(row.published_at or 0), row.infohash),
    )
    for row in newest_first:
        name = safe_name(str(row.name))
        plain = f"{name}.torrent"
        marked = f"{name}-{row.infohash_hex[:8]}.torrent"
        metainfo[marked if plain in metainfo else plain] = row.infohash
        if name not in content and view.content(row.infohash) is not None:
            content[name] = row.infohash
    return Names(
        metainfo=metainfo,
        metainfo_of={infohash: name for name, infohash in metainfo.items()},
        content=content,
        content_of={infohash: name for name, infohash in content.items()},
        adapted={name: content[own] for (name,), (own,) in adapted((it,) for it in content)},
        newest=[row.infohash for row in newest_first[:FEED_ITEMS_MAX]],
    )
