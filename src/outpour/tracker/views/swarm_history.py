"""The history of swarms for those who look at it, read beside the event loop and the writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from outpour.tracker.figures import Extremes, Sample, Stretch, TorrentRow
from outpour.tracker.state import history_queries
from outpour.tracker.state.bucket_block import DAY_S, HOUR_S
from outpour.tracker.state.history import expand
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.views.outlines import Outline, Outlines

T = TypeVar("T")

OUTLINE_D = 90
"""Days that an outline shows at most."""
ANSWERS_KEPT = 64
"""Until the next sample, each of some hundred references."""


class SwarmHistory:
    """Reads histories on a thread and a connection of its own.

    Args:
        keeper: Has the samples.
        retention_d: Days that are shown.
        clock: Unix time in seconds.
    """

    def __init__(self, keeper: Keeper, retention_d: int, clock: Callable[[], float]) -> None:
        self._keeper = keeper
        self._retention_d = retention_d
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outpour-history")
        self._outlines: dict[int, Outlines] = {}
        self._version = 0
        # Whole answers, until the next sample: most visitors ask for the same page.
        self._complete: dict[tuple[object, ...], Mapping[bytes, Outline]] = {}

    def advance(self) -> None:
        """Note that samples were taken."""
        self._version += 1
        self._complete.clear()

    async def samples(self, infohash: bytes, row: TorrentRow | None) -> tuple[Sample, ...]:
        """All samples of a swarm as a line that ends with the numbers of its row."""
        return await self._beside(self._line, infohash, row, int(self._clock()))

    async def stretches(self, infohash: bytes, since: int, step_s: int) -> tuple[Stretch, ...]:
        """What is known of a swarm from Unix second `since` on, in stretches of `step_s` seconds.

        The first tells how the time began: it may be a single moment, of what was true by then.
        """
        return await self._beside(self._since, infohash, since, step_s)

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Outline]:
        """Histories in at most so many stretches; those that are known take no time."""
        asked = (parts_max, *infohashes)
        if (complete := self._complete.get(asked)) is not None:
            return complete
        outlines = self._outlines.setdefault(parts_max, self._new_outlines(parts_max))
        version = self._version
        known = {key: outlines.current(key, version) for key in infohashes}
        missing = [key for key, outline in known.items() if outline is None]
        since = int(self._clock()) - min(self._retention_d, OUTLINE_D) * DAY_S
        read = await self._beside(self._read, outlines, missing, version, since) if missing else {}
        found = {key: outline for key, outline in (known | read).items() if outline}
        if version == self._version and len(self._complete) < ANSWERS_KEPT:
            self._complete[asked] = found
        return found

    async def ask(self, ask: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Ask the store for something else, on the thread of those who look."""
        return await self._beside(self._keeper.read, ask, otherwise)

    def close(self) -> None:
        """End the thread, after what it does now."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _new_outlines(self, parts_max: int) -> Outlines:
        return Outlines(self._span, self._stretches, parts_max)

    def _read(
        self, outlines: Outlines, infohashes: Sequence[bytes], version: int, since: int
    ) -> dict[bytes, Outline | None]:
        return {key: outlines.get(key, version, since) for key in infohashes}

    def _line(self, infohash: bytes, row: TorrentRow | None, now: int) -> tuple[Sample, ...]:
        nothing: tuple[Sample, ...] = ()
        found = self._keeper.read(partial(history_queries.samples, infohash=infohash), nothing)
        return expand(found, row, now)

    def _since(self, infohash: bytes, since: int, step_s: int) -> tuple[Stretch, ...]:
        # Each hour has a sample: one of the hour before says what was true when the time began.
        found = self._stretches(infohash, step_s, since - HOUR_S)
        early = [stretch for stretch in found if stretch.ended < since]
        late = [stretch for stretch in found if stretch.ended >= since]
        if early and not (late and late[0].is_after_gap):
            late.insert(0, _moment(early[-1], since))
        return tuple(late)

    def _span(self, infohash: bytes) -> tuple[int, int] | None:
        def ask(connection: sqlite3.Connection) -> tuple[int, int] | None:
            return history_queries.span(connection, infohash)

        return self._keeper.read(ask, None)

    def _stretches(self, infohash: bytes, step_s: int, after: int) -> Sequence[Stretch]:
        def ask(connection: sqlite3.Connection) -> list[Stretch]:
            return history_queries.stretches(connection, infohash, step_s, after)

        return self._keeper.read(ask, [])

    async def _beside(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


def _moment(last: Stretch, at: int) -> Stretch:
    """The end of a stretch, as what was still true at a later time."""
    complete, downloading = last.complete.last, last.downloading.last
    return Stretch(at, at, Extremes(*[complete] * 4), Extremes(*[downloading] * 4), last.downloaded)
