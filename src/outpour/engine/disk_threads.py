"""Has as many threads move content as its disk needs: none where it is in memory or on a fast one.

Each block is a task of one of these threads. Waking it and being woken costs more than to read from
memory or to write there, which the thread of the network does by itself where there is no other.
A disk that is slow needs many requests at once, and a network that does not wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping

NONE, MANY = 0, 10
"""The first is what costs least of what was measured, the second is libtorrent's own number."""
SLOW_S = 0.002
"""Of a block of 16 KiB: a fast disk takes a tenth of a millisecond, one that turns five."""
FAST_S = 0.0005
BLOCKS_MIN = 20
"""Blocks by which a disk is judged."""
LOOK_S = 1.0
"""How long the network may wait for a disk before that is noticed."""
TIMES = ("disk.disk_read_time", "disk.disk_write_time")
"""Microseconds since the start."""
BLOCKS = ("disk.num_blocks_read", "disk.num_blocks_written")


class DiskThreads:
    """Judges a disk by how long blocks took since it was last judged.

    Attributes:
        count: How many threads there are to be.
    """

    def __init__(self) -> None:
        self.count = NONE
        self._time_us = self._blocks = 0

    def take(self, counters: Mapping[str, int]) -> bool:
        """Take libtorrent's counters; whether `count` is another one now."""
        time_us, blocks = (sum(counters[name] for name in names) for names in (TIMES, BLOCKS))
        if blocks - self._blocks < BLOCKS_MIN:
            return False
        each_s = (time_us - self._time_us) / (blocks - self._blocks) / 1e6
        self._time_us, self._blocks = time_us, blocks
        before = self.count
        if each_s > SLOW_S:
            self.count = MANY
        elif each_s < FAST_S:
            self.count = NONE
        return self.count != before
