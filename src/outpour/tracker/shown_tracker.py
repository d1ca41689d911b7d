"""What a running tracker shows: torrents, their swarms and history, numbers, and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from outpour import _core
from outpour.tracker.cluster.cluster_figures import ClusterFigures
from outpour.tracker.figures import Peer, Sample, Stretch, TorrentRow, Totals
from outpour.tracker.lists.admission import Admission
from outpour.tracker.lists.allowed_set import AllowedSet
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.views.census import ROWS_MAX, Counter, walk
from outpour.tracker.views.current_census import CurrentCensus
from outpour.tracker.views.swarm_history import SwarmHistory
from outpour.tracker.views.usage_book import UsageBook

if TYPE_CHECKING:
    from outpour._core import Logged, Tracker
    from outpour.tracker.cluster.cluster_node import ClusterNode

PEERS_MAX = 1_000_000


class ShownTracker:
    """The side of a tracker that pages, API and metrics look at; `TrackerService` runs it.

    Attributes:
        settings: What the operator chose.
        cluster: This tracker as one of several; None where it is alone.
    """

    settings: TrackerSettings
    cluster: ClusterNode | None
    _clock: Callable[[], float]
    _core: Tracker
    _keeper: Keeper
    _allowed: AllowedSet
    _admission: Admission
    _counter: Counter
    _census: CurrentCensus
    _usage: UsageBook
    _past: SwarmHistory
    _raw: dict[bytes, bytes]

    @property
    def version(self) -> str:
        """Version of outpour."""
        return _core.__version__

    def now(self) -> float:
        """Server time in Unix seconds."""
        return self._clock()

    def rows(self) -> tuple[TorrentRow, ...]:
        """The torrents listed, by name and then by infohash.

        An open tracker lists the `census.ROWS_MAX` largest; `walk` tells all.
        """
        return self._census.get().rows

    def row(self, infohash: bytes) -> TorrentRow | None:
        """One torrent by the 20 bytes of either of its infohashes, None if it is not listed."""
        row = self._census.get().index.get(infohash)
        # Not all are listed by an open tracker, nor are the latest where there are many.
        return self._counter.row(infohash) if row is None and self.settings.open else row

    def totals(self) -> Totals:
        """Sums over all torrents."""
        return self._census.get().totals

    def revision(self) -> object:
        """Changes whenever a torrent comes or goes."""
        return self._census.revision

    def walk(self, cursor: str, limit: int) -> tuple[Sequence[TorrentRow], str | None]:
        """A part of all torrents, and where the next part begins; see `web.view.View`."""
        census = self._census.get() if self._is_whole() else None
        return walk(census, self._counter, cursor, limit)

    async def history(self, infohash: bytes) -> tuple[Sample, ...]:
        """Samples of one swarm, oldest first; of all together for `sample_table.TOTALS`."""
        row = self.row(infohash)
        return await self._past.samples(row.infohash if row else infohash, row)

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Sequence[Stretch]]:
        """The histories of swarms in at most so many stretches, by the infohash of the row."""
        return await self._past.outlines(infohashes, parts_max)

    async def stretches(self, infohash: bytes, since: int, step_s: int) -> Sequence[Stretch]:
        """What is known of a swarm since then, in stretches of `step_s` seconds."""
        return await self._past.stretches(infohash, since, step_s)

    def gone(self, infohash: bytes) -> TorrentRow | None:
        """A torrent that was listed once and is so no longer."""
        is_kept = not self.settings.open and self.row(infohash) is None
        return self._counter.gone(infohash) if is_kept else None

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        """The .torrent to hand out, None if there is none or none may be."""
        listing = self._allowed.find(infohash) if self.settings.serve_torrents else None
        if listing is None:
            return None
        raw = self._raw.get(listing.infohash) if listing.path is None else None
        return None if raw is None and listing.path is None else MetainfoFile(listing, raw)

    def content(self, infohash: bytes) -> None:
        """None: a tracker alone serves no content."""
        del infohash

    def made_checksums(self, infohash: bytes) -> Sequence[bytes]:
        """None: a tracker alone knows of none."""
        del infohash
        return ()

    def is_key(self, secret: str) -> bool:
        """Whether this is a key of a private tracker that counts now."""
        return self._admission.knows(secret, self._clock())

    def unready(self) -> str | None:
        """Why others are not to be sent here yet, None once they may be."""
        return None if self.cluster is None else self.cluster.unready()

    def cluster_figures(self) -> ClusterFigures | None:
        """The other trackers that act as one with this, None where it is alone."""
        return None if self.cluster is None else self.cluster.figures()

    def fault(self) -> str | None:
        """Why announces are no longer answered, None while they are; `run` ends with it."""
        return self._core.fault()

    def counters(self) -> Mapping[str, int]:
        """Counters since start, by name; and `unsaved`, those of downloads that are to be saved."""
        return {**self._core.counters(), "unsaved": self._keeper.ledger.unsaved()}

    @property
    def usage(self) -> UsageBook:
        """Who uses the tracker and who is turned away, and what becomes of requests."""
        return self._usage

    def logged(self, limit: int) -> Sequence[Logged]:
        """Take up to `limit` answered requests, the oldest first; from any thread."""
        return self._core.logged(limit)

    def logged_refusals(self, limit: int) -> Sequence[Logged]:
        """Take up to `limit` requests that were refused, the oldest first; from any thread."""
        return self._core.logged_refusals(limit)

    def peers(self, infohash: bytes, limit: int = PEERS_MAX) -> tuple[Peer, ...]:
        """Peers of one swarm, at most `limit`."""
        return tuple(Peer(*peer) for peer in self._core.peers(infohash, limit))

    def arrivals(self, limit: int) -> tuple[list[tuple[bytes, Peer]], bool]:
        """Leechers that came since the last call; see `Tracker.take_arrivals` of the core."""
        taken, has_missed = self._core.take_arrivals(limit)
        return [(infohash, Peer(host, port, False)) for infohash, host, port in taken], has_missed

    def _is_whole(self) -> bool:
        """Whether all torrents are listed."""
        return not self.settings.open or self._torrents_held() <= ROWS_MAX

    def _torrents_held(self) -> int:
        return self._core.counters()["torrents"]

    def _torrents_listed(self) -> int:
        held = self._torrents_held()
        return held if self.settings.open else max(held, len(self._allowed))
