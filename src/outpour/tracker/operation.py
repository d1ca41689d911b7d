"""What operators want to know of a running tracker: numbers of now, their history, and events."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from outpour.base.process_usage import ProcessUsage
from outpour.tracker.event_log import EventLog, Happening
from outpour.tracker.state import event_table, moment_table
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.operation_tiers import Moment, stretched

if TYPE_CHECKING:
    from outpour._core import Tracker
    from outpour.tracker.views.swarm_history import SwarmHistory

LEVELS = frozenset({"torrents", "peers_v4", "peers_v6", "seeders", "store_bytes"})
"""Counters of the core that rise and fall."""
RECENT_S = 15.0
"""How far back what happens lately goes, while somebody looks."""
LOOKED_MIN_S = 1.0
"""Between two readings that a rate can be taken from."""
UNKEPT_MAX = 120
"""Moments that wait while nothing can be written: two hours."""
MINUTE_S = 60
LOOKS_MAX = 20
LOOK_AGAIN_S = 0.02
"""A minute goes to disk in milliseconds; a disk that stands still keeps nobody waiting for long."""
ANSWERS_KEPT = 16
"""Until the next sample, each of some hundred moments."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers of one instant.

    Attributes:
        at: Unix time in seconds.
        up_s: Monotonic time in seconds.
        counts: What never falls while the process runs, by name.
        levels: What rises and falls, by name.
    """

    at: float
    up_s: float
    counts: Mapping[str, float]
    levels: Mapping[str, float]


Source = Callable[[], tuple[Mapping[str, float], Mapping[str, float]]]
"""Counts and levels of a part of the process; quick, on the event loop."""


def moment_between(at: int, before: Reading, after: Reading) -> Moment:
    """What happened between two readings."""
    grown = {name: count - before.counts.get(name, 0) for name, count in after.counts.items()}
    return Moment(
        at,
        max(after.up_s - before.up_s, 1e-3),
        {name: count for name, count in grown.items() if count > 0},
        dict(after.levels),
        dict(after.levels),
    )


class Operation:
    """Reads, keeps and tells the numbers of a tracker, and its events.

    Args:
        clock: Unix time in seconds.

    Attributes:
        log: What happened lately.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._up = time.monotonic
        self.log = EventLog(clock)
        self._sources: list[Source] = []
        self._unkept: deque[Moment] = deque(maxlen=UNKEPT_MAX)
        self._sampled: deque[Reading] = deque(maxlen=2)
        self._looked: deque[Reading] = deque(maxlen=64)
        self._read: dict[tuple[int, int], Sequence[Moment]] = {}
        # Odd while moments go from memory to disk: they are in both, or seem to be in neither.
        self._moves = 0

    def begin(self, core: Tracker, keeper: Keeper, past: SwarmHistory) -> None:
        """Begin to read a core; the events of an earlier run are in the log from now on."""
        self._core = core
        self._keeper = keeper
        self._past = past
        nothing: list[Happening] = []
        self.log.load(keeper.read(event_table.happenings, nothing))
        self._sampled.append(self.reading())

    def also_read(self, source: Source) -> None:
        """Let a part of the process tell its numbers too."""
        self._sources.append(source)

    def reading(self) -> Reading:
        """The numbers of now, in a fraction of a millisecond."""
        counts: dict[str, float] = {}
        levels: dict[str, float] = {}
        for name, number in self._core.counters().items():
            (levels if name in LEVELS else counts)[name] = number
        usage = ProcessUsage.now()
        counts["cpu_s"] = usage.cpu_s
        if usage.resident_bytes is not None:
            levels["resident_bytes"] = usage.resident_bytes
        if usage.open_files is not None:
            levels["open_files"] = usage.open_files
        counts["downloads"] = self._keeper.ledger.total()
        for source in self._sources:
            more_counts, more_levels = source()
            counts.update(more_counts)
            levels.update(more_levels)
        return Reading(self._clock(), self._up(), counts, levels)

    def lately(self) -> tuple[Reading, Moment]:
        """The numbers of now, and what happened since some seconds ago.

        Since the last full minute, where nobody has looked in the meantime.
        """
        now = self.reading()
        while self._looked and now.up_s - self._looked[0].up_s > RECENT_S:
            self._looked.popleft()
        known = [*list(self._looked)[:1], *reversed(self._sampled)]
        base = next((one for one in known if now.up_s - one.up_s >= LOOKED_MIN_S), known[-1])
        self._looked.append(now)
        return now, moment_between(int(base.at), base, now)

    def name(self, infohash: bytes) -> str | None:
        """What a torrent is or was called, None if that was never known."""
        return self._keeper.named.get(infohash, (None, 0))[0]

    def sampling(self) -> Callable[[], bool]:
        """Take the moment since the last call; what is returned keeps it, on another thread."""
        reading = self.reading()
        last = self._sampled[-1]
        # It is of the minute that its middle is in, however late it is taken.
        at = int(reading.at - (reading.up_s - last.up_s) / 2) // MINUTE_S * MINUTE_S
        self._unkept.append(moment_between(at, last, reading))
        self._sampled.append(reading)
        self.log.turn()
        events = self.log.take_unsaved()
        oldest = {one.kind: self.log.oldest(one.kind) for one in events}
        return partial(self._keep, events, oldest)

    async def moments(self, since: int, step_s: int) -> Sequence[Moment]:
        """What happened since Unix second `since`, in stretches of `step_s` seconds.

        Oldest first, and up to now. A stretch in which the tracker did not run lacks.
        """
        for _ in range(LOOKS_MAX):
            moves = self._moves
            found = await self._moments(since, step_s)
            if moves == self._moves and not moves % 2:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        return found

    async def _moments(self, since: int, step_s: int) -> Sequence[Moment]:
        now = self.reading()
        last = self._sampled[-1]
        running = moment_between(int(now.at) // MINUTE_S * MINUTE_S, last, now)
        kept = await self._kept(now.at, since, step_s)
        more = [one for one in self._unkept if one.at >= since]
        if now.up_s - last.up_s >= LOOKED_MIN_S and self._sampled[-1] is last:
            more.append(running)
        return stretched([*kept, *more], max(step_s, MINUTE_S)) if more else kept

    async def _kept(self, now: float, since: int, step_s: int) -> Sequence[Moment]:
        known = self._read.get((since, step_s))
        if known is not None:
            return known
        moves, nothing = self._moves, list[Moment]()
        found = await self._past.ask(
            lambda connection: moment_table.moments(connection, now, since, step_s), nothing
        )
        if moves == self._moves and not moves % 2 and len(self._read) < ANSWERS_KEPT:
            self._read[since, step_s] = found
        return found

    def _keep(self, events: Sequence[Happening], oldest: Mapping[str, int]) -> bool:
        moments = tuple(self._unkept)
        self._moves += 1
        try:
            is_kept = self._keeper.keep_moments(moments)
            for _ in moments if is_kept else ():
                self._unkept.popleft()
            self._read.clear()
        finally:
            self._moves += 1
        if events and not self._keeper.keep_events(events, oldest):
            self.log.put_back(events)
            return False
        return is_kept
