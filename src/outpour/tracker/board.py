"""Turn counts of the core, listings and counters into the rows and totals that are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from outpour.tracker.listing import Listing
from outpour.tracker.views import TorrentRow, Totals

T = TypeVar("T")
Counts = Mapping[bytes, tuple[int, int]]
Completed = Callable[[bytes], int]

SHARE_MAX = 20
"""A view is at most as old as this many times what it cost: 5 % of one core at the worst, and
always fresh on a small tracker."""


class Kept(Generic[T]):
    """A value that is worked out again when asked for, but not too often for what it costs.

    Args:
        work_out: Makes the value.
        clock: Monotonic seconds.
    """

    def __init__(
        self, work_out: Callable[[], T], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._work_out = work_out
        self._clock = clock
        self._value: T | None = None
        self._until_s = float("-inf")

    def get(self) -> T:
        """The value, fresh or recent."""
        start = self._clock()
        if self._value is None or start >= self._until_s:
            self._value = self._work_out()
            end = self._clock()
            self._until_s = end + (end - start) * SHARE_MAX
        return self._value

    def forget(self) -> None:
        """Work it out anew the next time."""
        self._value = None


def rows(
    listings: Mapping[bytes, Listing],
    others: Iterable[bytes],
    counts: Counts,
    completed: Completed,
    named: Mapping[bytes, tuple[str, int]],
    *,
    show_names: bool,
) -> tuple[TorrentRow, ...]:
    """Put the rows together, by name and then by infohash.

    Args:
        listings: Torrents whose metainfo is known.
        others: Torrents of which only the infohash is known.
        counts: Seeders and leechers by the infohash of the row.
        completed: Completed downloads of an announced infohash.
        named: Names and lengths remembered from metainfo that is gone.
        show_names: Show what torrents are, and not only their infohashes.
    """
    found = []
    known: set[bytes] = set()
    for listing in listings.values():
        known.update(listing.aliases)
        found.append(_listed(listing, counts, completed, show_names))
    for infohash in others:
        if infohash not in known:
            name, length = named.get(infohash, (None, None)) if show_names else (None, None)
            complete, downloading = counts.get(infohash, (0, 0))
            downloaded = completed(infohash)
            found.append(
                TorrentRow(
                    infohash,
                    name,
                    length,
                    complete,
                    downloading,
                    downloaded,
                    None if length is None else length * downloaded,
                )
            )
    found.sort(key=lambda row: (row.name is None, row.name or "", row.infohash))
    return tuple(found)


def _listed(listing: Listing, counts: Counts, completed: Completed, show_names: bool) -> TorrentRow:
    complete, downloading = counts.get(listing.infohash, (0, 0))
    # A client reports a download of a hybrid under each infohash that it knows, and nothing tells
    # which reports belong together: the larger count is of those that know the commoner one.
    downloaded = max(map(completed, listing.aliases))
    if not show_names:
        return TorrentRow(listing.infohash, None, None, complete, downloading, downloaded)
    return TorrentRow(
        infohash=listing.infohash,
        name=listing.name,
        length=listing.length,
        complete=complete,
        downloading=downloading,
        downloaded=downloaded,
        transferred=listing.length * downloaded,
        magnet=listing.magnet,
        torrent_path=listing.path,
        file_count=listing.file_count,
        version=listing.version,
        infohash_v2=listing.infohash_v2,
        private=listing.private,
        published_at=listing.published_at,
        comment=listing.comment,
        web_seeds=listing.web_seeds,
    )


def totals(
    shown: tuple[TorrentRow, ...],
    unique_ips: tuple[int, int],
    completed: Completed,
    completed_total: int,
) -> Totals:
    """Add up the rows with the meaning of the classic page.

    Args:
        shown: The rows.
        unique_ips: Different addresses of seeders, and of leechers.
        completed: Completed downloads of an announced infohash.
        completed_total: Their sum.
    """
    listed = {row.infohash for row in shown}
    listed.update(row.infohash_v2[:20] for row in shown if row.infohash_v2 is not None)
    gone = completed_total - sum(map(completed, listed))
    downloaded = sum(row.downloaded for row in shown)
    return Totals(
        torrents=len(shown),
        length=sum(row.length or 0 for row in shown),
        complete_ips=unique_ips[0],
        complete=sum(row.complete for row in shown),
        downloading_ips=unique_ips[1],
        downloading=sum(row.downloading for row in shown),
        downloaded=downloaded,
        downloaded_all=downloaded + gone,
        transferred=sum(row.transferred or 0 for row in shown),
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """What was counted over all torrents, where not all are shown."""

    torrents: int
    complete: int
    downloading: int
    downloaded: int


def with_sums(shown: Totals, sums: Sums) -> Totals:
    """Let totals of the rows shown tell of all torrents."""
    return replace(
        shown,
        torrents=sums.torrents,
        complete=sums.complete,
        downloading=sums.downloading,
        downloaded=sums.downloaded,
        downloaded_all=max(shown.downloaded_all, sums.downloaded),
    )
