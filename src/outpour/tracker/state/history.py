"""Which points of a swarm's history are worth keeping, and how the kept ones are read.

A point is kept when something changed, and each hour whatever happened. A swarm that stands still
costs 24 rows a day, so ten thousand torrents fit a file that nobody has to think of.
"""

from __future__ import annotations

from collections.abc import Sequence

from outpour.tracker.figures import Sample, TorrentRow, Totals
from outpour.tracker.state.bucket_block import HOUR_S
from outpour.tracker.state.sample_table import SAMPLES_DENSE_S, TOTALS

STEP_S = 60
TORRENTS_MAX = 20_000
"""Of more torrents than this, the largest swarms have a history."""
LARGEST_MAX = 1000
"""Of a tracker for everybody, whose swarms never stand still, so many have one."""

Point = tuple[bytes, int, int, int]


class Sampler:
    """Chooses what to keep; remembers what it chose last."""

    def __init__(self) -> None:
        self._last: dict[bytes, tuple[int, int, int]] = {}
        self._hour = -1

    def take(self, at: int, points: Sequence[Point], totals: Totals) -> list[Point]:
        """What to keep of this moment, `at` in Unix seconds.

        Args:
            at: Of the points.
            points: Infohash, complete, downloading and downloaded of each torrent.
            totals: Sums over all torrents.
        """
        if len(points) > TORRENTS_MAX:
            points = sorted(points, key=lambda point: point[1] + point[2])[-TORRENTS_MAX:]
        hour = at // HOUR_S
        is_due = hour != self._hour
        self._hour = hour
        seen = {}
        kept = []
        sums = (TOTALS, totals.complete, totals.downloading, totals.downloaded)
        for infohash, *numbers in (sums, *points):
            now = (numbers[0], numbers[1], numbers[2])
            seen[infohash] = now
            if is_due or self._last.get(infohash) != now:
                kept.append((infohash, *now))
        self._last = seen
        return kept


def expand(samples: Sequence[Sample], row: TorrentRow | None, now: int) -> tuple[Sample, ...]:
    """Turn kept points into a line: flat until just before each change, and up to now.

    Points older than a day stand an hour apart, with nothing known between them; these are left as
    they are.
    """
    line: list[Sample] = []
    dense = now - SAMPLES_DENSE_S
    for sample in samples:
        if line and line[-1].at >= dense and sample.at - line[-1].at > STEP_S:
            last = line[-1]
            line.append(
                Sample(sample.at - STEP_S, last.complete, last.downloading, last.downloaded)
            )
        line.append(sample)
    if row is not None and (not line or line[-1].at < now):
        line.append(Sample(now, row.complete, row.downloading, row.downloaded))
    return tuple(line)
