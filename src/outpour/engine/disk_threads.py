"""Has as many threads read content as its disk needs: few where it is in memory or on a fast one.

Each block is a task of one of these threads. Waking them costs more than reading from memory does,
and a disk that is slow needs many requests at once.
"""

from __future__ import annotations

from collections.abc import Mapping

FEW, MANY = 2, 10
"""The first is what costs least of what was measured, the second is libtorrent's own number."""
SLOW_S = 0.002
"""Of a block of 16 KiB: a fast disk takes a tenth of a millisecond, one that turns five."""
FAST_S = 0.0005
BLOCKS_MIN = 100
"""Blocks by which a disk is judged."""
LOOK_S = 5.0
READ_TIME, READ_BLOCKS = "disk.disk_read_time", "disk.num_blocks_read"
"""Microseconds and a count, since the start."""


class DiskThreads:
    """Judges a disk by how long blocks took since it was last judged.

    Attributes:
        count: How many threads there are to be.
    """

    def __init__(self) -> None:
        self.count = FEW
        self._time_us = self._blocks = 0

    def take(self, counters: Mapping[str, int]) -> bool:
        """Take libtorrent's counters; whether `count` is another one now."""
        time_us, blocks = counters[READ_TIME], counters[READ_BLOCKS]
        if blocks - self._blocks < BLOCKS_MIN:
            return False
        each_s = (time_us - self._time_us) / (blocks - self._blocks) / 1e6
        self._time_us, self._blocks = time_us, blocks
        before = self.count
        if each_s > SLOW_S:
            self.count = MANY
        elif each_s < FAST_S:
            self.count = FEW
        return self.count != before
