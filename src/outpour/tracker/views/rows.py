"""Turn counts of the core, listings and counters into the rows that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from outpour.tracker.figures import TorrentRow
from outpour.tracker.lists.listed_torrent import Listing

Counts = Mapping[bytes, tuple[int, int]]
Completed = Callable[[bytes], int]


def make_rows(
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
