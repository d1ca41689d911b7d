"""What operators want to know of a running tracker: numbers of now, their history, and events."""

from __future__ import annotations

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
from outpour.tracker.state.operation_tiers import Moment

if TYPE_CHECKING:
    from outpour._core import Tracker
    from outpour.tracker.views.swarm_history import SwarmHistory

LEVELS = frozenset({"torrents", "peers_v4", "peers_v6", "seeders", "store_bytes"})
"""Counters of the core that rise and fall."""
UNKEPT_MAX = 120
"""Moments that wait while nothing can be written: two hours."""
MINUTE_S = 60


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
        self.log = EventLog(clock)
        self._sources: list[Source] = []
        self._unkept: deque[Moment] = deque(maxlen=UNKEPT_MAX)

    def begin(self, core: Tracker, keeper: Keeper, past: SwarmHistory) -> None:
        """Begin to read a core; the events of an earlier run are in the log from now on."""
        self._core = core
        self._keeper = keeper
        self._past = past
        nothing: list[Happening] = []
        self.log.load(keeper.read(event_table.happenings, nothing))
        self._last = self.reading()

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
        return Reading(self._clock(), time.monotonic(), counts, levels)

    def sampling(self) -> Callable[[], bool]:
        """Take the moment since the last call; what is returned keeps it, on another thread."""
        reading = self.reading()
        # A second before the end of a minute is in it, and so is its beginning.
        at = int(reading.at - 1) // MINUTE_S * MINUTE_S
        self._unkept.append(moment_between(at, self._last, reading))
        self._last = reading
        self.log.turn()
        events = self.log.take_unsaved()
        oldest = {one.kind: self.log.oldest(one.kind) for one in events}
        return partial(self._keep, events, oldest)

    async def moments(self, since: int, step_s: int) -> Sequence[Moment]:
        """What happened since Unix second `since`, in stretches of `step_s` seconds.

        Oldest first. A stretch in which the tracker did not run lacks; the last goes up to the last
        full minute.
        """
        now = self._clock()

        def ask(connection: moment_table.Connection) -> list[Moment]:
            return moment_table.moments(connection, now, since, step_s)

        nothing: list[Moment] = []
        return await self._past.ask(ask, nothing)

    def _keep(self, events: Sequence[Happening], oldest: Mapping[str, int]) -> bool:
        moments = tuple(self._unkept)
        is_kept = self._keeper.keep_moments(moments)
        for _ in moments if is_kept else ():
            self._unkept.popleft()
        if events and not self._keeper.keep_events(events, oldest):
            self.log.put_back(events)
            return False
        return is_kept
