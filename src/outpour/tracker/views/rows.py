"""Turn counts of the core, listings and counters into the rows that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from outpour.torrent.magnet_link import Magnet
from outpour.tracker.figures import TorrentRow
from outpour.tracker.lists.listed_torrent import Listing

Counts = Mapping[bytes, tuple[int, int]]
Completed = Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in both of their orders.

    Attributes:
        rows: By name and then by infohash.
        keys: Their infohashes, sorted.
    """

    rows: tuple[TorrentRow, ...] = ()
    keys: tuple[bytes, ...] = ()


class RowMaker:
    """Makes rows, and hands out those of the last time again where nothing about them changed.

    Args:
        completed: Completed downloads of an announced infohash.
        named: Names and lengths remembered from metainfo that is gone.
        foreign: What is needed for a magnet link of torrents that are known from other nodes of a
            cluster alone: their 32 bytes of BEP 52 if they are v2 alone, else nothing.
        show_names: Show what torrents are, and not only their infohashes.
    """

    def __init__(
        self,
        completed: Completed,
        named: Callable[[], Mapping[bytes, tuple[str, int]]],
        foreign: Callable[[], Mapping[bytes, bytes]] = dict,
        *,
        show_names: bool,
    ) -> None:
        self._completed = completed
        self._named = named
        self._foreign = foreign
        self._show_names = show_names
        self._made: dict[bytes, tuple[Listing | None, TorrentRow]] = {}
        self._last = Rows()

    def all(
        self, listings: Mapping[bytes, Listing], others: Iterable[bytes], counts: Counts
    ) -> Rows:
        """Make the rows of everything that is shown.

        Args:
            listings: Torrents whose metainfo is known.
            others: Torrents of which only the infohash is known.
            counts: Seeders and leechers by the infohash of the row.
        """
        made: dict[bytes, tuple[Listing | None, TorrentRow]] = {}
        known: set[bytes] = set()
        for listing in listings.values():
            known.update(listing.aliases)
            made[listing.infohash] = (listing, self.listed(listing, counts))
        named = self._named() if self._show_names else {}
        for infohash in others:
            if infohash not in known:
                made[infohash] = (None, self._unlisted(infohash, named, counts))
        last = self._last
        if self._is_in_order(made):
            rows = Rows(tuple(made[row.infohash][1] for row in last.rows), last.keys)
        else:
            ordered = sorted((row for _, row in made.values()), key=place)
            rows = Rows(tuple(ordered), tuple(sorted(made)))
        self._made, self._last = made, rows
        return rows

    def some(self, infohashes: Iterable[bytes], counts: Counts) -> tuple[TorrentRow, ...]:
        """Make the rows of torrents of which only the infohash is known."""
        named = self._named() if self._show_names else {}
        return tuple(sorted((self._unlisted(key, named, counts) for key in infohashes), key=place))

    def _is_in_order(self, made: Mapping[bytes, tuple[Listing | None, TorrentRow]]) -> bool:
        before = self._made
        return made.keys() == before.keys() and all(
            row is before[key][1] or row.name == before[key][1].name
            for key, (_, row) in made.items()
        )

    def listed(self, listing: Listing, counts: Counts) -> TorrentRow:
        """Make the row of a torrent whose metainfo is known."""
        complete, downloading = counts.get(listing.infohash, (0, 0))
        # A client reports a download of a hybrid under each infohash that it knows, and nothing
        # tells which reports belong together: the larger count is of those that know the commoner
        # one.
        downloaded = max(map(self._completed, listing.aliases))
        before, row = self._made.get(listing.infohash, (None, None))
        if (
            row is not None
            and before is listing
            and (row.complete, row.downloading, row.downloaded)
            == (complete, downloading, downloaded)
        ):
            return row
        if not self._show_names:
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
            group=listing.group,
            is_folder=listing.is_folder,
            licence=listing.licence,
            torrent_tag=listing.tag,
            about_tag=listing.about_tag,
        )

    def _unlisted(
        self, infohash: bytes, named: Mapping[bytes, tuple[str, int]], counts: Counts
    ) -> TorrentRow:
        name, length = named.get(infohash, (None, None))
        complete, downloading = counts.get(infohash, (0, 0))
        downloaded = self._completed(infohash)
        transferred = None if length is None else length * downloaded
        before, kept = self._made.get(infohash, (None, None))
        digest = self._foreign().get(infohash) if name is not None else None
        magnet = None
        if kept is not None and before is None and kept.name == name:
            magnet = kept.magnet
        if digest is not None and magnet is None:
            magnet = _magnet(infohash, digest, name, length)
        row = TorrentRow(
            infohash, name, length, complete, downloading, downloaded, transferred, magnet,
            infohash_v2=digest or None,
        )  # fmt: skip
        return kept if before is None and kept is not None and kept == row else row


def _magnet(infohash: bytes, digest: bytes, name: str | None, length: int | None) -> str:
    """A magnet link to which only trackers are to be added; by `digest` of what is v2 alone."""
    v1 = None if digest else infohash
    return str(Magnet(infohash_v1=v1, infohash_v2=digest or None, name=name, length=length))


def place(row: TorrentRow) -> tuple[bool, str, bytes]:
    """What rows are ordered by: their names, and then their infohashes."""
    return row.name is None, row.name or "", row.infohash
