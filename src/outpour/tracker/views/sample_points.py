"""Which points of the swarms' history there are at one moment, worked out beside the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpour.tracker.figures import Totals
from outpour.tracker.state.history import LARGEST_MAX, Point, Sampler
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.views.census import Census

if TYPE_CHECKING:
    from outpour._core import Tracker


class SamplePoints:
    """Takes the points of a moment, and remembers those before.

    Args:
        core: Has the swarms.
        keeper: Has the counters, and keeps the points.
    """

    def __init__(self, core: Tracker, keeper: Keeper) -> None:
        self._core = core
        self._keeper = keeper
        self._sampler = Sampler()

    def keep(self, at: int, census: Census | None) -> bool:
        """Keep the points of Unix second `at`; says if that went well."""
        return self._keeper.sample(at, self.take(at, census))

    def take(self, at: int, census: Census | None) -> list[Point]:
        """What to keep of Unix second `at`; without a census, the largest swarms."""
        if census is not None:
            points = [
                (row.infohash, row.complete, row.downloading, row.downloaded) for row in census.rows
            ]
            return self._sampler.take(at, points, census.totals)
        keeper = self._keeper
        points = [
            (infohash, complete, downloading, keeper.completed(infohash))
            for infohash, complete, downloading, _ in self._core.largest(LARGEST_MAX)
        ]
        held = self._core.counters()
        downloading = held["peers_v4"] + held["peers_v6"] - held["seeders"]
        downloaded = keeper.completed_total()
        sums = Totals(complete=held["seeders"], downloading=downloading, downloaded=downloaded)
        return self._sampler.take(at, points, sums)
