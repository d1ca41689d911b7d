"""The census that is shown: of now while counting is quick, taken beside the event loop if not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from outpour.base.cached import Cached
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.views.census import Census

AT_ONCE_MAX = 5000
"""Torrents that are counted while the visitor waits, in some ten milliseconds."""

COST_FACTOR = 20
"""A census is at most as old as this many times what it cost: 5 % of one core at the worst, and
always fresh on a small tracker."""

SIZE_S = 0.2
TURN_S = 0.5
NEW_MAX = 500
"""Torrents that are put into an old census when somebody looks, in some milliseconds; of more a new
one is taken."""

Join = Callable[[Census, Sequence[Listing]], Census]


class CurrentCensus:
    """Hands out the latest census.

    Args:
        take: Takes one; may be called on another thread.
        size: How many torrents there are, with a swarm or listed without one; quick.
        join: Puts torrents that are new into a census.
        clock: Monotonic seconds.

    Attributes:
        revision: Changes with what is listed.
    """

    def __init__(
        self,
        take: Callable[[], Census],
        size: Callable[[], int],
        join: Join = lambda census, _: census,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._size = size
        self._join = join
        self._new: list[Listing] = []
        self._clock = clock
        self._cached = Cached(self._take_now, cost_factor=COST_FACTOR, clock=clock)
        self._last: Census | None = None
        self._is_wanted = False
        self._was_seen = False
        self._is_large = False
        self._sized_s = float("-inf")
        self._due_s = self._rested_s = float("-inf")
        self.revision = 0

    def get(self) -> Census:
        """The census: of now, or of some seconds ago where there are many torrents."""
        if self._last is not None and self._has_many():
            self._is_wanted = self._was_seen = True
            if self._new:
                # Whoever is told of a torrent finds it.
                self._last, self._new = self._join(self._last, self._new), []
            return self._last
        return self._cached.get()

    def forget(self, new: Sequence[Listing] = ()) -> None:
        """Take a new one the next time, or as soon as that can be: what is listed has changed.

        Args:
            new: Torrents that are listed now, and were not, or not like this.
        """
        self.revision += 1
        self._cached.forget()
        self._new += new
        self._due_s = float("-inf")
        # Rows that nobody has asked for would only take memory.
        self._is_wanted |= self._was_seen

    async def keep_up(self) -> None:
        """Take a new census whenever somebody has looked at an old one, until cancelled."""
        while True:
            await asyncio.sleep(TURN_S)
            now = self._clock()
            is_due = self._is_wanted and now >= self._due_s
            is_due |= len(self._new) > NEW_MAX and now >= self._rested_s
            if not (is_due and self._has_many()):
                continue
            self._is_wanted = self._was_seen = False
            began, known = self._clock(), len(self._new)
            held = self._new
            taken = await asyncio.to_thread(self._take)
            # What came while it was taken may lack in it; somebody may have looked meanwhile.
            self._new = held[known:] if held is self._new else [*held[known:], *self._new]
            self._last = taken
            ended = self._clock()
            self._due_s = self._rested_s = ended + (ended - began) * COST_FACTOR

    def _take_now(self) -> Census:
        self._last, self._new = self._take(), []
        return self._last

    def _has_many(self) -> bool:
        now = self._clock()
        if now >= self._sized_s + SIZE_S:
            self._is_large = self._size() > AT_ONCE_MAX
            self._sized_s = now
        return self._is_large
