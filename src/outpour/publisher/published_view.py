"""What the web shows of a publication: the tracker's view, with the content behind each torrent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from outpour.publisher.published import PublishedTorrents
from outpour.tracker.figures import Sample, Stretch, TorrentRow, Totals
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.tracker.service import TrackerService


class PublishedView:
    """Joins the tracker's numbers with the published's files, for the web."""

    def __init__(self, tracker: TrackerService, published: PublishedTorrents) -> None:
        self._tracker = tracker
        self._published = published

    @property
    def version(self) -> str:
        """Version of the tracker."""
        return self._tracker.version

    def now(self) -> float:
        """Server time, in Unix seconds."""
        return self._tracker.now()

    def rows(self) -> Sequence[TorrentRow]:
        """All published torrents."""
        return self._tracker.rows()

    def row(self, infohash: bytes) -> TorrentRow | None:
        """One published torrent."""
        return self._tracker.row(infohash)

    def totals(self) -> Totals:
        """Sums over all torrents."""
        return self._tracker.totals()

    def walk(self, cursor: str, limit: int) -> tuple[Sequence[TorrentRow], str | None]:
        """A part of all published torrents, and the cursor of the next."""
        return self._tracker.walk(cursor, limit)

    def revision(self) -> object:
        """Changes whenever a torrent or its content comes or goes."""
        return self._tracker.revision(), self._published.revision

    async def history(self, infohash: bytes) -> Sequence[Sample]:
        """Samples of a swarm, oldest first."""
        return await self._tracker.history(infohash)

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Sequence[Stretch]]:
        """The histories of swarms in at most so many stretches."""
        return await self._tracker.outlines(infohashes, parts_max)

    def counters(self) -> Mapping[str, int]:
        """The tracker's counters."""
        return self._tracker.counters()

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        """The .torrent to hand out."""
        return self._tracker.metainfo_file(infohash)

    def content(self, infohash: bytes) -> Path | None:
        """Where the content lies."""
        publication = self._published.by_infohash(infohash)
        return publication.entry.path if publication is not None else None
