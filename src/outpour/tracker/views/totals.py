"""Turn the rows shown, and what was counted besides them, into the sums over all torrents."""

from __future__ import annotations

from dataclasses import dataclass, replace

from outpour.tracker.figures import TorrentRow, Totals
from outpour.tracker.views.rows import Completed


def make_totals(
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
