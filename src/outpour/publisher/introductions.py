"""Introduces leechers to the publisher's seeder: the tracker hears of them first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from outpour.publisher.published import PublishedTorrents
from outpour.publisher.seeder import LEECHERS_A_TURN_MAX, Seeder
from outpour.tracker.figures import TorrentRow
from outpour.tracker.service import TrackerService

# More leechers than this in one swarm feed each other.
PEERS_MAX = 500
# Copied from the tracker in a turn, in some milliseconds; what is left over is in the next one.
PEERS_A_TURN = 4000
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
        self._looked: dict[bytes, tuple[int, int]] = {}
        self._turn = 0

    def turn(self) -> frozenset[Path]:
        """Introduce new leechers; returns the content to look at, as it is being sent."""
        if self._seeder is None:
            return frozenset()
        self._turn += 1
        rows = {row.infohash: row for row in self._tracker.rows() if row.downloading}
        before = self._looked
        self._looked = {infohash: before.get(infohash, (0, 0)) for infohash in rows}
        self._introduce(rows)
        return self._being_sent() if self._turn % DOUBT_TURNS == 0 else frozenset()

    def _introduce(self, rows: Mapping[bytes, TorrentRow]) -> None:
        """Look at swarms with other leechers than before, those first that waited longest."""
        due = [
            (at, infohash)
            for infohash, (number, at) in self._looked.items()
            if number != rows[infohash].downloading or self._turn - at >= EVERY_TURNS
        ]
        room = PEERS_A_TURN
        for _, infohash in sorted(due):
            if room <= 0 or self._seeder is None:
                return
            peers = self._tracker.peers(infohash, PEERS_MAX)
            room -= len(peers)
            called = self._seeder.call(infohash, peers)
            # More of them are to be called than are called at once: it stays due.
            number = rows[infohash].downloading if called < LEECHERS_A_TURN_MAX else 0
            self._looked[infohash] = (number, self._turn)

    def _being_sent(self) -> frozenset[Path]:
        active = (self._published.by_infohash(infohash) for infohash in self._looked)
        return frozenset(
            one.entry.path for one in active if one and one.file_count <= DOUBT_FILES_MAX
        )
