"""What a mirror shows of its torrents: tracker, page, web seed and own listing always agree.

A torrent is tracked as soon as it is known, so that whoever has its .torrent from here finds the
others here too, should the publisher's tracker be gone. Its content is served once it is whole.
"""

from __future__ import annotations

from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.placement import Placed
from outpour.publisher.entries import PublishEntry
from outpour.publisher.introductions import Introductions
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.self_listing import SelfListing
from outpour.torrent.editor import Changes, edit
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Given
from outpour.tracker.service import TrackerService


class Presented:
    """Tracks and serves what is mirrored.

    Args:
        holdings: Take the .torrent files that are handed out.
        tracker: Tracks them.
        published: The page reads it.
        listing: Keeps the seeder in the swarms of the tracker.
        introductions: Bring its leechers to the seeder.
        urls: The addresses of the mirror.
        has_content: Content is served over HTTP, too.
    """

    def __init__(
        self,
        holdings: Holdings,
        tracker: TrackerService,
        published: PublishedTorrents,
        listing: SelfListing,
        introductions: Introductions,
        urls: PublicUrls,
        *,
        has_content: bool,
    ) -> None:
        self._holdings = holdings
        self._tracker = tracker
        self._published = published
        self._listing = listing
        self._introductions = introductions
        self._urls = urls
        self._has_content = has_content
        self._served: tuple[int, frozenset[bytes]] = (-1, frozenset())

    def written(self, held: Held, metainfo: Metainfo, placed: Placed | None) -> Given:
        """Write down the .torrent that is handed out here; this blocks.

        The publisher's trackers stay the first. Ours are named for the day when those are gone, and
        our web seed as soon as it has something to give.

        Raises:
            WriteError: It cannot be written.
        """
        info = metainfo.info
        known = {url for tier in metainfo.tiers for url in tier}
        own = [tier for tier in self._urls.tiers if known.isdisjoint(tier)]
        # A private torrent belongs to its trackers alone (BEP 27).
        tiers = [*metainfo.tiers, *([] if info.private and known else own)]
        seeds: tuple[str, ...] = ()
        if placed is not None and placed.has_plain_names and self._has_content:
            paths = [file.path for file in info.files if not file.is_padding]
            seeds = self._urls.web_seeds(info.name, paths if info.is_folder else None)
        changes = Changes(
            announce=tiers[0][0],
            announce_list=tiers if len(tiers) > 1 or len(tiers[0]) > 1 else None,
            web_seeds=list(dict.fromkeys((*seeds, *metainfo.web_seeds))),
        )
        path = self._holdings.serve(edit(metainfo, changes))
        # The tracker keeps what it wants to know; the pieces stay on the disk.
        served = Metainfo.read(path)
        tag = self._holdings.told.tag(held.infohash)
        return Given(served, path, held.group, held.published_at, held.licence, tag)

    def track(self, given: list[Given]) -> None:
        """Track torrents, and hand them out."""
        self._tracker.allow_all(given)

    def serve(self, held: Held, metainfo: Metainfo, placed: Placed) -> None:
        """Serve content that is in its place, and that the seeder has."""
        info = metainfo.info
        digests = (info.infohash_v1, info.infohash_v2)
        root = placed.root
        publication = Publication(
            PublishEntry(root, root.parent),
            placed.fingerprint,
            info.infohash,
            tuple(digest[:20] for digest in digests if digest is not None),
            info.name,
            info.length,
            sum(not file.is_padding for file in info.files),
            placed.files,
            root if info.is_folder else root.parent,
            info.is_folder,
            held.published_at if held.published_at is not None else placed.modified_at,
        )
        self._published.put(publication)
        self._introductions.add(publication)
        self._listing.add(publication)

    def served(self) -> frozenset[bytes]:
        """The infohashes of all content that is in its place and served."""
        if self._served[0] != self._published.revision:
            found = (one.infohash for one in self._published.all())
            whole = frozenset(one for one in found if not self._published.is_resting(one))
            self._served = (self._published.revision, whole)
        return self._served[1]

    def rest(self, infohash: bytes) -> None:
        """Give out no content over HTTP of what another is about to replace."""
        self._published.rest(infohash)

    def stop_serving(self, infohash: bytes) -> None:
        """Serve content no longer; its torrent is still tracked."""
        publication = self._published.by_infohash(infohash)
        if publication is not None:
            self._published.take(publication.entry.path)
            self._published.go_on(infohash)
            self._listing.remove(publication)

    def withdraw(self, infohash: bytes, *, is_published: bool) -> None:
        """Neither track nor serve a torrent any longer; others may, where it is published."""
        self.stop_serving(infohash)
        self._tracker.withdraw(infohash, is_for_all=not is_published)

    def peers(self, infohash: bytes, limit: int) -> list[tuple[str, int]]:
        """Peers that our tracker knows of a torrent."""
        return [(peer.host, peer.port) for peer in self._tracker.peers(infohash, limit)]

    def denied(self) -> set[bytes]:
        """The infohashes of which an administrator of the mirror wants nothing."""
        return {bytes.fromhex(one) for one in self._tracker.ruling.of("denied")}
