"""The census that is shown: of now while counting is quick, taken beside the event loop if not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from outpour.base.cached import Cached
from outpour.tracker.views.census import Census

AT_ONCE_MAX = 5000
"""Torrents that are counted while the visitor waits, in some ten milliseconds."""

COST_FACTOR = 20
"""A census is at most as old as this many times what it cost: 5 % of one core at the worst, and
always fresh on a small tracker."""

SIZE_S = 0.2
TURN_S = 0.5


class CurrentCensus:
    """Hands out the latest census.

    Args:
        take: Takes one; may be called on another thread.
        size: How many torrents there are, with a swarm or listed without one; quick.
        clock: Monotonic seconds.

    Attributes:
        revision: Changes with what is listed.
    """

    def __init__(
        self,
        take: Callable[[], Census],
        size: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._size = size
        self._clock = clock
        self._cached = Cached(self._take_now, cost_factor=COST_FACTOR, clock=clock)
        self._last: Census | None = None
        self._is_wanted = False
        self._was_seen = False
        self._is_large = False
        self._sized_s = float("-inf")
        self._due_s = float("-inf")
        self.revision = 0

    def get(self) -> Census:
        """The census: of now, or of some seconds ago where there are many torrents."""
        if self._last is not None and self._has_many():
            self._is_wanted = self._was_seen = True
            return self._last
        return self._cached.get()

    def forget(self) -> None:
        """Take a new one the next time, or as soon as that can be: what is listed has changed."""
        self.revision += 1
        self._cached.forget()
        self._due_s = float("-inf")
        # Rows that nobody has asked for would only take memory.
        self._is_wanted |= self._was_seen

    async def keep_up(self) -> None:
        """Take a new census whenever somebody has looked at an old one, until cancelled."""
        while True:
            await asyncio.sleep(TURN_S)
            if not (self._is_wanted and self._has_many() and self._clock() >= self._due_s):
                continue
            self._is_wanted = self._was_seen = False
            began = self._clock()
            self._last = await asyncio.to_thread(self._take)
            ended = self._clock()
            self._due_s = ended + (ended - began) * COST_FACTOR

    def _take_now(self) -> Census:
        self._last = self._take()
        return self._last

    def _has_many(self) -> bool:
        now = self._clock()
        if now >= self._sized_s + SIZE_S:
            self._is_large = self._size() > AT_ONCE_MAX
            self._sized_s = now
        return self._is_large
