"""What the web shows of a publication: the tracker's view, with the content behind each torrent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from outpour.publisher.published import PublishedTorrents
from outpour.tracker.cluster.cluster_figures import ClusterFigures
from outpour.tracker.figures import Sample, Stretch, TorrentRow, Totals
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.tracker.service import TrackerService
from outpour.tracker.views.usage_book import UsageBook
from outpour.web.contract import ContentRoot


class PublishedView:
    """Joins the tracker's numbers with the published files, for the web.

    Args:
        tracker: Has the numbers.
        published: Has the files.
        follows_links: Links may lead out of the published folders.
        has_content: The content is served here, too.
        checksums: Gives the SHA-256 of the files of a torrent by its infohash; may block.
    """

    def __init__(
        self,
        tracker: TrackerService,
        published: PublishedTorrents,
        *,
        follows_links: bool,
        has_content: bool = True,
        checksums: Callable[[bytes], Sequence[bytes]] = lambda _: (),
    ) -> None:
        self._tracker = tracker
        self._published = published
        self._follows_links = follows_links
        self._has_content = has_content
        self._checksums = checksums

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

    async def stretches(self, infohash: bytes, since: int, step_s: int) -> Sequence[Stretch]:
        """What is known of a swarm since then, in stretches of `step_s` seconds."""
        return await self._tracker.stretches(infohash, since, step_s)

    def gone(self, infohash: bytes) -> TorrentRow | None:
        """A torrent that was published once and is so no longer."""
        return self._tracker.gone(infohash)

    def counters(self) -> Mapping[str, int]:
        """The tracker's counters."""
        return self._tracker.counters()

    @property
    def usage(self) -> UsageBook:
        """Who uses the tracker, and who is turned away."""
        return self._tracker.usage

    def unready(self) -> str | None:
        """Why others are not to be sent here yet."""
        return self._tracker.unready()

    def cluster_figures(self) -> ClusterFigures | None:
        """The other trackers that act as one with this."""
        return self._tracker.cluster_figures()

    def fault(self) -> str | None:
        """Why announces are no longer answered, None while they are."""
        return self._tracker.fault()

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        """The .torrent to hand out."""
        return self._tracker.metainfo_file(infohash)

    def content(self, infohash: bytes) -> ContentRoot | None:
        """Where the content lies, and how to tell that it is still what was published."""
        publication = self._published.by_infohash(infohash)
        is_there = publication is not None and not self._published.is_resting(infohash)
        if publication is None or not is_there or not self._has_content:
            return None
        if publication.entry.is_remote:
            return None
        fence = None if self._follows_links else publication.fence
        return ContentRoot(publication.entry.path, fence, publication.files.holds)

    def made_checksums(self, infohash: bytes) -> Sequence[bytes]:
        """The SHA-256 of the files, wherever the content is."""
        return self._checksums(infohash)
