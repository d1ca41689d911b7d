"""Saves what the tracker counts, again and again: counters, history and swarms, each in its time.

Counters wait for nothing else: swarms and history are written on another thread and connection.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.keeper import Keeper

if TYPE_CHECKING:
    from outpour._core import Tracker

T = TypeVar("T")

TURN_S = 1.0
MINUTE_S = 60
HOUR_S = 3600
FORGOTTEN_AT_ONCE = 2000
CHANGING = ("announces_http", "announces_udp", "expired")
"""Counters of the core of which none moves while the swarms stay as they are."""


class Saver:
    """Saves, on threads of its own.

    Args:
        settings: How much is kept, and how long.
        core: Has the swarms.
        keeper: Takes what is saved.
        clock: Unix time in seconds.
        drain: Takes over what the core has counted; on the event loop.
        sampling: Begins to take a sample at a Unix second, on the event loop; what it returns is
            called on another thread and keeps the sample.
    """

    def __init__(
        self,
        settings: TrackerSettings,
        core: Tracker,
        keeper: Keeper,
        clock: Callable[[], float],
        drain: Callable[[], None],
        sampling: Callable[[int], Callable[[], bool]],
    ) -> None:
        self._core = core
        self._keeper = keeper
        self._clock = clock
        self._drain = drain
        self._sampling = sampling
        self._retention_d = settings.history_retention_d
        # A counter that began anew would be lower than what the other nodes of a cluster know.
        may_forget = settings.open and not settings.cluster
        self._counters_max = settings.counters_max if may_forget else sys.maxsize
        self._counters = ThreadPoolExecutor(1, thread_name_prefix="outpour-counters")
        self._swarms = ThreadPoolExecutor(1, thread_name_prefix="outpour-swarms")
        self._began = clock() // MINUTE_S
        self._is_ending = False
        self._kept: tuple[int, ...] | None = None

    def works(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to run until it is cancelled."""
        return [self._save_counters, self._save_history, self._save_swarms]

    def finish(self) -> bool:
        """Save everything; says if that went well. The core has stopped by then."""
        # A snapshot under way is given up; no job comes after it.
        self._is_ending = True
        self._swarms.shutdown(wait=True)
        self._counters.shutdown(wait=True)
        self._drain()
        is_saved = self._keeper.save_all()
        is_saved &= self._sampling(int(self._clock()))() and self._keeper.end()
        written = self._keeper.write_swarms(self._core.snapshot, int(self._clock()))
        is_saved &= written is not None and self._keeper.put_in_force(written)
        self._keeper.drop_old_swarms()
        return is_saved

    async def _save_counters(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TURN_S
        while True:
            await asyncio.sleep(due - loop.time())
            due = max(due + TURN_S, loop.time())
            self._drain()
            await self._beside(self._counters, self._keeper.save)

    async def _save_history(self) -> None:
        await self._beside(self._swarms, self._keeper.check_history)
        await self._beside(self._swarms, self._keeper.copy)
        is_pruned = False
        async for at in self._minutes():
            await self._beside(self._swarms, self._sampling(at))
            if at % HOUR_S == 0 or not is_pruned:
                prune = self._keeper.prune
                is_pruned = await self._beside(self._swarms, prune, self._retention_d)
            await self._forget()
            await self._beside(self._swarms, self._keeper.copy)

    async def _forget(self) -> None:
        """Drop the smallest counters where there are more than are to be kept.

        Strangers make counters of an open tracker, as many as they like. Some more are dropped than
        must be, so that this is seldom done.
        """
        ledger = self._keeper.ledger
        if len(ledger) <= self._counters_max:
            return
        excess = len(ledger) - self._counters_max * 15 // 16
        found = await self._beside(self._swarms, ledger.smallest, self._core, excess)
        for at in range(0, len(found), FORGOTTEN_AT_ONCE):
            gone = ledger.forget(self._core, found[at : at + FORGOTTEN_AT_ONCE])
            await self._beside(self._counters, self._keeper.forget, gone)

    async def _save_swarms(self) -> None:
        async for _ in self._minutes():
            held = self._core.counters()
            now = tuple(held[name] for name in CHANGING)
            # Swarms that nobody has touched are as they were, and let the disk sleep.
            if now != self._kept and await self._save_swarms_once():
                self._kept = now

    async def _save_swarms_once(self) -> bool:
        taken_at = int(self._clock())
        written = await self._beside(self._swarms, self._keeper.write_swarms, self._parts, taken_at)
        if written is None:
            return False
        # What the swarms have counted up to now is in the ledger, and saved together with them.
        self._drain()
        is_saved = await self._beside(self._counters, self._keeper.put_in_force, written)
        await self._beside(self._swarms, self._keeper.drop_old_swarms)
        return is_saved

    def _parts(self) -> Iterator[bytes]:
        parts: Iterable[bytes] = self._core.snapshot()
        for part in parts:
            if self._is_ending:
                return
            yield part

    async def _minutes(self) -> AsyncIterator[int]:
        """The Unix second of each full minute, as it comes; those that were slept over are not."""
        minute = self._began
        while True:
            await asyncio.sleep(TURN_S)
            now = self._clock() // MINUTE_S
            if now != minute:
                minute = now
                yield int(now) * MINUTE_S

    async def _beside(self, thread: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work, *args)
