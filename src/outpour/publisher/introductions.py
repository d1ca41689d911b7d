"""Introduces leechers to the publisher's seeder: the tracker hears of them first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.tracker.figures import Peer
from outpour.tracker.service import TrackerService

# More leechers than this in one swarm feed each other.
PEERS_MAX = 500
# Leechers and swarms of a turn, in some milliseconds; what is left over is in the next one.
PEERS_A_TURN = 200
# Content that is sent to somebody is looked at so often, in turns, where it has not more files.
DOUBT_TURNS = 5
DOUBT_FILES_MAX = 1000


class Introductions:
    """Brings peers of the tracker to the seeder: those that come, as they come.

    Args:
        tracker: Knows the leechers.
        seeder: Connects to them; None introduces nobody.
        published: The torrents.
        others: Of torrents that the seeder has besides, the own infohash by any that is announced.
    """

    def __init__(
        self,
        tracker: TrackerService,
        seeder: Seeder | None,
        published: PublishedTorrents,
        others: Callable[[bytes], bytes | None] = lambda _: None,
    ) -> None:
        self._tracker = tracker
        self._seeder = seeder
        self._published = published
        self._others = others
        # Swarms whose leechers came before they could be told of.
        self._due: dict[bytes, None] = {}
        self._turn = 0

    def add(self, publication: Publication) -> None:
        """Introduce the leechers that a torrent has already, now that it is seeded."""
        self._due[publication.infohash] = None

    def turn(self) -> frozenset[Path]:
        """Introduce new leechers; returns the content to look at, as it is being sent."""
        if self._seeder is None:
            return frozenset()
        self._turn += 1
        arrivals, has_missed = self._tracker.arrivals(PEERS_A_TURN)
        for infohash, peer in arrivals:
            self._call(infohash, [peer])
        if has_missed:
            self._due.update(dict.fromkeys(self._published.infohashes()))
        self._look(PEERS_A_TURN - len(arrivals))
        return self._being_sent() if self._turn % DOUBT_TURNS == 0 else frozenset()

    def _look(self, room: int) -> None:
        while self._due and room > 0:
            infohash = next(iter(self._due))
            del self._due[infohash]
            publication = self._published.by_infohash(infohash)
            room -= 1
            for alias in publication.aliases if publication is not None else ():
                peers = self._tracker.peers(alias, PEERS_MAX)
                room -= len(peers)
                self._call(alias, peers)

    def _call(self, announced: bytes, peers: Iterable[Peer]) -> None:
        publication = self._published.by_alias(announced)
        own = self._others(announced) if publication is None else publication.infohash
        if own is not None and self._seeder is not None:
            self._seeder.call(own, peers)

    def _being_sent(self) -> frozenset[Path]:
        busy = (row.infohash for row in self._tracker.rows() if row.downloading)
        active = (self._published.by_infohash(infohash) for infohash in busy)
        return frozenset(
            one.entry.path for one in active if one and one.file_count <= DOUBT_FILES_MAX
        )
