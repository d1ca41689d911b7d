"""Introduces leechers to the publisher's seeder: the tracker hears of them first."""

from __future__ import annotations

from pathlib import Path

from outpour.publisher.published import PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.tracker.service import TrackerService

# More leechers than this in one swarm feed each other.
PEERS_MAX = 500
# A swarm whose number of leechers stays the same is looked at so often, in turns: one may have
# come as another went.
EVERY_TURNS = 30
# Content that is sent to somebody is looked at so often, in turns, where it has not more files.
DOUBT_TURNS = 5
DOUBT_FILES_MAX = 1000


class Introductions:
    """Brings peers of the tracker to the seeder.

    Args:
        tracker: Knows the leechers.
        seeder: Connects to them; None introduces nobody.
        published: The torrents.
    """

    def __init__(
        self, tracker: TrackerService, seeder: Seeder | None, published: PublishedTorrents
    ) -> None:
        self._tracker = tracker
        self._seeder = seeder
        self._published = published
        self._leechers: dict[bytes, tuple[int, int]] = {}
        self._turn = 0

    def turn(self) -> frozenset[Path]:
        """Introduce new leechers; returns the content to look at, as it is being sent."""
        if self._seeder is None:
            return frozenset()
        self._turn += 1
        leechers: dict[bytes, tuple[int, int]] = {}
        for row in self._tracker.rows():
            if not row.downloading:
                continue
            number, at = self._leechers.get(row.infohash, (0, 0))
            if number != row.downloading or self._turn - at >= EVERY_TURNS:
                at = self._turn
                self._seeder.call(row.infohash, self._tracker.peers(row.infohash, PEERS_MAX))
            leechers[row.infohash] = (row.downloading, at)
        self._leechers = leechers
        return self._being_sent() if self._turn % DOUBT_TURNS == 0 else frozenset()

    def _being_sent(self) -> frozenset[Path]:
        active = (self._published.by_infohash(infohash) for infohash in self._leechers)
        return frozenset(
            one.entry.path for one in active if one and one.file_count <= DOUBT_FILES_MAX
        )
